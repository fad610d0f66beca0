import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { forgetCatalogue } from '../../server/consent/catalogue.js';
import { subscribe } from '../../server/consent/subscribe.js';
import { sealOrganisation } from '../../server/consent/read-catalogue.js';
import { listBySlug, wordingOf } from '../../server/consent/catalogue.js';
import { makeKeyring, makeKeysFile } from '../../server/keys/keyring.js';
import { logVkey } from '../../server/ledger/store.js';
import { makeLink } from '../../server/links/token.js';
import { parseAddress } from '../../server/mail/address.js';
import { erase } from '../../server/rights/erase.js';
import { purgeUnconfirmed } from '../../server/rights/retention.js';
import { MOST_UNMASKED, reasonsFor } from '../../server/staff/access-log.js';
import { openPersonRef } from '../../server/staff/person-ref.js';
import { DEMO } from '../../server/tour/demo.js';
import { unwrapKey } from '../../server/keys/subject-key.js';
import { verifyReceipt } from '../../server/verify/verify.js';
import { checkLedger, startTestService, type ReceivedMail, type TestService } from '../support/service.js';
import { staffBrowser, wordsOf, type StaffBrowser } from '../support/staff.js';
import { campaignMailTo, factsOf, one, oneClickLink, settled } from '../support/state.js';
import { join, linkIn, pressConfirm, signUp, steer } from '../support/story.js';
import { formOf, get, headingOf, linksOf, post, type Page } from '../support/web.js';

const ADA = 'ada@gmail.com';
const CHEN = 'chen@gmail.com';
const BORIS = 'boris@gmail.com';
const REASON = 'Ticket 4711: she asks what we hold';

describe('the page of one person', function () {
  this.timeout(90_000);
  let service: TestService;
  let owner: StaffBrowser;
  let viewer: StaffBrowser;
  let log = '';
  let campaign: ReceivedMail;
  let chenMail: ReceivedMail;

  before(async () => {
    service = await startTestService({
      settings: { LOG_LEVEL: 'trace' },
      log: { write: (line) => void (log += line) },
    });
    const { ctx } = service;
    await ctx.db.query(`update organisation set inbound_domain = 'in.bookshop.example'`);
    await sealOrganisation(ctx.db, ctx.keyring, DEMO.organisation.slug);
    forgetCatalogue(ctx);
    owner = await staffBrowser(service, 'owner');
    viewer = await staffBrowser(service, 'viewer');
    for (const email of [ADA, CHEN]) await join(service, email);
    campaign = await campaignMailTo(service, ADA);
    chenMail = await service.mailTo(CHEN, 2);
    await signUp(service, BORIS);
    await service.mailTo(BORIS);
    await settled(ctx);
  });
  after(async () => {
    await checkLedger(service.ctx);
    await service.stop();
  });

  async function find(email: string, by = owner): Promise<Page> {
    return by.follow(await by.send('/admin/people', 'find', { email }));
  }

  async function drop(mail: Buffer | string, by = owner): Promise<Page> {
    return by.send('/admin/people', 'find-mail', {}, { field: 'file', name: 'mail.eml', bytes: Buffer.from(mail) });
  }

  /** As a browser does it: the file is there, and empty. */
  async function paste(mail: string): Promise<Page> {
    return owner.send('/admin/people', 'find-mail', { mail }, { field: 'file', name: '', bytes: Buffer.alloc(0) });
  }

  /** What is shown of a person who was found by their mail. */
  async function dropped(mail: Buffer | string, by = owner): Promise<Page> {
    return by.follow(await drop(mail, by));
  }

  const looks = async (what: string): Promise<number> =>
    one(service.ctx, 'select count(*)::int from access_log where what = $1', [what]);

  async function subscriberOf(email: string): Promise<string> {
    return (await factsOf(service.ctx, email))?.subscriberId ?? '';
  }

  describe('found by address', () => {
    it('tells state, since when, basis, story with answers of servers, and that each record verifies', async () => {
      const page = await find(ADA);

      const words = wordsOf(page);
      expect(headingOf(page)).to.equal(ADA);
      expect(words).to.match(
        /Bookshop news Confirmed Since \d+ \w+ \d{4} at \d\d:\d\d Basis Confirmed by the link in a mail/,
      );
      expect(words).to.match(/Mail now\? Yes\. Every mail\. Mails sent 1\. The last one on/);
      expect(words).to.match(/Asked to join In the form at localhost:\d+ By the person Entry \d+: verified/);
      expect(words).to.match(/Mail with the link to confirm By Zgoda Sent, .{10,40} 250 .+ Entry \d+: verified/);
      expect(words).to.match(/Confirmed By the button on the page By the person Entry \d+: verified/);
      expect(page.text).not.to.contain('check-wrong').and.not.to.contain('check-erased');
    });

    it('shows times in the zone of the organisation', async () => {
      const [row] = await service.ctx.db.query<{ at: Date }>(
        'select happened_at as at from consent_event order by happened_at limit 1',
      );
      const shown = new Intl.DateTimeFormat('en-GB', {
        dateStyle: 'long',
        timeStyle: 'short',
        timeZone: 'Europe/Warsaw',
      });

      expect(wordsOf(await find(ADA)))
        .to.contain(shown.format(row?.at))
        .and.to.contain('Central European Time');
    });

    it('says no, and why, where no mail may go', async () => {
      const paused = await join(service, 'dora@gmail.com');
      const day = new Date(Date.now() + 30 * 86_400_000).toISOString().slice(0, 10);
      await steer(paused, 'preferences', { choice: 'pause', until: day });
      await post(oneClickLink(chenMail), { 'List-Unsubscribe': 'One-Click' });

      expect(wordsOf(await find('dora@gmail.com'))).to.contain('Mail now? No. Paused. Until');
      expect(wordsOf(await find(CHEN))).to.match(
        /Unsubscribed Since .* Mail now\? No\. Unsubscribed\..* By one click in the mail program By the person Entry/,
      );
      expect(wordsOf(await find(BORIS))).to.contain('Mail now? No. Not confirmed yet.');
      await service.ctx.db.query('update subscriber set restricted_at = now() where id = $1', [
        await subscriberOf('dora@gmail.com'),
      ]);
      expect(wordsOf(await find('dora@gmail.com')))
        .to.contain('No. Processing restricted.')
        .and.to.contain('Processing restricted');
    });

    it('says in words that nothing is known of an address, and what to do', async () => {
      const page = await find('nobody@gmail.com');

      expect([page.status, headingOf(page)]).to.deep.equal([200, 'nobody@gmail.com']);
      expect(wordsOf(page))
        .to.contain('Nothing is known of this address.')
        .and.to.contain('find the person by a mail that they got');
    });

    it('shows requests that led to no consent', async () => {
      const { ctx } = service;
      await signUp(service, 'blocked@gmail.com');
      const notMe = formOf(await get(linkIn(await service.mailTo('blocked@gmail.com'), 'n')), 'not-me');
      await post(notMe.action, notMe.fields);
      await purgeUnconfirmed(ctx);
      const list = await listBySlug(ctx, 'news');
      await subscribe(ctx, {
        ...{ list, wording: wordingOf(list, 'en'), language: 'en', address: parseAddress('blocked@gmail.com') },
        ...{
          formHost: 'shop.example',
          form: { url: 'https://shop.example/join' },
          source: 'form',
          ip: '192.0.2.1',
          userAgent: '',
        },
      });
      await settled(ctx);

      const words = wordsOf(await find('blocked@gmail.com'));

      expect(words).to.contain('Requests without a consent').and.to.contain('In the form at shop.example');
      expect(words).to.contain('The owner of the address wants no such mail; none went');
      expect(words).to.match(/Must not be mailed "This was not me": no mail to confirm, .* Until/);
    });

    it('is not found by a part of an address, and says so at the field', async () => {
      for (const email of ['ada', 'ada@', '@gmail.com', 'ada%@gmail.com', "' or 1=1 --", '']) {
        const page = await owner.send('/admin/people', 'find', { email });

        const isRefused = page.status === 422;
        expect(isRefused || wordsOf(await owner.follow(page)).includes('Nothing is known'), email).to.equal(true);
      }
    });
  });

  describe('found by a mail', () => {
    /** The mail, passed on in as many ways as people and programs have. */
    function forwards(raw: Buffer, text: string): Record<string, Buffer | string> {
      const whole = raw.toString('latin1');
      const head = 'From: ada@gmail.com\r\nTo: shop@bookshop.example\r\nSubject: Fwd: news\r\nMIME-Version: 1.0\r\n';
      const lines = (bytes: Buffer): string => bytes.toString('base64').replace(/.{76}/g, '$&\r\n');
      const attached = (encoding: string, body: string): string =>
        `${head}Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nWhy do I get this?\r\n--b\r\nContent-Type: message/rfc822\r\nContent-Disposition: attachment; filename="news.eml"\r\nContent-Transfer-Encoding: ${encoding}\r\n\r\n${body}\r\n--b--\r\n`;
      const quoted = `${head}\r\nWhy?\r\n\r\n${text.replace(/^/gm, '> ')}`;
      const nested = attached('7bit', attached('base64', lines(raw)));
      return {
        'the original': raw,
        'with line feeds only': whole.replaceAll('\r\n', '\n'),
        'attached as message/rfc822': attached('7bit', whole),
        'attached in base64': attached('base64', lines(raw)),
        'attached within an attachment': nested,
        'forwarded inline and quoted': quoted,
        'quoted twice': quoted.replace(/^> /gm, '> > '),
        'in quoted-printable': `${head}Content-Transfer-Encoding: quoted-printable\r\n\r\n${whole.replaceAll('=', '=3D').replace(/.{70}(?=.)/g, '$&=\r\n')}`,
        'only its text': text,
        'only its headers': whole.slice(0, whole.indexOf('\r\n\r\n')),
        'only the address to unsubscribe': /<mailto:[^>]+>/.exec(whole.replace(/\r\n[ \t]+/g, ''))?.[0] ?? '',
        'with the bytes of a mailbox before it': `From ada Thu Nov 26\n${whole}`,
      };
    }

    it('finds whose it is, however it was passed on', async () => {
      const all = forwards(campaign.raw, campaign.parsed.text ?? '');
      for (const [name, mail] of Object.entries(all)) {
        const page = await dropped(mail);

        expect(wordsOf(page), name).to.contain('a…@gmail.com').and.to.contain('Bookshop news');
      }
      const pasted = await owner.follow(await paste(campaign.parsed.text ?? ''));
      expect(wordsOf(pasted)).to.contain('a…@gmail.com');
    });

    it('finds whose confirmation mail it is, also when its link has expired', async () => {
      await signUp(service, 'late@gmail.com');
      const mail = await service.mailTo('late@gmail.com');
      expect(wordsOf(await dropped(mail.raw))).to.contain('l…@gmail.com');

      service.advance(8 * 86_400_000);
      const later = await staffBrowserAgain();

      expect(wordsOf(await dropped(mail.raw, later))).to.contain('l…@gmail.com');
    });

    /** The clock went on, and sessions ended. */
    async function staffBrowserAgain(): Promise<StaffBrowser> {
      owner = await staffBrowser(service, 'owner', 'en', 'owner2@workshop.example');
      viewer = await staffBrowser(service, 'viewer', 'en', 'viewer2@workshop.example');
      return owner;
    }

    it('shows no address, in no part of the page, nor in its address', async () => {
      const answer = await drop(campaign.raw);
      const page = await owner.follow(answer);

      expect(page.text).not.to.contain('ada@').and.not.to.contain('ada%40');
      expect(headingOf(page)).to.contain('a…@gmail.com');
      expect(linksOf(page, '/admin/people/').filter((href) => /receipts|\/r\//.test(href))).to.deep.equal([]);
    });

    it('lets choose where links of several people are in it', async () => {
      const page = await drop(Buffer.concat([campaign.raw, chenMail.raw]));

      const people = linksOf(page, '/admin/people/').filter((href) => !/\/(?:new|mail#main)$/.test(href));
      expect(people, people.join('\n')).to.have.length(2);
      const shown = await Promise.all(people.map(async (href) => headingOf(await owner.see(href))));
      expect(shown.map((heading) => heading.slice(-12)).sort()).to.deep.equal(['a…@gmail.com', 'c…@gmail.com']);
    });

    it("says that foreign, forged and cut links are nobody's", async () => {
      const { ctx } = service;
      const own = linkIn(campaign, 'u');
      const token = own.split('/').at(-1) ?? '';
      const ref = Buffer.from(token, 'base64url').subarray(7, 23);
      const foreign = { ...ctx, keyring: makeKeyring(makeKeysFile(new Date())) };
      const link = { purpose: 'u', ref, expiresAt: null, secret: null } as const;
      const host = new URL(ctx.publicUrl).host;
      const mails = [
        'Hello, no link at all.',
        `https://news.example/u/${'x'.repeat(52)}`,
        own.replace(token, `${token.slice(0, -1)}${token.endsWith('A') ? 'B' : 'A'}`),
        own.slice(0, -1),
        own.replace('/u/', '/p/'),
        `${ctx.publicUrl}/u/${makeLink(foreign.keyring, host, link)}`,
        `${ctx.publicUrl}/u/${makeLink(ctx.keyring, 'evil.example', link)}`,
        Buffer.from(randomBytes(300_000)),
        Buffer.alloc(999_999, '/u/'),
        Buffer.from(Array.from({ length: 4000 }, () => `/u/${randomBytes(39).toString('base64url')}`).join(' ')),
      ];
      for (const [place, mail] of mails.entries()) {
        const page = await drop(mail);

        expect([place, page.status]).to.deep.equal([place, 200]);
        expect(wordsOf(page), String(place)).to.contain('No link in this mail is ours.');
      }
    });

    it('says that links of nobody are ours: of a test, and of somebody who is gone', async () => {
      const { ctx } = service;
      const link = { purpose: 'u', ref: randomBytes(16), expiresAt: null, secret: null } as const;

      const page = await drop(`${ctx.publicUrl}/u/${makeLink(ctx.keyring, new URL(ctx.publicUrl).host, link)}`);

      expect(wordsOf(page)).to.contain('they belong to nobody').and.to.contain('nothing is kept');
    });

    it('refuses what is too large, nothing at all, and other sites', async () => {
      const large = await drop(Buffer.alloc(1_000_001, 'a'));
      const nothing = await paste('');
      const { action } = formOf(await owner.see('/admin/people'), 'find-mail');
      const foreign = await post(action, {}, { cookie: owner.cookie, origin: 'https://evil.example' });
      const forged = await post(action, { csrf: 'a'.repeat(32), mail: 'x' }, { cookie: owner.cookie });

      expect([large.status, nothing.status, foreign.status, forged.status]).to.deep.equal([422, 422, 403, 403]);
      expect(wordsOf(large)).to.contain('larger than 1 MB');
      expect(wordsOf(nothing)).to.contain('Choose a file, or paste the mail.');
    });

    it('says of somebody erased that nothing is kept', async () => {
      await signUp(service, 'greta@gmail.com');
      const mail = await service.mailTo('greta@gmail.com');
      await settled(service.ctx);
      service.advance(15 * 86_400_000);
      await staffBrowserLater();
      await purgeUnconfirmed(service.ctx);

      const page = await drop(mail.raw);

      const shown = page.status === 303 ? wordsOf(await owner.follow(page)) : wordsOf(page);
      expect(shown)
        .to.match(/they belong to nobody|This person was erased/)
        .and.to.match(/nothing is kept/i);
      expect(wordsOf(await find('greta@gmail.com'))).to.contain('Nothing is known of this address.');
    });

    it('says of somebody erased until when used proof is kept apart, and shows nothing of it', async () => {
      await join(service, 'hana@gmail.com');
      const mail = await campaignMailTo(service, 'hana@gmail.com');
      const subscriberId = await subscriberOf('hana@gmail.com');
      await erase(service.ctx, { subscriberId, cause: 'person' });
      await settled(service.ctx);

      const page = await dropped(mail.raw);

      expect(headingOf(page)).to.equal('Somebody who was erased');
      expect(wordsOf(page)).to.match(
        /This person was erased\. Only proof that was used is kept.*Used proof kept Until \d+ \w+ 20\d\d/,
      );
      expect(page.text).not.to.match(/h…@|hana|check-good|check-wrong|data-act="unmask"|receipts\//);
      expect(wordsOf(page)).to.contain('record erased').and.to.contain('Mail now? No. Erased.');
      expect(wordsOf(await find('hana@gmail.com'))).to.contain('Nothing is known of this address.');
    });

    async function staffBrowserLater(): Promise<void> {
      owner = await staffBrowser(service, 'owner', 'en', 'owner3@workshop.example');
      viewer = await staffBrowser(service, 'viewer', 'en', 'viewer3@workshop.example');
    }
  });

  describe('unmasked', () => {
    it('shows the address to whoever says why, and writes that down in the same transaction', async () => {
      const { ctx } = service;
      const page = await dropped(campaign.raw);
      const form = formOf(page, 'unmask');
      const before = await looks('unmask');

      const answer = await post(
        form.action,
        { ...form.fields, field: 'address', reason: REASON },
        { cookie: owner.cookie },
      );

      expect(headingOf(await owner.follow(answer))).to.equal(ADA);
      expect(await looks('unmask')).to.equal(before + 1);
      const id = await subscriberOf(ADA);
      const wrapped = await one<Buffer>(ctx, 'select profile_key from subscriber where id = $1', [id]);
      const key = unwrapKey(ctx.keyring, { table: 'subscriber', column: 'profile_key', row: id }, wrapped);
      const [why] = await reasonsFor(ctx, id, key);
      expect(why).to.deep.include({ staffId: owner.id, field: 'address', reason: REASON });
      expect(wordsOf(await find(ADA))).to.contain('1 field was shown for a reason');
    });

    it('shows connection and browser of an event, and gives the mail as a file', async () => {
      const page = await find(ADA);
      const form = formOf(page, 'unmask');
      const option = (name: string): string => new RegExp(`value="([0-9a-f-]{36}/${name})"`).exec(page.text)?.[1] ?? '';
      const show = async (name: string): Promise<Page> =>
        post(form.action, { ...form.fields, field: option(name), reason: REASON }, { cookie: owner.cookie });

      const [ip, agent, mail] = [await show('ip'), await show('user_agent'), await show('mail')];

      expect(wordsOf(page)).not.to.match(/IP address (?:\d|::)/);
      expect(wordsOf(ip)).to.match(/IP address (127\.0\.0\.1|::1)/);
      expect(wordsOf(agent)).to.match(/Browser node/);
      expect(mail.headers.get('content-disposition')).to.equal('attachment; filename="mail.eml"');
      expect(mail.text).to.contain(`To: ${ADA}`);
    });

    it('needs a reason, a field of this person, and a login that may', async () => {
      const before = await looks('unmask');
      const page = await dropped(campaign.raw);
      const { action, fields } = formOf(page, 'unmask');
      const chens = /value="([0-9a-f-]{36}\/ip)"/.exec((await dropped(chenMail.raw)).text)?.[1] ?? '';
      const ask = async (more: Record<string, string>, cookie = owner.cookie): Promise<Page> =>
        post(action, { ...fields, field: 'address', reason: REASON, ...more }, { cookie });

      const answers = [
        await ask({ reason: '' }),
        await ask({ reason: '   x ' }),
        await ask({ field: chens }),
        await ask({ field: 'profile_key' }),
      ];
      const asViewer = await dropped(campaign.raw, viewer);
      const csrf = formOf(await viewer.see('/admin/people'), 'find').fields['csrf'] ?? '';
      const viewers = await post(
        `${asViewer.url}/unmask`,
        { csrf, field: 'address', reason: REASON },
        { cookie: viewer.cookie },
      );

      expect(answers.map(({ status }) => status)).to.deep.equal([422, 422, 422, 422]);
      expect(wordsOf(answers[0] as Page)).to.contain('Say in a few words why');
      for (const { text } of answers) expect(text).not.to.contain(ADA);
      expect(asViewer.text).not.to.contain('data-act="unmask"');
      expect(viewers.status).to.equal(403);
      expect(await looks('unmask')).to.equal(before);
    });

    it('is limited for each staff member', async () => {
      const marketer = await staffBrowser(service, 'marketer', 'en', 'curious@workshop.example');
      const { action, fields } = formOf(await dropped(campaign.raw, marketer), 'unmask');
      const statuses: number[] = [];
      let last: Page | null = null;
      for (let times = 0; times <= MOST_UNMASKED; times += 1) {
        last = await post(action, { ...fields, field: 'address', reason: REASON }, { cookie: marketer.cookie });
        statuses.push(last.status);
      }

      expect(statuses).to.deep.equal([...Array.from({ length: MOST_UNMASKED }, () => 303), 429]);
      expect(last && wordsOf(last)).to.contain('That was enough for this hour. Nothing was shown.');
      expect(last?.text).not.to.contain(ADA);
    });
  });

  describe('with its receipts', () => {
    it('hands out the receipt that verifies, and shows it to read, in the language of the staff', async () => {
      const page = await find(ADA);
      const [file = ''] = linksOf(page, '/admin/people/').filter((href) => href.includes('/receipts/'));
      const [view = ''] = linksOf(page, '/admin/people/').filter((href) => href.includes('/r/'));
      const before = await looks('receipt');

      const [receipt, read] = [await owner.see(file), await owner.see(view)];

      expect(receipt.headers.get('content-disposition')).to.match(/^attachment; filename="receipt-\d+\.json"$/);
      expect(verifyReceipt(receipt.text, { vkeys: [logVkey(service.ctx)] }).exitCode).to.equal(0);
      expect(wordsOf(read)).to.contain(ADA);
      expect(await looks('receipt')).to.equal(before + 2);
    });

    it('lets viewers read it, and take no file; and nobody who sees the address masked', async () => {
      const page = await find(ADA, viewer);
      const [view = ''] = linksOf(page, '/admin/people/').filter((href) => href.includes('/r/'));
      const masked = await dropped(campaign.raw);
      const chapter = view.split('/').at(-1) ?? '';

      const read = await viewer.see(view);
      const file = await viewer.see(view.replace('/r/', '/receipts/'));

      expect([read.status, file.status]).to.deep.equal([200, 403]);
      expect(linksOf(read, '/admin/').filter((href) => href.includes('/receipts/'))).to.deep.equal([]);
      for (const kind of ['r', 'receipts'])
        expect((await owner.see(`${new URL(masked.url).pathname}/${kind}/${chapter}`)).status).to.equal(404);
    });

    it('never shows that of another person', async () => {
      const chapter = (await factsOf(service.ctx, CHEN))?.signUpId ?? '';
      const { url } = await find(ADA);

      for (const kind of ['r', 'receipts'])
        for (const id of [chapter, 'x', "'"])
          expect((await owner.see(`${new URL(url).pathname}/${kind}/${id}`)).status).to.equal(404);
    });
  });

  describe('leaves traces of who looked, and none of whom', () => {
    it('tells how often somebody looked, and who did last', async () => {
      await find(ADA, viewer);

      const words = wordsOf(await find(ADA));

      expect(words).to.match(/Who looked \d+ looks? before\. The last one: viewer\d*@workshop\.example,/);
    });

    it('writes down searches, views, receipts and unmaskings, with nothing that names the person', async () => {
      const rows = await service.ctx.db.query<{ text: string; what: string }>(
        'select l::text as text, what from access_log l',
      );

      expect(new Set(rows.map(({ what }) => what))).to.have.all.keys('search', 'view', 'receipt', 'unmask');
      for (const { text } of rows) expect(text).not.to.match(/@|chen|boris|ticket|gmail/i);
    });

    it('keeps them: nothing in them can be changed, deleted or truncated, and what somebody else writes is noticed', async () => {
      const { db } = service.ctx;
      for (const sql of [
        'update access_log set staff_id = subscriber_id',
        'delete from access_log',
        'truncate access_log',
      ])
        await db.query(sql).then(
          () => expect.fail(sql),
          (error: unknown) => expect(String(error)).to.contain('append-only'),
        );
      const id = await subscriberOf(ADA);
      await db.query(
        `insert into access_log (number, staff_id, subscriber_id, what, happened_at, seal) select max(number) + 1, $1, $2, 'view', now(), '\\x00' from access_log`,
        [owner.id, id],
      );

      expect(wordsOf(await find(ADA))).to.contain('1 entry was not written by Zgoda.');
      expect(await one(service.ctx, 'select (count(*) = max(number) and min(number) = 1) from access_log')).to.equal(
        true,
      );
    });

    it('has no address in any URL, header or line of the log', async () => {
      const answers = [await owner.send('/admin/people', 'find', { email: ADA }), await drop(campaign.raw)];

      for (const { headers } of answers) {
        const location = headers.get('location') ?? '';
        expect(location)
          .to.match(/^\/admin\/people\/[\w-]+$/)
          .and.not.to.match(/ada|gmail/i);
        expect(Buffer.from(location.split('/').at(-1) ?? '', 'base64url').toString('latin1')).not.to.match(
          /ada@|gmail/,
        );
      }
      expect(log)
        .to.contain('"msg":"started"')
        .and.not.to.match(/ada@|chen@|boris@|Ticket 4711/);
    });

    it('gives each login addresses of its own, which end after half an hour', async () => {
      const { url } = await find(ADA);
      const path = new URL(url).pathname;

      const others = await viewer.see(path);
      const cut = await owner.see(path.slice(0, -1));
      const ref = path.split('/').at(-1) ?? '';
      expect(openPersonRef(service.ctx, owner.id, ref).address).to.equal(ADA);
      service.advance(31 * 60_000);
      const late = await owner.see(path);

      expect([others.status, cut.status, late.status]).to.deep.equal([404, 404, 410]);
      for (const page of [others, cut, late]) {
        expect(headingOf(page)).to.equal('This look is over');
        expect(page.text).not.to.contain(ADA);
      }
    });

    it('asks whoever is not logged in to log in, wherever they go', async () => {
      for (const path of ['/admin/people', '/admin/people/new', '/admin/people/x', '/admin/people/x/receipts/y'])
        expect((await get(`${service.base}${path}`)).status, path).to.equal(303);
    });
  });

  describe('when somebody wrote into the database', () => {
    it('says which record does not verify, and mails nobody by it', async () => {
      const { db } = service.ctx;
      const { signUpId } = (await factsOf(service.ctx, CHEN)) ?? { signUpId: '' };
      const id = await one<string>(
        service.ctx,
        `select id from consent_event where sign_up_id = $1 and kind = 'requested'`,
        [signUpId],
      );
      const record = await one<Buffer>(service.ctx, 'select record from event_body where event_id = $1', [id]);
      await db.query(
        'update event_body set record = (select record from event_body where sign_up_id <> $2 and record is not null limit 1) where event_id = $1',
        [id, signUpId],
      );

      const page = await find(CHEN);

      expect(page.text.match(/check-wrong/g)).to.have.length(1);
      expect(wordsOf(page)).to.contain('Does not verify. Run zgoda ledger fsck.');
      await db.query('update event_body set record = $2 where event_id = $1', [id, record]);
      expect((await find(CHEN)).text).not.to.contain('check-wrong');
    });

    it('says of a consent that was made by SQL that it counts for nothing', async () => {
      await signUp(service, 'felix@gmail.com');
      await service.mailTo('felix@gmail.com');
      await settled(service.ctx);
      const { consentId } = (await factsOf(service.ctx, 'felix@gmail.com')) ?? { consentId: '' };
      await service.ctx.db.query(`update consent set state = 'confirmed', basis = 'confirmed' where id = $1`, [
        consentId,
      ]);

      const words = wordsOf(await find('felix@gmail.com'));

      await service.ctx.db.query(`update consent set state = 'pending', basis = null where id = $1`, [consentId]);
      expect(words).to.contain('Mail now? No. Its row was not written by Zgoda.');
    });
  });

  for (const [language, title, kind] of [
    ['en', 'People', 'Here is all that is known.'],
    ['pl', 'Osoby', 'Oto wszystko, co wiadomo.'],
  ] as const) {
    it(`speaks ${language}`, async () => {
      const staff = await staffBrowser(service, 'marketer', language, `${language}@workshop.example`);

      expect(headingOf(await staff.see('/admin/people'))).to.equal(title);
      const page = await find(ADA, staff);
      expect(wordsOf(page)).to.contain(kind);
      expect(page.text)
        .to.contain(`<html lang="${language}"`)
        .and.to.match(/<title>[^<]*<\/title>/);
      expect(/<title>([^<]*)/.exec(page.text)?.[1]).not.to.contain(ADA);
    });
  }

  it('still lets the person confirm what staff looked at', async () => {
    await signUp(service, 'ewa@gmail.com');
    const mail = await service.mailTo('ewa@gmail.com');
    await find('ewa@gmail.com');

    await pressConfirm(linkIn(mail, 'c'));

    expect(wordsOf(await find('ewa@gmail.com'))).to.contain('Mail now? Yes.');
  });
});
