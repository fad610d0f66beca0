import { expect } from 'chai';
import { forgetCatalogue } from '../../server/consent/catalogue.js';
import { sealOrganisation } from '../../server/consent/read-catalogue.js';
import { DEMO } from '../../server/tour/demo.js';
import { expirePending, purgeUnconfirmed } from '../../server/rights/retention.js';
import { findNeedles, type Needle } from '../support/needles.js';
import { abuseReport, deliveryReport } from '../support/reports.js';
import { report } from '../support/returns.js';
import { checkLedger, eventually, startTestService, type ReceivedMail, type TestService } from '../support/service.js';
import { smtpRefusal, startSink, type Sink } from '../support/sink.js';
import { sendMail } from '../support/smtp.js';
import { one, oneClickLink, sendCampaign, settled, stateOf } from '../support/state.js';
import { linkIn, settingsLink } from '../support/story.js';
import { tapDatabase, type Wire } from '../support/wire.js';
import { boxOf, formOf, get, headingOf, linksOf, post, type Page } from '../support/web.js';

const ADA = 'Quetzal.Kx7+Wisla@Quartzmail-Kx7.example';
const BORIS = 'zephyr_9q@vellum-9q.example';
const STAFF = 'owner.vj5@printshop-vj5.example';
const PASSWORD = 'Correct-Horse_Vj5 battery';
const WRONG_PASSWORD = 'Wrong-Horse_Vj5 battery';
/** Who signs up, and who confirms. */
const FORM = { 'X-Forwarded-For': '198.51.100.177', 'User-Agent': 'FormBrowser-Kx7/6.6' };
const OWNER = { 'X-Forwarded-For': '2001:db8:5a5a:7171::c0de', 'User-Agent': 'MailboxBrowser-Kx7/7.7' };
const PACKED_IP = Buffer.from('20010db85a5a7171000000000000c0de', 'hex');

describe('the wire to the database (T4)', function () {
  this.timeout(120_000);
  let wire: Wire;
  let sink: Sink;
  let service: TestService;
  /** Links that were mailed or shown, by kind; cookies. */
  const bearers: Needle[] = [];

  before(async () => {
    wire = await tapDatabase();
    let isUnkind = false;
    sink = await startSink({
      onMail: async ({ to }) => {
        // Servers like to quote whom they do not know, and write it in their own way.
        const name = to.split('@')[0] ?? '';
        if (isUnkind) throw smtpRefusal(550, `5.1.1 ${name}: no mailbox for ${to.toUpperCase()} (${name}) here`);
        return Promise.resolve();
      },
    });
    service = await startTestService({
      database: wire.database,
      settings: { SMTP_URL: sink.url, TRUST_PROXY: '1', LOG_LEVEL: 'silent' },
    });
    await service.ctx.db.query(`update organisation set inbound_domain = 'in.bookshop.example'`);
    await sealOrganisation(service.ctx.db, service.ctx.keyring, DEMO.organisation.slug);
    forgetCatalogue(service.ctx);

    await mistype();
    const boris = await signUp(BORIS);
    const ada = await signUp(ADA);
    const confirmed = await press(ada, 'c', 'confirm', OWNER);
    expect(headingOf(confirmed)).to.contain('Confirmed');
    await readReceipts(confirmed);
    await steer(settingsLink(confirmed));
    await useSettings();
    const staff = await logIn();
    const campaign = await uploadAndSend(staff);
    await comeBack();
    await leaveAndComeBack(campaign);
    await press(boris, 'n', 'not-me', OWNER);
    isUnkind = true;
    await sendCampaign(service);
    isUnkind = false;
    await settled(service.ctx);
    expect(await one(service.ctx, `select reply from delivery where reason = 'refused'`)).to.match(/^550 .*no mailbox/);
    await complain(campaign);
    await expirePending(service.ctx);
    await purgeUnconfirmed(service.ctx);
  });

  after(async () => {
    await checkLedger(service.ctx);
    await service.stop();
    await sink.stop();
  });

  /** Whatever the address and the box: both answers read the form and write, or not. */
  async function mistype(): Promise<void> {
    const page = await get(`${service.base}/lists/news`, FORM);
    const { action, fields } = formOf(page, 'subscribe');
    const wrong = await post(action, { ...fields, email: ADA.replace('@', ' at '), consent: boxOf(page) }, FORM);
    const unticked = await post(action, { ...fields, email: ADA }, FORM);
    expect([wrong.status, unticked.status]).to.deep.equal([422, 422]);
  }

  async function signUp(email: string): Promise<ReceivedMail> {
    const embed = await fetch(`${service.base}/forms/demo/embed`, { headers: FORM });
    const { fields } = (await embed.json()) as { fields: Record<string, string> };
    const page = await post(`${service.base}/forms/demo`, { ...fields, email }, FORM);
    expect(page.status).to.equal(200);
    return mailTo(email);
  }

  /** The nth mail to an address; its links are among what the database must never see. */
  async function mailTo(address: string, count = 1): Promise<ReceivedMail> {
    const mail = await eventually(async () => {
      const found = sink.mails.filter(({ to }) => to.toLowerCase() === address.toLowerCase());
      expect(found, `mails to ${address}`).to.have.length.at.least(count);
      return Promise.resolve(found[count - 1]);
    });
    const parsed = await sink.parsed(mail);
    for (const [url = '', kind = ''] of (parsed.text ?? '').matchAll(/https?:\S+\/(c|n|u|p|m)\/[\w-]+/g))
      remember(kind, url);
    return { id: '', raw: mail?.raw ?? Buffer.alloc(0), parsed };
  }

  /** A link's token whole, and its secret where it has one. */
  function remember(kind: string, url: string): string {
    const token = new URL(url).pathname.split('/').at(-1) ?? '';
    bearers.push({ name: `a token of kind ${kind}`, value: token });
    const bytes = Buffer.from(token, 'base64url');
    if (['c', 'm'].includes(kind)) bearers.push({ name: `the secret of kind ${kind}`, value: bytes.subarray(23, 39) });
    return url;
  }

  async function press(mail: ReceivedMail, kind: string, act: string, headers: Record<string, string>): Promise<Page> {
    const { action, fields } = formOf(await get(linkIn(mail, kind), headers), act);
    return post(action, fields, headers);
  }

  async function readReceipts(confirmed: Page): Promise<void> {
    const [receipt = ''] = linksOf(confirmed, '/receipts/');
    remember('r', receipt);
    for (const url of [receipt, receipt.replace('/receipts/', '/r/')])
      expect((await get(url, OWNER)).text).to.contain('Quetzal');
  }

  async function steer(link: string): Promise<void> {
    const { action, fields } = formOf(await get(remember('p', link), OWNER), 'preferences');
    await post(action, { ...fields, choice: 'pause', until: '2020-01-01' }, OWNER);
    const saved = await post(action, { ...fields, choice: 'monthly' }, OWNER);
    const undo = formOf(saved, 'undo');
    expect((await post(undo.action, undo.fields, OWNER)).status).to.equal(200);
  }

  /** Asks for the settings by mail twice, and joins another list with them. */
  async function useSettings(): Promise<void> {
    expect((await post(`${service.base}/preferences`, { email: ADA }, OWNER)).status).to.equal(200);
    const opened = await press(await mailTo(ADA, 2), 'm', 'open', OWNER);
    const cookie = cookieOf(opened);
    const settings = await get(`${service.base}/settings`, { ...OWNER, cookie });
    expect(settings.text).to.contain('Quetzal');
    const join = formOf(settings, 'join');
    const consent = boxOf(settings);
    expect((await post(join.action, { ...join.fields, consent }, { ...OWNER, cookie })).status).to.equal(200);
    await press(await mailTo(ADA, 3), 'c', 'confirm', OWNER);
    const out = formOf(await get(`${service.base}/settings`, { ...OWNER, cookie }), 'sign-out');
    expect((await post(out.action, out.fields, { ...OWNER, cookie })).status).to.equal(303);
  }

  async function logIn(): Promise<string> {
    const link = /http\S+first-run\S+/.exec(service.service.greeting)?.[0] ?? '';
    const form = formOf(await get(remember('first run', link), FORM), 'first-run');
    const first = await post(form.action, { email: STAFF, password: PASSWORD }, FORM);
    expect((await post(`${service.base}/admin/logout`, {}, { ...FORM, cookie: cookieOf(first) })).status).to.equal(303);
    const login = async (password: string): Promise<Page> =>
      post(`${service.base}/admin/login`, { email: STAFF, password }, FORM);
    expect((await login(WRONG_PASSWORD)).status).to.equal(401);
    return cookieOf(await login(PASSWORD));
  }

  async function uploadAndSend(cookie: string): Promise<ReceivedMail> {
    const { fields } = formOf(await get(`${service.base}/admin/upload`, { cookie }), 'upload');
    const body = new FormData();
    for (const [name, value] of Object.entries({ ...fields, list: 'news', subject: '' })) body.set(name, value);
    body.set('file', new Blob(['<html><head><title>June</title></head><body><p>Hello</p></body></html>']), 'june.html');
    const uploaded = await fetch(`${service.base}/admin/upload`, {
      ...{ method: 'POST', body, redirect: 'manual', headers: { cookie, ...FORM } },
    });
    const href = `${service.base}${uploaded.headers.get('location') ?? ''}`;
    const test = formOf(await get(href, { cookie }), 'test');
    expect((await post(test.action, test.fields, { cookie, ...FORM })).status).to.equal(303);
    await mailTo(STAFF);
    const send = formOf(await get(`${href}/send`, { cookie }), 'send');
    expect((await post(send.action, send.fields, { cookie, ...FORM })).status).to.equal(303);
    return mailTo(ADA, 4);
  }

  /** Reports quote everybody, in every way. */
  async function comeBack(): Promise<void> {
    const back = sink.mails.findLast(({ to }) => to === ADA)?.from ?? '';
    bearers.push({ name: 'the token of the return path', value: /^b\+([a-z2-7]{61})@/.exec(back)?.[1] ?? '' });
    const diagnostic = `smtp; 552 5.2.2 <${ADA.toUpperCase()}>: mailbox of ${ADA} is full`;
    const raw = deliveryReport({ recipient: ADA, status: '5.2.2', diagnostic, text: `Your mail to ${ADA} came back.` });
    expect((await report(service, back, raw, ADA)).code).to.equal(250);
    expect(await one(service.ctx, `select count(*)::int from delivery where bounce = 'soft'`)).to.equal(1);
  }

  async function complain(campaign: ReceivedMail): Promise<void> {
    const raw = abuseReport({ returned: campaign.raw.toString('latin1') });
    expect((await report(service, 'f+provider@in.bookshop.example', raw, ADA)).code).to.equal(250);
    expect(await stateOf(service.ctx, ADA)).to.equal('withdrawn');
  }

  /** Every way out: one click, mail, page, "stop all"; and back by undo. */
  async function leaveAndComeBack(campaign: ReceivedMail): Promise<void> {
    const link = remember('u', oneClickLink(campaign));
    const undo = async (page: Page): Promise<void> => {
      const { action, fields } = formOf(page, 'undo');
      expect((await post(action, fields, OWNER)).status).to.equal(200);
      expect(await stateOf(service.ctx, ADA)).to.equal('confirmed');
    };
    await undo(await post(link, { 'List-Unsubscribe': 'One-Click' }, OWNER));
    await undo(await post(link, {}, OWNER));
    const mailto = /<mailto:(u\+([a-z2-7]+)@in\.bookshop\.example)/.exec(unfolded(campaign));
    bearers.push({ name: 'the token of the mailto address', value: mailto?.[2] ?? '' });
    const sent = await sendMail(service, [mailto?.[1] ?? ''], `Reply-To: ${ADA}\r\n`, ADA);
    expect(sent.rejected).to.deep.equal([]);
    expect(await stateOf(service.ctx, ADA)).to.equal('withdrawn');
    const { action, fields } = formOf(await get(linkIn(campaign, 'p'), OWNER), 'stop-all');
    expect((await post(action, fields, OWNER)).status).to.equal(200);
    // On the list once more, for a campaign that is refused.
    const page = await get(`${service.base}/lists/news`, FORM);
    const form = formOf(page, 'subscribe');
    await post(form.action, { ...form.fields, email: ADA.toUpperCase(), consent: boxOf(page) }, FORM);
    expect(headingOf(await press(await mailTo(ADA, 5), 'c', 'confirm', OWNER))).to.contain('Confirmed');
  }

  function cookieOf(page: Page): string {
    const cookie = (page.headers.get('set-cookie') ?? '').split(';')[0] ?? '';
    bearers.push({ name: 'a session', value: cookie.split('=')[1] ?? '' });
    return cookie;
  }

  const seen = (needles: readonly Needle[]): string[] => findNeedles(wire.sent(), needles);

  it('is watched: it carries our statements and what names nobody', () => {
    const known = [
      'insert into sign_up',
      'claim_deliveries',
      'insert into log_leaf',
      'in.bookshop.example',
      'june.html',
    ];

    expect(wire.sent().length).to.be.greaterThan(0);
    for (const value of known) expect(seen([{ name: value, value }]), value).to.not.deep.equal([]);
  });

  it('would show an address in whatever dress it went over', async () => {
    const utf8 = (name: string): Buffer => Buffer.from(name);
    const dresses: Record<string, (name: string) => unknown> = {
      'as it is': (name) => name,
      large: (name) => name.toUpperCase(),
      'within a text': (name) => `{"mail": "x ${name}"}`,
      'as bytes': utf8,
      'as bytes of an array': (name) => [utf8(name)],
      hex: (name) => utf8(name).toString('hex').toUpperCase(),
      base64: (name) => utf8(name).toString('base64'),
      'base64 of a text in which it is second': (name) => utf8(`x${name}`).toString('base64'),
      'base64 of a text in which it is third': (name) => utf8(`xy${name}z`).toString('base64'),
      base64url: (name) => utf8(name).toString('base64url'),
      'UTF-16': (name) => Buffer.from(name, 'utf16le'),
      'percent-encoded': encodeURIComponent,
    };

    for (const [dress, put] of Object.entries(dresses)) {
      const name = `Planted.${dress.replaceAll(/\W/g, '')}@planted.example`;
      const param = put(name);
      const type = Array.isArray(param) ? 'bytea[]' : Buffer.isBuffer(param) ? 'bytea' : 'text';

      expect(seen([{ name, value: name }]), dress).to.deep.equal([]);
      await service.ctx.db.query(`select length($1::${type}::text)`, [param]);
      expect(seen([{ name, value: name }]), dress).to.not.deep.equal([]);
    }
  });

  it('never carries an address, nor its name or domain', () => {
    const addresses = [ADA, BORIS, STAFF].flatMap((value) => {
      const [local = '', domain = ''] = value.split('@');
      return [value, local, domain].map((part) => ({ name: part, value: part }));
    });

    expect(seen(addresses)).to.deep.equal([]);
  });

  it('never carries the connection of a person', () => {
    const values = [...Object.values(FORM), ...Object.values(OWNER), 'FormBrowser', 'MailboxBrowser', PACKED_IP];

    expect(seen(values.map((value) => ({ name: String(value), value })))).to.deep.equal([]);
  });

  it('never carries a password, a session, a link or its secret', () => {
    const kinds = new Set(bearers.map(({ name }) => name));

    expect([...kinds]).to.include.members(['a session', 'the secret of kind c', 'the secret of kind m']);
    for (const kind of 'cnupmr') expect([...kinds]).to.include(`a token of kind ${kind}`);
    expect(bearers.filter(({ value }) => value.length < 16)).to.deep.equal([]);
    expect(seen([...bearers, ...[PASSWORD, WRONG_PASSWORD].map((value) => ({ name: value, value }))])).to.deep.equal(
      [],
    );
  });
});

function unfolded(mail: ReceivedMail): string {
  return mail.raw.toString().replace(/\r\n[ \t]+/g, '');
}
