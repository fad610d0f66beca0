import { existsSync } from 'node:fs';
import { expect } from 'chai';
import { LIBRARY, librarySource } from '../../server/campaigns/library.js';
import { releaseCampaign } from '../../server/campaigns/release.js';
import { createCampaign } from '../../server/campaigns/upload.js';
import { webVersionOf } from '../../server/campaigns/prepare.js';
import { forgetCatalogue, listBySlug } from '../../server/consent/catalogue.js';
import { sealOrganisation } from '../../server/consent/read-catalogue.js';
import { withdraw } from '../../server/consent/withdraw.js';
import { DEMO } from '../../server/tour/demo.js';
import { checkLedger, eventually, startTestService, type TestService } from '../support/service.js';
import { makeZip } from '../support/zip.js';
import { staffBrowser, wordsOf, type StaffBrowser } from '../support/staff.js';
import { factsOf, one } from '../support/state.js';
import { join } from '../support/story.js';
import { formOf, get, headingOf, linksOf, post, type Page } from '../support/web.js';

const HTML = `<html><head><title>June</title>
<style>@media (prefers-color-scheme: dark) { p { color: #ffffff } }</style></head>
<body><p>Hello from {{organisation}}</p>
<p><a href="http://shop.example.org/">The shop</a> <a href="{{web_version_url}}">As a page</a></p>
<img src="https://www.example.org/boat.png" width="300"></body></html>`;

describe('the pages of a campaign', function () {
  this.timeout(120_000);
  let service: TestService;
  let ada: StaffBrowser;
  let boris: StaffBrowser;
  let viewer: StaffBrowser;

  before(async () => {
    service = await startTestService();
    ada = await staffBrowser(service, 'marketer', 'en', 'ada@workshop.example');
    boris = await staffBrowser(service, 'owner', 'en', 'boris@workshop.example');
    viewer = await staffBrowser(service, 'viewer', 'en', 'viewer@workshop.example');
    for (const name of ['dora', 'emil', 'chen']) await join(service, `${name}@gmail.com`);
    const chen = await factsOf(service.ctx, 'chen@gmail.com');
    await withdraw(service.ctx, chen?.consentId ?? '', 'page');
  });
  after(async () => {
    await checkLedger(service.ctx);
    await service.stop();
  });

  const upload = async (html = HTML): Promise<string> => {
    const file = { list: 'news', fileName: 'june.html', source: Buffer.from(html) };
    return `/admin/campaigns/${await createCampaign(service.ctx, file)}`;
  };
  const idOf = (href: string): string => /[0-9a-f-]{36}/.exec(href)?.[0] ?? '';
  const wantTwo = async (isWanted: boolean): Promise<void> => {
    const { ctx } = service;
    await ctx.db.query('update organisation set release_by_second = $1', [isWanted]);
    await sealOrganisation(ctx.db, ctx.keyring, DEMO.organisation.slug);
    forgetCatalogue(ctx);
  };
  const stateOf = async (href: string): Promise<string> =>
    one<string>(service.ctx, 'select state from campaign where id = $1', [idOf(href)]);

  describe('check it before it is sent:', () => {
    it('what is worth a look comes with its line and what to do, and what is good is said', async () => {
      const words = wordsOf(await ada.see(`${await upload()}/check`));

      expect(words).to.contain('This mail can leave.');
      expect(words).to.contain('1 link is not encrypted: http://shop.example.org/').and.contain('Line 4 of the file.');
      expect(words).to.contain('1 image has no words for those who do not see it.').and.contain('Line 5 of the file.');
      expect(words).to.contain(
        'There is no preheader. The inbox shows how the mail begins: "Hello from Wisła Bookshop (demo)',
      );
      expect(words).to.contain('Good: The mail is signed (DKIM) by bookshop.example, the domain in From.');
      expect(words).to.contain('Good: The way out can be read: contrast 10');
    });

    it('who will get it and who will not stands there in numbers, with bars', async () => {
      const page = await ada.see(`${await upload()}/check`);

      expect(wordsOf(page))
        .to.contain('2 of 3 people on the list will get it')
        .and.contain('Will not: Unsubscribed 1 33.3%');
      expect(page.text)
        .to.match(/class="bar-gets" width="66\.7"/)
        .and.to.match(/class="bar-left" width="33\.3"/);
    });

    it('mail that came back and complaints are told apart from other blocks, in the language of whoever looks', async () => {
      const { ctx } = service;
      for (const [name, reason] of [
        ['dora', 'bounce'],
        ['emil', 'complaint'],
      ] as const)
        await ctx.db.query(
          'insert into suppression (organisation_id, hash, reason, created_at) select organisation_id, suppression_hash, $2, now() from subscriber where id = $1',
          [(await factsOf(ctx, `${name}@gmail.com`))?.subscriberId, reason],
        );

      const href = `${await upload()}/check`;
      const [english, polish] = [wordsOf(await ada.see(href)), wordsOf(await viewer.see(`${href}?lang=pl`))];
      await ctx.db.query(`delete from suppression where reason in ('bounce', 'complaint')`);

      expect(english)
        .to.contain('Mail to the address came back 1 33.3%')
        .and.contain('Reported our mail as spam 1 33.3%')
        .and.not.contain('Must not be mailed');
      expect(polish).to.contain('Poczta na ten adres wracała 1').and.contain('Zgłoszono naszą pocztę jako spam 1');
    });

    it('the spam filter of the machine is asked when somebody says so, or is said to be missing', async () => {
      const href = await upload();
      const unasked = wordsOf(await ada.see(`${href}/check`));

      const words = wordsOf(await ada.follow(await ada.send(`${href}/check`, 'spam', {})));

      expect(unasked).to.contain('The filter of this machine can be asked');
      expect(words).to.match(
        existsSync('/usr/bin/spamassassin')
          ? /(?:Rspamd|SpamAssassin) gives -?\d+\.\d points/
          : /No spam filter is installed|gave no answer/,
      );
    });

    it('viewers see it in Polish as well', async () => {
      const page = await viewer.see(`${await upload()}/check?lang=pl`);

      expect(wordsOf(page)).to.contain('Ta wiadomość może wyjść.').and.contain('Wiersz 4 pliku.');
      expect(page.text).not.to.contain('data-act="spam"');
    });
  });

  describe('write its text part:', () => {
    const words = 'Good day,\r\nthe boat is ready.  \r\n{{list}}';

    it('it is saved, undone, and made anew from the HTML', async () => {
      const href = `${await upload()}/text`;
      const text = async (): Promise<string> =>
        one<string>(service.ctx, 'select text from campaign where id = $1', [idOf(href)]);
      const first = await text();

      const saved = await ada.follow(await ada.send(href, 'text', { text: words, subject: 'July' }, NO_FILE));
      expect(wordsOf(saved)).to.contain('Saved.');
      expect(headingOf(saved)).to.equal('July');
      expect(await text()).to.equal('Good day,\nthe boat is ready.\n{{list}}\n');
      await ada.send(href, 'text-former', {}, NO_FILE);
      expect(await text()).to.equal(first);
      await ada.send(href, 'text-former', {}, NO_FILE);
      expect(await text()).to.contain('the boat is ready');
      await ada.send(href, 'text-anew', {}, NO_FILE);
      expect(await text()).to.equal(first);
    });

    it('what nothing fills is refused, and what was typed stays on the page', async () => {
      const href = `${await upload()}/text`;

      const page = await ada.send(href, 'text', { text: 'Dear {{surname}}' }, NO_FILE);

      expect(page.status).to.equal(422);
      expect(wordsOf(page)).to.contain('Nothing was changed.');
      expect(page.text).to.contain('Dear {{surname}}</textarea>');

      const nameless = await ada.send(href, 'text', { text: 'Hello', subject: '' }, NO_FILE);

      expect(nameless.text).to.contain('<a href="#subject">There is no subject.');
    });

    it('a former text that was written by SQL is not offered (T6)', async () => {
      const href = await upload();
      await service.ctx.db.query(`update campaign set former_text = 'Buy this', former_seal = seal where id = $1`, [
        idOf(href),
      ]);

      expect((await ada.see(`${href}/text`)).text).not.to.contain('data-act="text-former"');
    });
  });

  describe('send tests:', () => {
    it('to several of the staff at once, and to nobody else', async () => {
      const href = await upload();
      const page = await ada.see(`${href}/test`);
      const form = formOf(page, 'test-several');

      expect(form.fields).to.have.property(`to-${ada.id}`).and.not.to.be.undefined;
      const fields = { ...form.fields, [`to-${boris.id}`]: 'on', 'to-dora@gmail.com': 'on', language: 'pl' };
      const told = await ada.follow(await post(form.action, fields, { cookie: ada.cookie }));

      expect(wordsOf(told)).to.contain('2 tests are on their way.');
      for (const { email } of [ada, boris]) {
        const { parsed } = await service.mailTo(email);
        expect(parsed.subject).to.equal('[Test] June');
        expect(parsed.text).to.contain('Wypisz mnie');
      }
      expect(await service.mailsTo('dora@gmail.com')).to.equal(1);
    });

    it('somebody must be chosen', async () => {
      const { action, fields } = formOf(await ada.see(`${await upload()}/test`), 'test-several');

      const chosen = { csrf: fields['csrf'] ?? '', several: 'yes', language: 'pl' };
      const page = await post(action, chosen, { cookie: ada.cookie });

      expect(page.status).to.equal(422);
      expect(page.text).to.match(/value="pl"[^>]* selected/);
      expect(wordsOf(page)).to.contain('Choose at least one person.');
    });
  });

  describe('preview it:', () => {
    it('as on a device that is set to dark, and as made-up people', async () => {
      const href = await upload();
      const dark = await ada.see(`${href}/preview?theme=dark`);
      const page = await ada.see(`${href}?theme=dark&person=rtl`);

      expect(dark.text).to.contain('@media (min-width: 0px)');
      expect((await ada.see(`${href}/preview`)).text).to.contain('@media (max-width: 0px)');
      expect(wordsOf(page)).to.contain('نور الهدى');
      expect(page.text)
        .to.contain('previews-dark')
        .and.to.contain('/preview?footer&#x3D;en&amp;theme&#x3D;dark&amp;person&#x3D;rtl');
    });
  });

  describe('let a second person release it, where the organisation wants that:', () => {
    before(async () => wantTwo(true));
    after(async () => wantTwo(false));

    it('who asks cannot release, another can, and it is written down who did', async () => {
      const href = await upload();
      expect((await ada.see(`${href}/send`)).text).not.to.contain('data-act="send"');

      await ada.send(`${href}/send`, 'ask-release', {});
      const own = await post(`${service.base}${href}/send`, { csrf: await csrfOf(ada, href) }, { cookie: ada.cookie });
      expect([own.status, headingOf(own)]).to.deep.equal([403, 'Somebody else must release this campaign']);
      expect(wordsOf(await boris.see('/admin'))).to.contain('Release asked for');
      expect(wordsOf(await boris.see(`${href}/send`))).to.contain('ada@workshop.example asked for its release');
      await boris.send(`${href}/send`, 'send', {});

      await eventually(async () => expect(await stateOf(href)).to.equal('sent'));
      const words = wordsOf(await ada.see(href));
      expect(words).to.match(
        /Release asked for ada@workshop\.example .+ Released, to start at once boris@workshop\.example/,
      );
    });

    it('it is given back with a word, and asked for again', async () => {
      const href = await upload();
      await ada.send(`${href}/send`, 'ask-release', {});

      await boris.send(`${href}/send`, 'return', { note: 'The shop is closed on Sunday.' });

      expect(wordsOf(await ada.see(href))).to.match(
        /Given back The shop is closed on Sunday\. boris@workshop\.example/,
      );
      expect((await boris.see(`${href}/send`)).text).not.to.contain('data-act="send"');
      expect((await ada.see(`${href}/send`)).text).to.contain('data-act="ask-release"');
    });

    it('a change voids what was asked', async () => {
      const href = await upload();
      await ada.send(`${href}/send`, 'ask-release', {});
      await ada.send(`${href}/text`, 'text', { text: 'Another text' }, NO_FILE);

      const page = await post(
        `${service.base}${href}/send`,
        { csrf: await csrfOf(boris, href) },
        { cookie: boris.cookie },
      );

      expect(page.status).to.equal(403);
      expect(await stateOf(href)).to.equal('draft');
    });

    it('a request that was written by SQL counts for nothing (T6)', async () => {
      const href = await upload();
      await service.ctx.db.query(
        `insert into campaign_act (campaign_id, number, what, staff_id, draft_seal, happened_at, seal) select id, 1, 'asked', $2, seal, now(), seal from campaign where id = $1`,
        [idOf(href), ada.id],
      );

      const page = await post(
        `${service.base}${href}/send`,
        { csrf: await csrfOf(boris, href) },
        { cookie: boris.cookie },
      );

      expect(page.status).to.equal(403);
    });

    it('what was done cannot be taken out or changed', async () => {
      const attempts = ['delete from campaign_act', 'truncate campaign_act', `update campaign_act set what = 'asked'`];

      for (const attempt of attempts) {
        const error: unknown = await service.ctx.db.query(attempt).catch((thrown: unknown) => thrown);
        expect(error, attempt).to.be.instanceOf(Error);
      }
    });

    it('the operator, who holds the keys, is not held up, and is named as such', async () => {
      const href = await upload();

      await releaseCampaign(service.ctx, idOf(href));

      expect(wordsOf(await ada.see(href))).to.contain('Released, to start at once The operator, on the command line');
    });
  });

  describe('use it again:', () => {
    it('a duplicate is a draft with the same words, also of a campaign that was sent', async () => {
      const href = await upload();
      await ada.send(`${href}/text`, 'text', { text: 'By hand' }, NO_FILE);
      await ada.send(`${href}/send`, 'send', {});
      await eventually(async () => expect(await stateOf(href)).to.equal('sent'));

      const copy = (await ada.send(href, 'duplicate', {})).headers.get('location') ?? '';

      expect(copy)
        .to.match(/^\/admin\/campaigns\//)
        .and.not.equal(href);
      expect(await stateOf(copy)).to.equal('draft');
      const columns = 'select concat(subject, source, html, text, file_name) from campaign where id = $1';
      expect(await one(service.ctx, columns, [idOf(copy)])).to.equal(await one(service.ctx, columns, [idOf(href)]));
      await ada.send(`${copy}/send`, 'send', {});
      await eventually(async () => expect(await stateOf(copy)).to.equal('sent'));
    });

    it('its file is kept as a template, renamed, started from, deleted and taken back', async () => {
      const kept = (await ada.send(await upload(), 'keep', { name: 'Summer' })).headers.get('location') ?? '';
      const nameless = await ada.send(kept, 'rename', { name: ' ' });
      expect([nameless.status, wordsOf(nameless).includes('Give the template a name')]).to.deep.equal([422, true]);
      await ada.send(kept, 'rename', { name: 'Every summer' });
      expect(wordsOf(await boris.see('/admin/templates')))
        .to.contain('Every summer')
        .and.contain('ada@workshop.example');

      const source = HTML.replace('Hello from', 'Greetings from');
      const started = await ada.send(kept, 'start', { source, subject: 'August', list: 'news' }, NO_FILE);
      expect(started.status, wordsOf(started)).to.equal(303);
      expect((await ada.follow(started)).text).to.contain('Greetings from');

      const gone = await ada.follow(await ada.send(kept, 'delete', {}));
      expect(wordsOf(gone)).to.contain('"Every summer" was deleted.');
      expect((await ada.see(kept)).status).to.equal(404);
      const { action, fields } = formOf(gone, 'restore');
      await post(action, fields, { cookie: ada.cookie });
      expect(headingOf(await ada.see(kept))).to.equal('Every summer');
    });

    it('a template that was written by SQL is not offered (T6)', async () => {
      const kept = (await ada.send(await upload(), 'keep', { name: 'Ours' })).headers.get('location') ?? '';
      await service.ctx.db.query(`update campaign_template set source = '<p>Buy this</p>' where id = $1`, [idOf(kept)]);

      expect((await ada.see(kept)).status).to.equal(404);
    });

    for (const name of LIBRARY)
      it(`a campaign starts from the template "${name}", and nothing in it is wrong`, async () => {
        const started = await ada.send(
          `/admin/templates/${name}`,
          'start',
          { list: 'news', source: await librarySource(name) },
          NO_FILE,
        );
        const words = wordsOf(await ada.see(`${started.headers.get('location') ?? ''}/check`));

        expect(words).to.match(/1 thing is worth a look\..+We could not see whether the DNS/);
      });

    it('viewers look and start nothing', async () => {
      expect((await viewer.see('/admin/templates/letter')).text).not.to.contain('data-act="start"');
      const page = await post(
        `${service.base}${await upload()}/duplicate`,
        { csrf: await csrfOf(viewer, '/admin') },
        { cookie: viewer.cookie },
      );
      expect(page.status).to.equal(403);
    });
  });

  describe('take every format:', () => {
    const eml = `From: Wisla <news@bookshop.example>\r\nSubject: July\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nHello, this is July.\r\n`;
    const PIXELS = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

    it('a finished message is checked, tried and duplicated; only its subject is changed, and it has no page for everybody', async () => {
      const file = { list: 'news', fileName: 'july.eml', source: Buffer.from(eml) };
      const id = await createCampaign(service.ctx, file);
      const href = `/admin/campaigns/${id}`;

      expect(wordsOf(await ada.see(`${href}/check`))).to.contain('This mail can leave.');
      await ada.send(`${href}/text`, 'text', { subject: 'August' }, NO_FILE);
      expect((await ada.see(`${href}/text`)).text)
        .to.contain('August')
        .and.not.contain('<textarea');
      expect((await ada.see(href)).text).not.to.contain('data-act="keep"');
      const copy = (await ada.send(href, 'duplicate', {})).headers.get('location') ?? '';
      await releaseCampaign(service.ctx, idOf(copy));
      const list = await listBySlug(service.ctx, 'news');
      expect((await get(webVersionOf(service.ctx, list, idOf(copy), 'en'))).status).to.equal(404);
    });

    it('pictures of an archive go with a duplicate and onto its page', async () => {
      const page =
        '<html><head><title>Boat</title></head><body><p>Hi</p><img alt="A boat" src="boat.png"></body></html>';
      const source = makeZip([
        { path: 'index.html', body: Buffer.from(page) },
        { path: 'boat.png', body: Buffer.from(PIXELS, 'base64') },
      ]);
      const id = await createCampaign(service.ctx, { list: 'news', fileName: 'boat.zip', source });

      expect(wordsOf(await ada.see(`/admin/campaigns/${id}/check`))).to.contain('1 image, with words');
      const copy = (await ada.send(`/admin/campaigns/${id}`, 'duplicate', {})).headers.get('location') ?? '';
      await releaseCampaign(service.ctx, idOf(copy));
      const list = await listBySlug(service.ctx, 'news');
      expect((await get(webVersionOf(service.ctx, list, idOf(copy), 'en'))).text).to.contain('data:image/png;base64,');
    });

    it('what is for one person shows in a preview, and on the page for everybody nobody is named', async () => {
      const href = await upload(
        HTML.replace(
          '</p>',
          ', {{default attribute.first_name "reader"}}{{#if attribute.city}} of {{attribute.city}}{{/if}} {{year}}</p>',
        ),
      );

      expect((await ada.see(`${href}/preview`)).text).to.contain(', Ada of Łódź 20');
      expect((await ada.see(`${href}/preview?person=bare`)).text).to.contain(', reader 20');
      await releaseCampaign(service.ctx, idOf(href));
      const list = await listBySlug(service.ctx, 'news');
      expect((await get(webVersionOf(service.ctx, list, idOf(href), 'en'))).text).to.contain(', reader 20');
    });
  });

  describe('have a page for everybody:', () => {
    const webPage = async (href: string, language = 'en'): Promise<Page> =>
      get(webVersionOf(service.ctx, await listBySlug(service.ctx, 'news'), idOf(href), language));

    it('which is linked in the mail, names no person, and leads nobody out but by the list', async () => {
      const before = await service.mailsTo('dora@gmail.com');
      const href = await upload();
      await ada.send(`${href}/send`, 'send', {});
      const { parsed } = await service.mailTo('dora@gmail.com', before + 1);
      const link = /http\S+\/w\/[^\s<>]+/.exec(parsed.text ?? '')?.[0] ?? '';

      const page = await get(link);

      expect(page.status).to.equal(200);
      expect(page.text).to.contain('Hello from').and.to.contain('/lists/news');
      expect(page.text).not.to.match(/\/[up]\/[\w-]{20,}/);
      expect(page.text).not.to.contain('dora').and.not.to.contain('{{');
      expect(page.headers.get('content-security-policy'))
        .to.match(/^sandbox /)
        .and.not.to.contain('allow-scripts');
      expect(page.headers.get('x-robots-tag')).to.contain('noindex');
      expect((await webPage(href, 'pl')).text).to.contain('To wiadomo&#347;&#263; z listy');
    });

    it('only once it was released, and only of what we released', async () => {
      const draft = await upload();
      expect((await webPage(draft)).status).to.equal(404);
      await ada.send(`${draft}/send`, 'send', {});
      expect((await webPage(draft)).status).to.equal(200);

      await service.ctx.db.query(`update campaign set html = '<p>Buy this</p>' where id = $1`, [idOf(draft)]);

      expect((await webPage(draft)).text).not.to.contain('Buy this');
      expect((await webPage(draft, 'pl')).status).to.equal(404);
      expect((await get(`${service.base}/w/${'A'.repeat(54)}`)).status).to.equal(404);
    });

    it('never of one that was cancelled before it went to anybody', async () => {
      const href = await upload();
      await ada.send(`${href}/send`, 'send', {});

      // As `cancel` leaves one that waited for its time, once that time has passed.
      await service.ctx.db.query(`update campaign set state = 'cancelled', cursor = null where id = $1`, [idOf(href)]);

      expect((await webPage(href)).status).to.equal(404);
    });
  });

  async function csrfOf(who: StaffBrowser, path: string): Promise<string> {
    return /name="csrf" value="([^"]+)"/.exec((await who.see(path)).text)?.[1] ?? '';
  }

  it('are linked from each other', async () => {
    const href = await upload();

    for (const place of ['', '/check', '/text', '/test'])
      expect(linksOf(await ada.see(`${href}${place}`), href)).to.include.members([
        `${service.base}${href}/check`,
        `${service.base}${href}/text`,
      ]);
  });
});

/** A form that may be longer than others is multipart; no file belongs to it. */
const NO_FILE = { field: 'none', name: '', bytes: Buffer.alloc(0) };
