import { request, type IncomingHttpHeaders } from 'node:http';
import { expect } from 'chai';
import { simpleParser } from 'mailparser';
import { agreedToTracking } from '../../server/campaigns/agreed.js';
import { chooseTracking } from '../../server/campaigns/tracking.js';
import { follow as followLink } from '../../server/campaigns/follow.js';
import { releaseCampaign } from '../../server/campaigns/release.js';
import { createCampaign } from '../../server/campaigns/upload.js';
import { agreedCounts, clicksOf, forgetVisits } from '../../server/campaigns/visits.js';
import { catalogue } from '../../server/consent/catalogue.js';
import { setup } from '../../server/consent/setup.js';
import { makeClickToken } from '../../server/links/click-token.js';
import { linkKey } from '../../server/campaigns/counted-links.js';
import { erase } from '../../server/rights/erase.js';
import { DEMO } from '../../server/tour/demo.js';
import { readStory } from '../../server/tour/story.js';
import { checkLedger, startTestService, type ReceivedMail, type TestService } from '../support/service.js';
import { staffBrowser, wordsOf } from '../support/staff.js';
import { factsOf, one, settled } from '../support/state.js';
import { join, linkIn, pressConfirm, settingsLink } from '../support/story.js';
import { boxOf, formOf, get, headingOf, linksOf, post, type Page } from '../support/web.js';

const words = (wording: string) => ({
  name: 'Measuring of openings and clicks',
  about: 'Which mails you open and which links you follow.',
  frequency: 'with every mail',
  wording,
});
const WITH_TRACKING = {
  ...DEMO,
  tracking: {
    slug: 'measuring',
    language: 'en' as const,
    texts: {
      en: words('I agree that Wisła Bookshop sees which mails I open and which links I follow.'),
      pl: { ...words('Zgadzam się na pomiar otwarć i kliknięć.'), name: 'Pomiar otwarć i kliknięć' },
    },
  },
};
const SOURCE = Buffer.from(
  `<title>June</title><body><p>Hello</p>\r\n<a class="x" href='https://shop.example/a?x=1&amp;y=2'>A</a> <a href="https://shop.example/b">B</a>
   <a href="https://shop.example/c">C</a> <a href="mailto:a@shop.example">mail</a> <a href="{{preferences_url}}">settings</a>
   <a href="{{web_version_url}}">as a page</a></body>`,
);
const BROWSER = { 'user-agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0' };
const MINUTE_MS = 60_000;

interface Embedded {
  readonly fields: Record<string, string>;
  readonly tracking: { readonly field: string; readonly value: string; readonly label: string };
}

interface Followed {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
}

describe('counting what is followed', function () {
  this.timeout(60_000);
  let service: TestService;
  let settings: Record<string, string> = {};

  before(async () => {
    service = await startTestService();
    await setup(service.ctx, WITH_TRACKING);
    for (const name of ['ada', 'boris']) settings[name] = settingsLink(await join(service, `${name}@example.org`));
    await agree('ada@example.org');
  });

  after(async () => {
    await settled(service.ctx);
    await checkLedger(service.ctx);
    await service.stop();
    settings = {};
  });

  const cookieOf = (page: Page): string => (page.headers.get('set-cookie') ?? '').split(';')[0] ?? '';

  /** Opens the settings by a link in a mail. */
  const openSettings = async (email: string): Promise<string> => {
    const mails = await service.mailsTo(email);
    await post(`${service.base}/preferences`, { email });
    const form = formOf(await get(linkIn(await service.mailTo(email, mails + 1), 'm')), 'open');
    return cookieOf(await post(form.action, form.fields));
  };

  /** Agrees to tracking on the page of all settings, and confirms it by mail. */
  const agree = async (email: string): Promise<Page> => {
    const cookie = await openSettings(email);
    const page = await get(`${service.base}/settings`, { cookie });
    const [purpose] = (await catalogue(service.ctx)).tracking;
    const part = page.text.slice(page.text.indexOf(`/settings/${purpose?.id ?? ''}`));
    const [, wording = ''] = /name="consent" value="([^"]+)"/.exec(part) ?? [];
    expect(part.slice(0, 2000), 'a box of its own, unticked').not.to.contain('checked');
    const [, nonce = ''] = /name="nonce" value="([^"]+)"/.exec(part) ?? [];
    const mails = await service.mailsTo(email);
    const asked = await post(
      `${service.base}/settings/${purpose?.id ?? ''}`,
      { nonce, consent: wording },
      { cookie, origin: service.base },
    );
    expect(asked.status).to.equal(200);
    return pressConfirm(linkIn(await service.mailTo(email, mails + 1), 'c'));
  };

  const send = async (
    tracking: 'off' | 'aggregate' | 'agreed',
  ): Promise<{ id: string; ada: string; boris: string; texts: { ada: string; boris: string } }> => {
    const before = await Promise.all(['ada', 'boris'].map(async (name) => service.mailsTo(`${name}@example.org`)));
    const id = await createCampaign(service.ctx, { list: 'news', fileName: 'june.html', source: SOURCE });
    await chooseTracking(service.ctx, id, tracking);
    await releaseCampaign(service.ctx, id);
    await settled(service.ctx);
    const mail = async (name: string, place: number): Promise<{ html: string; text: string }> => {
      const { parsed }: ReceivedMail = await service.mailTo(`${name}@example.org`, (before[place] ?? 0) + 1);
      return { html: typeof parsed.html === 'string' ? parsed.html : '', text: parsed.text ?? '' };
    };
    // Mails have long arrived when people read.
    service.advance(10 * MINUTE_MS);
    const [ada, boris] = [await mail('ada', 0), await mail('boris', 1)];
    return { id, ada: ada.html, boris: boris.html, texts: { ada: ada.text, boris: boris.text } };
  };

  const TRAP =
    /<a href="([^"]+\/k\/[\w-]+)" style="display:none" aria-hidden="true" tabindex="-1" rel="nofollow"><\/a>/;

  const links = (html: string): string[] =>
    [...html.replace(TRAP, '').matchAll(/(?:href|src)="([^"]+\/k\/[\w-]+)"/g)].map(([, url = '']) => url);

  /** As a browser asks: `fetch` says of itself that it is none. */
  const follow = async (url: string, headers: Record<string, string> = BROWSER, method = 'GET'): Promise<Followed> =>
    new Promise((resolve, reject) => {
      request(url, { method, headers }, (answer) => {
        answer.resume();
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, headers: answer.headers }));
      })
        .on('error', reject)
        .end();
    });

  /** All that somebody got, by subject. */
  const mailsOf = async (email: string): Promise<Map<string, ReceivedMail>> => {
    const list = await (await fetch(`${service.base}/mailbox.json?to=${encodeURIComponent(email)}`)).json();
    const mails = await Promise.all(
      (list as { id: string }[]).map(async ({ id }) => {
        const raw = Buffer.from(await (await fetch(`${service.base}/mailbox/${id}.eml`)).arrayBuffer());
        return { id, raw, parsed: await simpleParser(raw) };
      }),
    );
    return new Map(mails.map((mail) => [mail.parsed.subject ?? '', mail]));
  };

  const confirmLink = (mail: ReceivedMail | undefined): string => {
    if (!mail) throw new Error('there is no such mail');
    return linkIn(mail, 'c');
  };

  const agrees = async (email: string): Promise<boolean> => {
    const { subscriberId = '' } = (await factsOf(service.ctx, email)) ?? {};
    const { id } = (await catalogue(service.ctx)).organisations[0] ?? { id: '' };
    return (await agreedToTracking(service.ctx, id, [subscriberId])).has(subscriberId);
  };

  const visits = async (id: string): Promise<number> =>
    one<number>(service.ctx, 'select count(*)::int from campaign_visit where campaign_id = $1', [id]);

  const people = async (id: string): Promise<number> =>
    (await clicksOf(service.ctx, id)).reduce((all, link) => all + link.people, 0);

  it('is off unless a campaign says otherwise: links stay as they are', async () => {
    const { ada, boris } = await send('off');

    for (const html of [ada, boris]) {
      expect(links(html)).to.deep.equal([]);
      expect(html).to.contain('https://shop.example/a?x=1&amp;y=2').and.not.to.contain('<img');
    }
  });

  it('in aggregate gives everybody the same links, and no picture, whether they agreed or not', async () => {
    const { id, ada, boris } = await send('aggregate');

    expect(links(ada)).to.have.length(3).and.to.deep.equal(links(boris));
    expect(ada + boris)
      .not.to.contain('<img')
      .and.not.to.contain('shop.example/a');
    expect(ada)
      .to.contain('href="mailto:a@shop.example"')
      .and.to.match(/\/p\/[\w-]+/)
      .and.to.match(/\/u\/[\w-]+/);
    const page = await follow(links(boris)[0] ?? '');
    expect(page.status).to.equal(302);
    expect(page.headers.location).to.equal('https://shop.example/a?x=1&y=2');
    expect(page.headers['set-cookie']).to.equal(undefined);
    expect(await people(id)).to.equal(1);
    expect(await visits(id)).to.equal(0);
  });

  it('gives links and a picture of their own only to those who agreed', async () => {
    const { id, ada, boris } = await send('agreed');
    const again = await send('agreed');

    expect(links(ada)).to.have.length(4);
    expect(boris).not.to.contain('<img');
    // What Boris got is what anybody else who did not agree gets: nothing in it is his.
    const shared = links(boris);
    expect(shared).to.have.length(3);
    expect(shared.some((url) => links(ada).includes(url))).to.equal(false);
    expect(Math.max(...shared.map((url) => url.length))).to.be.lessThan(
      Math.min(...links(ada).map((url) => url.length)),
    );
    expect(links(again.ada).some((url) => links(ada).includes(url))).to.equal(false);
    const picture = /<img src="([^"]+)"/.exec(ada)?.[1] ?? '';
    expect((await follow(picture)).headers['content-type']).to.equal('image/gif');
    await follow(links(ada)[0] ?? '');
    await follow(shared[0] ?? '');
    expect(await agreedCounts(service.ctx, id)).to.deep.equal({ people: 1, opened: 1, clicked: 1 });
    expect(await people(id)).to.equal(2);
    expect(await visits(id)).to.equal(2);
  });

  it('shows what was followed, and of whom only those who agreed', async () => {
    const { id, ada } = await send('agreed');
    await follow(links(ada)[1] ?? '');
    const marketer = await staffBrowser(service, 'marketer');

    const page = wordsOf(await marketer.see(`/admin/campaigns/${id}/results`));

    expect(page).to.contain('1 got it, 1 opened it, 1 followed a link');
    expect(page).to.contain('1. https://shop.example/b 1').and.to.contain('links followed: 1');
  });

  it('notes only so much of one copy, however often its link is followed', async () => {
    const { id, ada } = await send('agreed');
    const token = links(ada)[0]?.split('/').at(-1) ?? '';

    for (let i = 0; i < 520; i += 1) await followLink(service.ctx, token, 'person');

    expect(await visits(id)).to.equal(500);
    const [link] = await clicksOf(service.ctx, id);
    expect([link?.people, link?.machines]).to.deep.equal([520, 0]);
  });

  it('does not take scanners for people', async () => {
    const { id, ada, boris } = await send('agreed');
    const [first = '', second = '', third = ''] = links(ada);
    const [shared = ''] = links(boris);

    await follow(shared, BROWSER, 'HEAD');
    await follow(shared, { ...BROWSER, 'sec-purpose': 'prefetch' });
    await follow(shared, { 'user-agent': 'Barracuda Sentinel (EE) link scanner 1.0' });
    await follow(shared, { ...BROWSER, 'sec-fetch-mode': 'cors' });
    for (const url of [first, second, third]) await follow(url);
    await follow(/<img src="([^"]+)"/.exec(ada)?.[1] ?? '', { 'user-agent': 'Mozilla/5.0' });

    expect(await people(id), 'clicks of people').to.equal(0);
    expect((await agreedCounts(service.ctx, id)).opened, 'openings by people').to.equal(0);
    const machines = (await clicksOf(service.ctx, id)).reduce((all, link) => all + link.machines, 0);
    expect(machines).to.equal(7);
  });

  it('gives to those who agreed a link that only programs follow, and takes what happens around it for theirs', async () => {
    const { id, ada, boris, texts } = await send('agreed');
    const [, trap = ''] = TRAP.exec(ada) ?? [];
    const [first = '', second = '', third = ''] = links(ada);
    const picture = /<img src="([^"]+)"/.exec(ada)?.[1] ?? '';
    const counts = async (): Promise<[number, number]> => {
      const { opened, clicked } = await agreedCounts(service.ctx, id);
      return [opened, clicked];
    };
    expect(boris + texts.ada + texts.boris).not.to.match(TRAP);
    expect(texts.ada).not.to.contain(trap);

    await follow(picture);
    service.advance(MINUTE_MS / 3);
    await follow(first);
    expect(await counts(), 'a browser like any other').to.deep.equal([1, 1]);
    const page = await get(trap);
    service.advance(MINUTE_MS / 3);
    await follow(second);

    expect(page.status).to.equal(200);
    expect(headingOf(page)).to.equal('Nothing to see here');
    expect(
      linksOf(page, '/').filter((url) => !url.endsWith('#main')),
      'it leads nowhere',
    ).to.deep.equal([]);
    expect(await counts(), 'before and after').to.deep.equal([0, 0]);
    service.advance(5 * MINUTE_MS);
    await follow(third);
    expect(await counts(), 'the person, later').to.deep.equal([1, 1]);
    expect((await clicksOf(service.ctx, id)).map(({ people: n, machines }) => [n, machines])).to.deep.equal([
      ...[
        [1, 0],
        [0, 1],
        [0, 1],
      ],
    ]);
  });

  it('counts a link of the text part as the same link of the HTML', async () => {
    const { id, ada, boris, texts } = await send('agreed');
    const inText = (text: string): string[] => [...text.matchAll(/<([^<>]+\/k\/[\w-]+)>/g)].map(([, url = '']) => url);

    expect(inText(texts.ada)).to.deep.equal(links(ada).slice(0, 3));
    expect(inText(texts.boris)).to.deep.equal(links(boris));
    expect(texts.boris)
      .to.match(/<[^<>]+\/u\/[\w-]+>/)
      .and.to.match(/<[^<>]+\/p\/[\w-]+>/);
    expect((await follow(inText(texts.boris)[1] ?? '')).headers.location).to.equal('https://shop.example/b');
    await follow(inText(texts.ada)[1] ?? '');

    expect((await clicksOf(service.ctx, id))[0]).to.deep.equal({
      url: 'https://shop.example/b',
      people: 2,
      machines: 0,
    });
    expect(await visits(id), 'who agreed').to.equal(1);
  });

  it('leads nowhere but where the campaign itself leads', async () => {
    const { id, boris } = await send('aggregate');
    const [url = ''] = links(boris);
    const { keyring } = service.ctx;
    const audience = new URL(service.base).host;
    const evil = makeClickToken(keyring, audience, {
      ...{ campaignId: id, link: linkKey('https://evil.example'), consentId: null },
    });
    const foreign = makeClickToken(keyring, 'evil.example', {
      ...{ campaignId: id, link: linkKey('https://shop.example/b'), consentId: null },
    });

    const tries = [
      ...[
        `${url.slice(0, -1)}${url.endsWith('A') ? 'B' : 'A'}`,
        `${url}=`,
        `${url}A`,
        `${service.base}/k/x`,
        `${service.base}/k/${foreign}`,
      ],
      ...[`${service.base}/k/${evil}`, `${service.base}/k/https://evil.example`],
    ];
    for (const bad of tries) {
      const page = await follow(bad);
      expect(page.status, bad).to.be.greaterThan(399);
      expect(page.headers.location, bad).to.equal(undefined);
    }
    expect((await follow(`${url}?url=https://evil.example`)).headers.location).to.contain('shop.example');
    await service.ctx.db.query(`update campaign_link set url = 'https://evil.example' where campaign_id = $1`, [id]);
    expect((await follow(url)).status, 'a row that was written by SQL').to.equal(404);
  });

  it('ends at once when the person says so by a footer link, and forgets what there was', async () => {
    const { id, ada } = await send('agreed');
    await follow(links(ada)[0] ?? '');
    service.advance(MINUTE_MS);
    const link = settings['ada'] ?? '';

    const form = formOf(await get(link), 'preferences');
    const saved = await post(form.action, { ...form.fields, 'stop-tracking': 'yes' });
    await follow(links(ada)[1] ?? '');

    expect(headingOf(saved)).to.contain('Saved');
    expect(saved.text).to.contain('Opens and clicks are not measured.');
    expect(await visits(id)).to.equal(1);
    expect((await agreedCounts(service.ctx, id)).people).to.equal(0);
    await forgetVisits(service.ctx);
    expect(await visits(id)).to.equal(0);
    expect(await people(id), 'clicks of nobody in particular').to.equal(2);
    const next = await send('agreed');
    expect(links(next.ada)).to.have.length(3).and.to.deep.equal(links(next.boris));
    const facts = await factsOf(service.ctx, 'ada@example.org', 'news');
    expect(facts?.state, 'the list itself').to.equal('confirmed');
  });

  it('looks the same by a footer link, whether somebody agreed or not', async () => {
    const page = async (name: string): Promise<string> =>
      (await get(settings[name] ?? '')).text.replace(/\/p\/[\w-]+/g, '').replace(/<bdi[^]*?<\/bdi>/g, '');
    await agree('ada@example.org');

    expect(await page('ada')).to.contain('name="stop-tracking"');
    const strip = (text: string): string => text.replace(/[ab]…@[^<]*/g, '').replace(/aria-label="[^"]*"/g, '');
    expect(strip(await page('ada')).replaceAll(/\b[ab]\b/g, '')).to.equal(
      strip(await page('boris')).replaceAll(/\b[ab]\b/g, ''),
    );
  });

  it('is agreed to with a wording, events and a receipt of its own', async () => {
    await join(service, 'chen@example.org');
    const confirmed = await agree('chen@example.org');
    await settled(service.ctx);

    const [receipt = ''] = linksOf(confirmed, '/receipts/');
    const file = await get(receipt);

    expect(file.status).to.equal(200);
    expect(file.text).to.contain('sees which mails I open').and.to.contain('dpv:ServiceUsageAnalytics');
    expect((await get(`${service.base}/privacy/${DEMO.organisation.slug}`)).text).to.contain(
      'Measuring of openings and clicks',
    );
    // There is no page to join by, and nothing can be sent to it.
    expect((await get(`${service.base}/lists/measuring`)).status).to.equal(404);
    const upload = createCampaign(service.ctx, { list: 'measuring', fileName: 'a.html', source: SOURCE });
    const refused: unknown = await upload.catch((error: unknown) => error);
    expect(refused).to.have.property('code', 'list-unknown');
  });

  it('has no part in the web version: it is the same for everybody, and reading it counts nothing', async () => {
    const { id, ada, boris } = await send('agreed');
    const [web = ''] = /http[^"]+\/w\/[^"]+/.exec(ada) ?? [];
    expect(boris).to.contain(web);

    const page = await get(web.replaceAll('&amp;', '&'), BROWSER);

    expect(page.status).to.equal(200);
    expect(page.text).to.contain('https://shop.example/b').and.not.to.contain('/k/');
    expect(page.text)
      .not.to.contain('<img')
      .and.not.to.contain('display:none')
      .and.not.to.match(/\/[up]\/[\w-]+"/);
    expect(await visits(id)).to.equal(0);
    expect(await people(id)).to.equal(0);
  });

  it('is checked before sending as it will be: links as they were written, and the size of the longest copy', async () => {
    const link = (place: number): string => `<a href="https://shop.example/${place}">${place}</a>\n`;
    const source = `<title>Many</title><p>${'word '.repeat(16_000)}</p>${Array.from({ length: 80 }, (_, n) => link(n)).join('')}`;
    const id = await createCampaign(service.ctx, { list: 'news', fileName: 'a.html', source: Buffer.from(source) });
    const marketer = await staffBrowser(service, 'owner');
    const check = async (): Promise<string> => (await marketer.see(`/admin/campaigns/${id}/check`)).text;

    const before = await check();
    await chooseTracking(service.ctx, id, 'agreed');
    const after = await check();

    expect(before).to.contain('Gmail shows all of it');
    expect(after).to.contain('Gmail hides what lies beyond');
    expect(after).not.to.contain('/k/').and.not.to.contain('tabindex="-1" rel="nofollow"');
  });

  it('can be agreed to at sign-up, by a box of its own that nobody needs and a mail of its own', async () => {
    const email = 'dora@example.org';
    const page = await get(`${service.base}/lists/news?lang=en`);
    const form = formOf(page, 'subscribe');
    const [, box = ''] = /name="tracking" type="checkbox" value="([^"]+)" aria/.exec(page.text) ?? [];
    expect(wordsOf(page)).to.contain('I agree that Wisła Bookshop sees which mails I open and which links I follow.');
    expect(form.fields, 'unticked').not.to.have.any.keys('tracking', 'consent');

    const alone = await post(form.action, { ...form.fields, email, tracking: box });
    const both = await post(form.action, { ...form.fields, email, tracking: box, consent: boxOf(page) });
    await service.mailTo(email, 2);
    const mails = await mailsOf(email);

    expect(alone.status, 'tracking alone is no sign-up').to.equal(422);
    expect(alone.text).to.contain(`value="${box}" checked`);
    expect(wordsOf(both)).to.contain('A second mail asks about "Measuring of openings and clicks"');
    expect(mails.size).to.equal(2);
    const [organisation] = (await catalogue(service.ctx)).organisations;
    const story = organisation && (await readStory(service.ctx, organisation));
    expect(story?.list.slug, 'what the tour goes on with').to.equal('news');
    const asked = wordsOf(await get(confirmLink(mails.get('Please confirm: Measuring of openings and clicks'))));
    expect(asked, 'no mail is offered')
      .to.contain('Do you agree to this?')
      .and.not.to.contain('Do you want this e-mail?');
    await pressConfirm(confirmLink(mails.get('Please confirm: Bookshop news')));
    expect(await agrees(email), 'the list alone').to.equal(false);
    const confirmed = await pressConfirm(confirmLink(mails.get('Please confirm: Measuring of openings and clicks')));
    expect(await agrees(email)).to.equal(true);
    expect(wordsOf(confirmed)).to.contain('You agreed to this: Measuring').and.not.to.contain('You will receive');
    const receipt = (await get(linksOf(confirmed, '/receipts/')[0] ?? '')).text;
    expect(receipt, 'the words, and the form with its box').to.contain('sees which mails I open').and.to.contain(box);
  });

  it('is not agreed to by whoever leaves the box alone, or by words that stood beside no box', async () => {
    const embedded = (await (await fetch(`${service.base}/forms/demo/embed?lang=pl`)).json()) as Embedded;
    const { fields, tracking } = embedded;
    const send = async (more: object): Promise<Response> =>
      fetch(`${service.base}/forms/demo`, {
        ...{ method: 'POST', headers: { 'content-type': 'application/json', accept: 'application/json' } },
        body: JSON.stringify({ ...fields, email: 'frank@example.org', ...more }),
      });
    expect(tracking.label).to.equal('Zgadzam się na pomiar otwarć i kliknięć.');
    expect(tracking.field).to.equal('tracking');
    const signUps = 'select count(*)::int from sign_up';
    const before = await one<number>(service.ctx, signUps);

    const wrong = [await send({ tracking: true }), await send({ tracking: fields.consent })];
    const english = formOf(await get(`${service.base}/lists/news?lang=en`), 'subscribe').fields['ticket'];
    wrong.push(await send({ ticket: english, tracking: tracking.value }));

    for (const answer of wrong) {
      expect(answer.status).to.equal(422);
      expect(await answer.text()).to.contain('only where its box was ticked');
    }
    expect(await one<number>(service.ctx, signUps)).to.equal(before);
    expect(await (await send({})).json()).not.to.have.property('tracking');
    expect(await one<number>(service.ctx, signUps)).to.equal(before + 1);
    const asked = await (await send({ email: 'gosia@example.org', tracking: tracking.value })).json();
    expect(asked).to.have.property('tracking', 'Pomiar otwarć i kliknięć');
    expect(await one<number>(service.ctx, signUps), 'whoever it is, two leaves more').to.equal(before + 3);
    await settled(service.ctx);
  });

  it('forgets an erased person at once', async () => {
    const { id, ada } = await send('agreed');
    expect(links(ada)).to.have.length(4);
    await follow(links(ada)[0] ?? '');
    expect(await visits(id)).to.equal(1);
    const { subscriberId = '' } = (await factsOf(service.ctx, 'ada@example.org')) ?? {};

    await erase(service.ctx, { subscriberId, cause: 'person' });

    expect(await visits(id)).to.equal(0);
    expect((await follow(links(ada)[0] ?? '')).status, 'the link itself').to.equal(302);
    expect(await visits(id)).to.equal(0);
  });

  it('is asked for again in the settings, when the link of its mail has expired', async () => {
    const page = await get(`${service.base}/lists/news?lang=en`);
    const form = formOf(page, 'subscribe');
    const [, tracking = ''] = /name="tracking" type="checkbox" value="([^"]+)"/.exec(page.text) ?? [];
    await post(form.action, { ...form.fields, email: 'hugo@example.org', tracking, consent: boxOf(page) });
    await service.mailTo('hugo@example.org', 2);
    const mails = await mailsOf('hugo@example.org');
    service.advance(8 * 24 * 60 * MINUTE_MS);

    const expired = await get(confirmLink(mails.get('Please confirm: Measuring of openings and clicks')));

    expect(expired.status).to.equal(410);
    expect(new URL(formOf(expired, 'magic').action).pathname).to.equal('/preferences');
    expect(expired.text, 'there is no page to join it by').not.to.contain('data-act="subscribe"');
  });
});
