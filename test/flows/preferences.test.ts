import { expect } from 'chai';
import { listBySlug } from '../../server/consent/catalogue.js';
import { setup } from '../../server/consent/setup.js';
import { openLink } from '../../server/links/token.js';
import { useMagicLink } from '../../server/preferences/magic.js';
import { MAGIC_SESSION_MS } from '../../server/preferences/session.js';
import { DEMO } from '../../server/tour/demo.js';
import { checkLedger, eventually, startTestService, type TestService } from '../support/service.js';
import { changesNothing, factsOf, one, sendCampaign, settled, stateOf } from '../support/state.js';
import { join, linkIn, pressConfirm, settingsLink } from '../support/story.js';
import { boxOf, formOf, get, headingOf, post, type FormOnPage, type Page } from '../support/web.js';

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

let service: TestService;
let people = 0;

function start(settings: Readonly<Record<string, string>> = {}): void {
  before(async () => {
    service = await startTestService({ settings });
  });
  after(async () => {
    await settled(service.ctx);
    await checkLedger(service.ctx);
    await service.stop();
  });
}

/** Somebody new on `news`, and the preference page that their mails lead to. */
async function reader(): Promise<{ email: string; link: string }> {
  people += 1;
  const email = `ada${String(people).padStart(2, '0')}@gmail.com`;
  return { email, link: settingsLink(await join(service, email)) };
}

/** Posts to a preference page as it stands, with these fields. */
async function choose(link: string, fields: Record<string, string>): Promise<Page> {
  const form = formOf(await get(link), 'preferences');
  return post(form.action, { ...form.fields, ...fields });
}

async function settingsOf(email: string): Promise<object> {
  const facts = await factsOf(service.ctx, email);
  return { state: facts?.state, frequency: facts?.frequency, pausedUntil: facts?.pausedUntil };
}

function day(fromNow: number): string {
  return new Date(service.ctx.now().getTime() + fromNow * DAY_MS).toISOString().slice(0, 10);
}

/** What a page says, but for the time of day that stands on it. */
function wordsOf(page: Page): string {
  return `${page.status} ${page.text.replace(/\d{1,2}:\d{2}/g, '').replace(/datetime="[^"]*"/g, '')}`;
}

describe('a preference page that a mail leads to (promise 10)', function () {
  this.timeout(30_000);
  start();

  it('is the same to the byte, whatever becomes of the other lists', async () => {
    const { email, link } = await reader();
    const before = (await get(link)).text;
    const seen: string[] = [];

    const other = await join(service, email, 'readings');
    seen.push((await get(link)).text);
    await choose(settingsLink(other), { choice: 'monthly' });
    seen.push((await get(link)).text);
    await choose(settingsLink(other), { choice: 'leave' });
    seen.push((await get(link)).text);

    expect(before).to.not.contain('Readings and events').and.to.not.contain(email);
    expect(new Set(seen)).to.deep.equal(new Set([before]));
  });

  it('joins nothing and raises nothing, whatever stands in the fields', async () => {
    const { email, link } = await reader();
    await choose(link, { choice: 'pause', until: day(20) });
    await choose(link, { choice: 'weekly' });
    const readings = await get(`${service.base}/lists/readings`);
    const tries: Record<string, string>[] = [
      { choice: 'every' },
      { choice: 'weekly' },
      { choice: 'all' },
      { choice: 'pause', until: day(2) },
      { choice: 'pause', until: day(-2) },
      { choice: 'pause', until: day(400) },
      { choice: 'pause', until: '2026-02-31' },
      { choice: 'join', list: 'readings', consent: boxOf(readings), email },
      { frequency: 'all', state: 'confirmed', pausedUntil: '', paused_until: '' },
      { undo: 'set~all~~weekly~', choice: 'keep' },
      {},
    ];
    const before = await settingsOf(email);

    await changesNothing(service.ctx, async () => {
      for (const fields of tries) expect((await post(link, fields)).status, JSON.stringify(fields)).to.be.below(500);
    });

    expect(before).to.include({ state: 'confirmed', frequency: 'weekly' });
    expect(await stateOf(service.ctx, email, 'readings')).to.equal(null);
  });

  it('brings nobody back who left, whatever stands in the fields', async () => {
    const { email, link } = await reader();
    await choose(link, { choice: 'leave' });

    await changesNothing(service.ctx, async () => {
      for (const choice of ['every', 'weekly', 'monthly', 'keep', 'leave', 'join', 'renew'])
        expect((await post(link, { choice })).status).to.equal(200);
    });

    expect(await stateOf(service.ctx, email)).to.equal('withdrawn');
  });

  it('offers only what reduces', async () => {
    const { link } = await reader();
    const offers = async (): Promise<string[]> =>
      [...(await get(link)).text.matchAll(/name="choice" value="(\w+)"/g)].map(([, value]) => value ?? '');

    const first = await offers();
    await choose(link, { choice: 'weekly' });
    const second = await offers();
    await choose(link, { choice: 'monthly' });

    expect(first).to.deep.equal(['keep', 'weekly', 'monthly', 'pause', 'leave']);
    expect(second).to.deep.equal(['keep', 'monthly', 'pause', 'leave']);
    expect(await offers()).to.deep.equal(['keep', 'pause', 'leave']);
  });

  it('is kept: once a week is one campaign of two, and the next one a week later', async () => {
    const { email, link } = await reader();
    await choose(link, { choice: 'weekly' });
    const before = await service.mailsTo(email);

    await sendCampaign(service);
    await sendCampaign(service);
    const thisWeek = await service.mailsTo(email);
    service.advance(7 * DAY_MS + MINUTE_MS);
    await sendCampaign(service);

    expect([thisWeek - before, (await service.mailsTo(email)) - before]).to.deep.equal([1, 2]);
  });

  it('is kept: a pause lets no campaign through until its day has come', async () => {
    const { email, link } = await reader();
    const saved = await choose(link, { choice: 'pause', until: day(3) });
    const before = await service.mailsTo(email);

    await sendCampaign(service);
    const paused = await service.mailsTo(email);
    service.advance(3 * DAY_MS);
    await sendCampaign(service);

    expect(saved.text).to.match(/paused until/i);
    expect([paused - before, (await service.mailsTo(email)) - before]).to.deep.equal([0, 1]);
  });

  it('says which day is wrong, keeps what was typed, and changes nothing', async () => {
    const { email, link } = await reader();

    const page = await choose(link, { choice: 'pause', until: day(-1) });

    expect(page.status).to.equal(422);
    expect(page.text)
      .to.contain(`value="${day(-1)}"`)
      .and.to.contain('aria-invalid="true"');
    expect(await settingsOf(email)).to.deep.equal({ state: 'confirmed', frequency: 'all', pausedUntil: null });
  });

  describe('its undo', () => {
    it('takes a leaving back, once', async () => {
      const { email, link } = await reader();
      const undo = formOf(await choose(link, { choice: 'leave' }), 'undo');

      const first = await post(undo.action, undo.fields);
      const left = formOf(await choose(link, { choice: 'leave' }), 'undo');
      const stale = await post(undo.action, undo.fields);

      expect([first.status, stale.status]).to.deep.equal([200, 422]);
      expect(await stateOf(service.ctx, email)).to.equal('withdrawn');
      expect((await post(left.action, left.fields)).status).to.equal(200);
      expect(await stateOf(service.ctx, email)).to.equal('confirmed');
    });

    it('takes changed settings back, and not again once something else was chosen', async () => {
      const { email, link } = await reader();
      const undo = formOf(await choose(link, { choice: 'weekly' }), 'undo');
      const taken = await post(undo.action, undo.fields);
      const back = await settingsOf(email);
      await choose(link, { choice: 'monthly' });

      const stale = await post(undo.action, undo.fields);

      expect([taken.status, stale.status]).to.deep.equal([200, 422]);
      expect(back).to.include({ frequency: 'all' });
      expect(await settingsOf(email)).to.include({ frequency: 'monthly' });
    });

    it('works for half an hour', async () => {
      const { email, link } = await reader();
      const leaving = formOf(await choose(link, { choice: 'leave' }), 'undo');
      service.advance(29 * MINUTE_MS);
      const inTime = await post(leaving.action, leaving.fields);
      const again = formOf(await choose(link, { choice: 'leave' }), 'undo');
      service.advance(31 * MINUTE_MS);

      const late = await post(again.action, again.fields);

      expect([inTime.status, late.status]).to.deep.equal([200, 422]);
      expect(await stateOf(service.ctx, email)).to.equal('withdrawn');
    });

    it('is of no use to anybody else, and cannot be made up', async () => {
      const [chen, eve] = [await reader(), await reader()];
      await choose(chen.link, { choice: 'leave' });
      const own = formOf(await choose(eve.link, { choice: 'leave' }), 'undo');
      const event = await one<string>(service.ctx, 'select last_event_id from consent where id = $1', [
        (await factsOf(service.ctx, chen.email))?.consentId,
      ]);
      const stamp = (own.fields['undo'] ?? '').split('~').at(-1) ?? '';

      const answers = [];
      for (const undo of [own.fields['undo'] ?? '', `leave~${event}~${stamp}`, `leave~${event}`, ''])
        answers.push((await post(`${chen.link}/undo`, { undo })).status);

      expect(answers).to.deep.equal([422, 422, 422, 422]);
      expect(await stateOf(service.ctx, chen.email)).to.equal('withdrawn');
    });
  });

  it('answers "stop all" the same for everybody, and ends every list of those who had some', async () => {
    const [many, few, none] = [await reader(), await reader(), await reader()];
    await join(service, many.email, 'readings');
    await choose(none.link, { choice: 'leave' });
    const pages: Page[] = [];
    for (const { link } of [many, few, none]) {
      const form = formOf(await get(link), 'stop-all');
      pages.push(await post(form.action, form.fields), await post(form.action, form.fields));
    }

    expect(new Set(pages.map(wordsOf)).size, pages[0]?.text).to.equal(1);
    for (const { email } of [many, few, none]) expect(await stateOf(service.ctx, email)).to.equal('withdrawn');
    expect(await stateOf(service.ctx, many.email, 'readings')).to.equal('withdrawn');
  });
});

describe('the link to all settings, mailed on request (T8, T9)', function () {
  this.timeout(30_000);
  start();

  /** Asks for the link and returns it. */
  const linkFor = async (email: string): Promise<string> => {
    const mails = await service.mailsTo(email);
    await post(`${service.base}/preferences`, { email });
    return linkIn(await service.mailTo(email, mails + 1), 'm');
  };

  const press = async (link: string): Promise<Page> => {
    const form = formOf(await get(link), 'open');
    return post(form.action, form.fields);
  };

  /** Opens a session; GET and POST within it. */
  const session = async (email: string) => {
    const cookie = cookieOf(await press(await linkFor(email)));
    const show = async (): Promise<Page> => get(`${service.base}/settings`, { cookie });
    const form = async (act: string, list: string): Promise<FormOnPage> => {
      const { id } = await listBySlug(service.ctx, list);
      return formOf(await forms(await show(), `/settings/${id}`), act);
    };
    const send = async (to: FormOnPage, fields: Record<string, string> = {}, headers: Record<string, string> = {}) =>
      post(to.action, { ...to.fields, ...fields }, { cookie, ...headers });
    return { cookie, show, form, send };
  };

  it('shows a button at GET, and names nobody', async () => {
    const { email } = await reader();
    const link = await linkFor(email);

    const page = await get(link);

    expect(page.status).to.equal(200);
    expect(page.headers.get('set-cookie')).to.equal(null);
    expect(page.text).to.not.contain(email).and.to.not.contain('Bookshop news');
    expect(formOf(page, 'open').action).to.equal(link);
  });

  it('opens by POST a session of fifteen minutes, in a cookie that only this site gets', async () => {
    const { email } = await reader();

    const opened = await press(await linkFor(email));

    const cookie = opened.headers.get('set-cookie') ?? '';
    expect(opened.status).to.equal(303);
    expect(opened.headers.get('location')).to.match(/^\/settings\?lang=en$/);
    expect(cookie).to.match(/^zgoda_settings=[\w-]{43}; Max-Age=900; Path=\/; /);
    expect(cookie).to.contain('HttpOnly').and.to.contain('SameSite=Strict').and.to.not.contain('Domain');
    const settings = await get(`${service.base}/settings`, { cookie: cookieOf(opened) });
    expect(settings.text).to.contain(email);
    service.advance(MAGIC_SESSION_MS - MINUTE_MS);
    const late = await get(`${service.base}/settings`, { cookie: cookieOf(opened) });
    expect(endOf(late), 'the end that the page tells')
      .to.equal(endOf(settings))
      .and.to.match(/^\d\d:\d\d$/);
    service.advance(MINUTE_MS);
    const ended = await get(`${service.base}/settings`, { cookie: cookieOf(opened) });
    expect(ended.status).to.equal(401);
    expect(ended.text).to.not.contain(email);
    expect(formOf(ended, 'magic').action).to.equal(`${service.base}/preferences`);
  });

  it('opens once: whoever comes second is told, and helped to a new one', async () => {
    const { email } = await reader();
    const link = await linkFor(email);
    const form = formOf(await get(link), 'open');

    const all = await Promise.all(Array.from({ length: 8 }, async () => post(form.action, form.fields)));
    const third = await get(link);

    expect(all.map((page) => page.status).sort()).to.deep.equal([303, ...Array<number>(7).fill(410)]);
    const refused = all.find((page) => page.status === 410);
    for (const page of [refused, third]) {
      expect(page?.status).to.equal(410);
      expect(page?.headers.get('set-cookie')).to.equal(null);
      expect(formOf(page as Page, 'magic').action).to.equal(`${service.base}/preferences`);
    }
  });

  it('is used up by one of many who press in the same instant', async () => {
    const { email } = await reader();
    const token = (await linkFor(email)).split('/').at(-1) ?? '';
    const link = openLink(service.ctx.keyring, service.ctx.audiences, 'm', token, service.ctx.now());

    const all = await Promise.allSettled(Array.from({ length: 8 }, async () => useMagicLink(service.ctx, link)));

    expect(all.filter((one) => one.status === 'fulfilled')).to.have.length(1);
  });

  it('is dead after half an hour, with a page that helps', async () => {
    const { email } = await reader();
    const link = await linkFor(email);
    const form = formOf(await get(link), 'open');
    service.advance(31 * MINUTE_MS);

    const late = await post(form.action, form.fields);

    expect(late.status).to.equal(410);
    expect(late.headers.get('set-cookie')).to.equal(null);
    expect(headingOf(late)).to.match(/no longer works/i);
    expect(formOf(late, 'magic').action).to.equal(`${service.base}/preferences`);
  });

  it('shows all lists of the organisation, and none of another', async () => {
    const { email } = await reader();
    const [news] = DEMO.lists;
    if (!news) throw new Error('the demo has lists');
    const texts = { en: { ...news.texts.en, name: 'Foreign affairs' } } as typeof news.texts;
    await setup(service.ctx, {
      organisation: { ...DEMO.organisation, slug: 'other', name: 'Other', fromAddress: 'news@other.example' },
      lists: [{ ...news, slug: 'foreign', texts }],
    });
    const { show, cookie } = await session(email);
    const foreign = await listBySlug(service.ctx, 'foreign');

    const page = await show();
    const nonce = /name="nonce" value="([^"]+)"/.exec(page.text)?.[1] ?? '';
    const consent = foreign.wordings[0]?.id ?? '';

    expect(page.text).to.contain('Bookshop news').and.to.contain('Readings and events');
    expect(page.text).to.not.contain('Foreign affairs');
    await changesNothing(service.ctx, async () => {
      const strange = await post(`${service.base}/settings/${foreign.id}`, { nonce, consent }, { cookie });
      expect(strange.status).to.equal(404);
    });
  });

  it('joins by the box and a confirmation mail: no consent without its button', async () => {
    const { email } = await reader();
    const { form, send } = await session(email);
    const join = await form('join', 'readings');
    const consent = (await listBySlug(service.ctx, 'readings')).wordings.find((one) => one.language === 'en')?.id ?? '';
    const mails = await service.mailsTo(email);

    const bare = await send(join);
    const asked = await send(join, { consent });
    const mail = await service.mailTo(email, mails + 1);
    const before = await stateOf(service.ctx, email, 'readings');
    await pressConfirm(linkIn(mail, 'c'));

    expect([bare.status, asked.status]).to.deep.equal([422, 200]);
    expect(before).to.equal('pending');
    expect(await stateOf(service.ctx, email, 'readings')).to.equal('confirmed');
  });

  it('steers and leaves: here mail may become more again', async () => {
    const { email, link } = await reader();
    await choose(link, { choice: 'monthly' });
    const { form, send, show } = await session(email);

    const raised = await send(await form('preferences', 'news'), { choice: 'every' });
    const frequency = (await factsOf(service.ctx, email))?.frequency;
    const left = await send(await form('preferences', 'news'), { choice: 'leave' });

    expect([raised.status, left.status, frequency]).to.deep.equal([200, 200, 'all']);
    expect(await stateOf(service.ctx, email)).to.equal('withdrawn');
    expect(formOf(await forms(await show(), '/settings/'), 'join').fields).to.have.property('nonce');
  });

  it('refuses posts without the token of its forms, with that of another session, or from another site', async () => {
    const [ada, eve] = [await reader(), await reader()];
    const [hers, others] = [await session(ada.email), await session(eve.email)];
    const form = await hers.form('preferences', 'news');
    const foreign = (await others.form('preferences', 'news')).fields['nonce'] ?? '';

    await changesNothing(service.ctx, async () => {
      const leave = { choice: 'leave' };
      const answers = [
        await hers.send({ ...form, fields: {} }, leave),
        await hers.send(form, { ...leave, nonce: foreign }),
        await hers.send(form, leave, { origin: 'https://evil.example' }),
        await hers.send(form, leave, { 'sec-fetch-site': 'cross-site' }),
        await hers.send(form, leave, { 'sec-fetch-site': 'same-site', origin: service.base }),
        await post(form.action, { ...form.fields, ...leave }),
      ];
      expect(answers.map((page) => page.status)).to.deep.equal([403, 403, 422, 422, 422, 401]);
    });

    const own = { origin: service.base, 'sec-fetch-site': 'same-origin' };
    expect((await hers.send(form, { choice: 'leave' }, own)).status).to.equal(200);
    expect(await stateOf(service.ctx, ada.email)).to.equal('withdrawn');
  });

  it('ends at the sign-out, and its cookie opens nothing any more', async () => {
    const { email } = await reader();
    const { cookie, show, send } = await session(email);

    const out = await send(formOf(await show(), 'sign-out'));

    expect(out.status).to.equal(303);
    expect(cookieOf(out)).to.equal('zgoda_settings=');
    expect((await get(`${service.base}/settings`, { cookie })).status).to.equal(401);
  });
});

describe('the budget of links by mail (T8)', function () {
  this.timeout(30_000);
  start({ ABUSE_LIMITS: 'on' });

  /** Fills a form in as slowly as people do. */
  const signUpSlowly = async (email: string): Promise<Page> => {
    const page = await get(`${service.base}/lists/news`);
    const form = formOf(page, 'subscribe');
    service.advance(MINUTE_MS);
    return post(form.action, { ...form.fields, email, consent: boxOf(page) });
  };
  const slowReader = async (email: string): Promise<string> => {
    await signUpSlowly(email);
    const { action, fields } = formOf(await get(linkIn(await service.mailTo(email), 'c')), 'confirm');
    return settingsLink(await post(action, fields));
  };

  it('is shared by the foot of a mail and the page that asks, shows the same page when it is spent, and opens again', async () => {
    const { ctx } = service;
    const form = formOf(await get(await slowReader('ada@gmail.com')), 'magic');
    const fromFoot = async (): Promise<Page> => post(form.action, form.fields);
    const fromPage = async (): Promise<Page> => post(`${service.base}/preferences`, { email: 'ada@gmail.com' });

    const pages = [await fromFoot()];
    await service.mailTo('ada@gmail.com', 2);
    const asked = [await fromPage()];
    await service.mailTo('ada@gmail.com', 3);
    pages.push(await fromFoot());
    await service.mailTo('ada@gmail.com', 4);
    pages.push(await fromFoot());
    asked.push(await fromPage());
    await settled(ctx);
    const spent = await service.mailsTo('ada@gmail.com');
    service.advance(61 * MINUTE_MS);
    await fromFoot();

    expect(new Set(pages.map(wordsOf)).size).to.equal(1);
    expect(new Set(asked.map(wordsOf)).size).to.equal(1);
    expect(pages[0]?.text).to.not.contain('ada@gmail.com');
    expect(spent, 'a confirmation and three links').to.equal(4);
    await eventually(async () => expect(await service.mailsTo('ada@gmail.com')).to.equal(5));
  });

  it('does not stop anybody from leaving, nor from signing up', async () => {
    const link = await slowReader('chen@gmail.com');
    const limited = [];
    for (let times = 0; times < 40; times += 1)
      limited.push((await post(`${service.base}/preferences`, { email: 'nobody@gmail.com' })).status);

    expect(limited.at(-1)).to.equal(429);
    expect((await choose(link, { choice: 'leave' })).status).to.equal(200);
    expect((await signUpSlowly('boris@gmail.com')).status).to.equal(200);
    expect(await stateOf(service.ctx, 'chen@gmail.com')).to.equal('withdrawn');
  });
});

function cookieOf(page: Page): string {
  return (page.headers.get('set-cookie') ?? '').split(';')[0] ?? '';
}

/** A page cut down to the forms that post to one address, so that one is found among those of several lists. */
async function forms(page: Page, action: string): Promise<Page> {
  const found = page.text.match(/<form[\s\S]*?<\/form>/g) ?? [];
  const text = found.filter((form) => form.includes(`action="${action}`)).join('\n');
  return Promise.resolve({ ...page, text });
}

function endOf(page: Page): string | undefined {
  return /stays open for you until (\S+)\./.exec(page.text)?.[1];
}
