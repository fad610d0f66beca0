import { expect } from 'chai';
import { linkAddress, listBySlug } from '../../server/consent/catalogue.js';
import type { Context } from '../../server/context.js';
import { bytesOf } from '../../server/links/uuid.js';
import { fsck } from '../../server/ledger/fsck.js';
import { ERASURE_ROWS, openErasure, type ErasureRow } from '../../server/ledger/erasure.js';
import { logVkey } from '../../server/ledger/store.js';
import { receiptUrl } from '../../server/links/urls.js';
import { erase } from '../../server/rights/erase.js';
import { countDue, destroyOldProofs, purgeUnconfirmed } from '../../server/rights/retention.js';
import { verifyReceipt } from '../../server/verify/verify.js';
import { everythingOpened, everythingPlain } from '../support/loot.js';
import { findNeedles } from '../support/needles.js';
import { checkLedger, eventually, startTestService, type ReceivedMail, type TestService } from '../support/service.js';
import { startSink, type Sink } from '../support/sink.js';
import { factsOf, one, sendCampaign, settled } from '../support/state.js';
import { linkIn, pressConfirm, settingsLink, signUp } from '../support/story.js';
import { boxOf, formOf, get, headingOf, linksOf, post, type Page } from '../support/web.js';

const DAY_MS = 86_400_000;
const DEVICE = { 'X-Forwarded-For': '198.51.100.77', 'User-Agent': 'DorasBrowser/7.7' };

describe('an erasure (Art. 17)', function () {
  this.timeout(90_000);
  let service: TestService;
  let ctx: Context;
  let sink: Sink;
  let log = '';
  let ada: Page;

  before(async () => {
    sink = await startSink();
    service = await startTestService({
      settings: { SMTP_URL: sink.url, LOG_LEVEL: 'trace', TRUST_PROXY: '1' },
      log: { write: (line) => void (log += line) },
    });
    ctx = service.ctx;
    ada = await join('ada@example.org');
  });
  after(async () => {
    await checkLedger(ctx);
    await service.stop();
    await sink.stop();
  });

  async function mailTo(email: string, count = 1): Promise<ReceivedMail> {
    const sunk = await eventually(async () => {
      const found = sink.mails.filter(({ to }) => to === email);
      expect(found, `mails to ${email}`).to.have.length.at.least(count);
      return Promise.resolve(found.at(-1));
    });
    return { id: '', raw: sunk?.raw ?? Buffer.alloc(0), parsed: await sink.parsed(sunk) };
  }

  const countTo = (email: string): number => sink.mails.filter(({ to }) => to === email).length;

  async function ask(email: string, list = 'news'): Promise<string> {
    const before = countTo(email);
    const page = await get(`${service.base}/lists/${list}?lang=en`);
    const form = formOf(page, 'subscribe');
    expect((await post(form.action, { ...form.fields, email, consent: boxOf(page) }, DEVICE)).status).to.equal(200);
    return linkIn(await mailTo(email, before + 1), 'c');
  }

  async function join(email: string, list = 'news'): Promise<Page> {
    const button = formOf(await get(await ask(email, list), DEVICE), 'confirm');
    return post(button.action, button.fields, DEVICE);
  }

  /** Opens the settings by a mailed link; returns the cookie. */
  async function openSettings(email: string): Promise<string> {
    const before = countTo(email);
    await post(`${service.base}/preferences`, { email });
    const open = formOf(await get(linkIn(await mailTo(email, before + 1), 'm')), 'open');
    return (await post(open.action, open.fields)).headers.get('set-cookie')?.split(';')[0] ?? '';
  }

  async function pressErase(cookie: string): Promise<{ asked: Page; done: Page }> {
    const settings = await get(`${service.base}/settings`, { cookie });
    const asked = await get(linksOf(settings, '/settings/erase')[0] ?? '', { cookie });
    const form = formOf(asked, 'erase');
    return { asked, done: await post(form.action, form.fields, { cookie, origin: service.base }) };
  }

  /** Somebody as code for staff erases them. */
  async function eraseByRow(email: string): ReturnType<typeof erase> {
    return erase(ctx, { subscriberId: (await factsOf(ctx, email))?.subscriberId ?? '', cause: 'person' });
  }

  function needlesOf(email: string): { name: string; value: string }[] {
    return [email, email.split('@')[0] ?? '', '198.51.100.77', 'DorasBrowser'].map((value) => ({ name: value, value }));
  }

  async function hay(): Promise<Buffer[]> {
    const opened = await everythingOpened(ctx);
    return [
      ...(await everythingPlain(ctx)),
      Buffer.from(log),
      ...opened.map(({ text }) => Buffer.from(text, 'latin1')),
    ];
  }

  /** The record of every erasure, as auditors read it. */
  async function erasures(): Promise<{ cause: string; rule?: string; erased: number }[]> {
    const rows = await ctx.db.query<ErasureRow>(`${ERASURE_ROWS} order by x.happened_at`);
    return rows.map((row) => {
      const said = openErasure(ctx.keyring, row);
      return { cause: said?.cause ?? '', ...(said?.rule ? { rule: said.rule } : {}), erased: said?.erased.length ?? 0 };
    });
  }

  describe('of somebody whose consent was never used', () => {
    const email = 'dora.novak@gmail.com';
    const links: Record<string, string> = {};
    let asked: Page;
    let done: Page;
    let cookie = '';

    before(async () => {
      const confirmed = await join(email);
      links['preferences'] = settingsLink(confirmed);
      links['receipt'] = linksOf(confirmed, '/receipts/')[0] ?? '';
      links['confirm'] = await ask(email, 'readings');
      links['not-me'] = linkIn(await mailTo(email), 'n');
      cookie = await openSettings(email);
      await settled(ctx);
      expect(findNeedles(await hay(), needlesOf(email)), 'what is looked for is there before').to.have.length.above(2);

      ({ asked, done } = await pressErase(cookie));
      await settled(ctx);
    });

    it('says before and after what goes and that nothing stays but numbers', () => {
      expect(headingOf(asked)).to.equal('Delete everything?');
      expect(asked.text).to.contain(email);
      expect(done.status).to.equal(200);
      expect(headingOf(done)).to.contain('Deleted');
      for (const page of [asked, done])
        expect(page.text).to.contain('Numbers that name nobody').and.to.not.contain('The proof of your consent');
      expect(done.text).to.not.contain('dora');
    });

    it('leaves nothing in tables, files and log that names them, whatever the keys open', async () => {
      const found = findNeedles(await hay(), needlesOf(email).slice(0, 2));
      const device = (await everythingOpened(ctx)).filter(({ text }) => text.includes('DorasBrowser'));

      expect(found).to.deep.equal([]);
      // Ada's own records still have the browser that she used too.
      expect(new Set(device.map(({ by }) => by))).to.deep.equal(new Set(['sign_up']));
      expect((await everythingOpened(ctx)).some(({ text }) => text.includes('ada@example.org'))).to.equal(true);
    });

    it('ends the session, and older links find nothing, in good order', async () => {
      const closed = await get(`${service.base}/settings`, { cookie });
      expect(closed.text).to.not.contain('dora');
      expect(closed.status).to.be.within(401, 410);
      for (const name of ['confirm', 'not-me', 'receipt']) {
        const page = await get(links[name] ?? '');
        expect(page.status, name).to.be.within(404, 410);
        expect(page.text, name).to.not.contain('dora');
      }
      expect((await get(links['preferences'] ?? '')).text).to.not.contain('gmail.com');
      expect((await post(links['confirm'] ?? '', {})).status).to.equal(410);
    });

    it('is told by an event with its cause, and every other record and receipt still verifies', async () => {
      const receipt = await get(linksOf(ada, '/receipts/')[0] ?? '');
      const report = await fsck(ctx);

      expect(report.faults).to.deep.equal([]);
      // Two sign-ups that were offered, one confirmed; the withdrawal, and the refusal of the other.
      expect(await erasures()).to.deep.equal([{ cause: 'person', erased: 7 }]);
      expect(report.erased).to.equal(7);
      expect(verifyReceipt(receipt.text, { vkeys: [logVkey(ctx)] }).exitCode).to.equal(0);
    });

    it('lets the same person come back as somebody new', async () => {
      expect(headingOf(await join(email))).to.contain('Confirmed');
      await settled(ctx);
    });
  });

  describe('of somebody to whom mail was sent', () => {
    const email = 'chen.example@gmail.com';
    let asked: Page;
    let done: Page;
    let year = 0;
    let signUpId = '';

    before(async () => {
      await join(email);
      await sendCampaign(service);
      signUpId = (await factsOf(ctx, email))?.signUpId ?? '';
      year = ctx.now().getUTCFullYear();
      ({ asked, done } = await pressErase(await openSettings(email)));
      await settled(ctx);
    });

    it('says that the proof stays, of which list and until when', () => {
      for (const page of [asked, done])
        expect(page.text).to.contain(`consent to &quot;Bookshop news&quot;, until 31 December ${year + 3}`);
    });

    it('keeps the proof apart and under its own key: everything else takes it for erased', async () => {
      const named = (await everythingOpened(ctx)).filter(({ text }) => text.includes('chen.example'));
      const list = await listBySlug(ctx, 'news');
      const maker = { keyring: ctx.keyring, publicUrl: linkAddress(ctx, list.organisation) };
      const receipt = receiptUrl(maker, bytesOf(signUpId), new Date(ctx.now().getTime() + 60_000));

      expect(new Set(named.map(({ by }) => by))).to.deep.equal(new Set(['restricted_proof']));
      expect(new Set(named.map(({ where }) => where.split('.')[0]))).to.deep.equal(new Set(['event_body']));
      expect((await get(receipt)).status).to.be.within(404, 410);
      expect(findNeedles([...(await everythingPlain(ctx)), Buffer.from(log)], needlesOf(email).slice(0, 2))).to.be
        .empty;
      expect((await fsck(ctx)).faults).to.deep.equal([]);
    });

    it('sends them nothing more, and counts the mail that was sent', async () => {
      const before = countTo(email);

      await sendCampaign(service);

      expect(countTo(email)).to.equal(before);
      expect(await one(ctx, `select count(*)::int from consent where state = 'withdrawn'`)).to.be.at.least(2);
    });

    it('destroys it when its last day is over, not sooner, and says so beforehand without doing it', async () => {
      const end = Date.UTC(year + 4, 0, 1, 11);
      service.advance(end - ctx.now().getTime());
      expect(await countDue(ctx)).to.deep.include({ proofs: 0 });
      expect(await destroyOldProofs(ctx)).to.equal(0);

      service.advance(2 * 3_600_000);
      expect(await countDue(ctx)).to.deep.include({ proofs: 1 });
      expect(await one(ctx, 'select count(*)::int from restricted_proof')).to.equal(1);
      expect(await destroyOldProofs(ctx)).to.equal(1);
      await settled(ctx);

      expect(await destroyOldProofs(ctx)).to.equal(0);
      expect(findNeedles(await hay(), needlesOf(email).slice(0, 2))).to.deep.equal([]);
      expect((await fsck(ctx)).faults).to.deep.equal([]);
      expect((await erasures()).at(-1)).to.deep.include({ cause: 'retention', rule: 'proof-over' });
    });
  });

  describe('that meets something else', () => {
    it('takes a press on a link that was open all the while for too late', async () => {
      const email = 'eve@example.org';
      const first = await join(email);
      const left = formOf(await get(settingsLink(first)), 'preferences');
      await post(left.action, { ...left.fields, choice: 'leave' });
      const open = formOf(await get(await ask(email)), 'confirm');

      const done = await eraseByRow(email);
      const late = await post(open.action, open.fields);

      expect(done?.proofs).to.have.length(1);
      expect(late.status).to.equal(410);
      await settled(ctx);
      expect((await fsck(ctx)).faults).to.deep.equal([]);
    });

    it('takes back a mail that was on its way when it came: its event loses its record like the others', async () => {
      const email = 'hana@example.org';
      await join(email);
      await settled(ctx);
      const link = await ask(email, 'readings');
      await settled(ctx);
      const { subscriberId = '' } = (await factsOf(ctx, email)) ?? {};
      await ctx.db.query(`update delivery set state = 'sending', lease_until = $2 where subscriber_id = $1`, [
        subscriberId,
        new Date(ctx.now().getTime() + 3_600_000),
      ]);

      await eraseByRow(email);

      expect((await get(link)).status).to.equal(410);
      expect(
        await one(ctx, 'select count(*)::int from sign_up where purge_at is not null and evidence_key is null'),
      ).to.be.above(0);
      await ctx.db.query(`update delivery set state = 'sent', lease_until = null where subscriber_id = $1`, [
        subscriberId,
      ]);
      service.advance(11 * 60_000);
      await purgeUnconfirmed(ctx);
      expect(
        await one(ctx, 'select count(*)::int from sign_up where purge_at is not null and evidence_key is null'),
      ).to.equal(0);
      await settled(ctx);
    });

    it('happens once: whoever is erased already is nobody', async () => {
      await join('gus@example.org');
      const { subscriberId = '' } = (await factsOf(ctx, 'gus@example.org')) ?? {};

      const results = await Promise.all(
        ['person', 'person'].map(async () => erase(ctx, { subscriberId, cause: 'person' })),
      );

      expect(results.filter((one) => one !== null)).to.have.length(1);
      expect(await erase(ctx, { subscriberId, cause: 'person' })).to.equal(null);
      await settled(ctx);
    });

    it('is put off for a rule, and not for the person, while they had their data restricted (Art. 18)', async () => {
      await ask('ivo@example.org');
      await settled(ctx);
      const { subscriberId = '', signUpId } = (await factsOf(ctx, 'ivo@example.org')) ?? {};
      await ctx.db.query('update subscriber set restricted_at = now() where id = $1', [subscriberId]);
      await ctx.db.query('update sign_up set purge_at = $2 where id = $1', [signUpId, ctx.now()]);

      expect(await purgeUnconfirmed(ctx)).to.equal(0);
      expect(await erase(ctx, { subscriberId, cause: 'retention' })).to.equal(null);
      expect(await erase(ctx, { subscriberId, cause: 'person' })).to.not.equal(null);
      await settled(ctx);
    });
  });
});

describe('auditors', function () {
  this.timeout(60_000);
  let service: TestService;
  let ctx: Context;

  before(async () => {
    service = await startTestService();
    ctx = service.ctx;
    for (const name of ['ada', 'boris', 'dora']) {
      await signUp(service, `${name}@gmail.com`);
      if (name === 'ada') await pressConfirm(linkIn(await service.mailTo('ada@gmail.com'), 'c'));
    }
    await settled(ctx);
  });
  after(async () => service.stop());

  it('see sign-ups that went together named by one ordinary leaf, with the rule', async () => {
    const before = await one<number>(ctx, 'select count(*)::int from log_leaf');
    service.advance(15 * DAY_MS);

    expect(await countDue(ctx)).to.deep.include({ unconfirmed: 2 });
    await eventually(async () => expect(await countDueAfter(ctx)).to.equal(0));
    await settled(ctx);

    expect(await one(ctx, `select count(*)::int from consent_event where kind = 'erased'`)).to.equal(1);
    const [row] = await ctx.db.query<ErasureRow>(ERASURE_ROWS);
    const said = row && openErasure(ctx.keyring, row);
    expect(said).to.deep.include({ cause: 'retention', rule: 'unconfirmed', entity: 'system' });
    expect(said?.erased).to.have.length(await one<number>(ctx, 'select count(*)::int from erased_leaf'));
    expect(JSON.stringify(said)).to.not.match(/boris|dora|gmail/);
    expect(await one(ctx, 'select count(*)::int from log_leaf')).to.equal(before + 1);
    expect(await fsck(ctx)).to.deep.include({ faults: [], erased: said?.erased.length });
  });

  it('tell what was erased from what was lost, and are not misled by whoever writes SQL', async () => {
    const [lost] = await ctx.db.query<{ event_id: string; leaf_index: string; sign_up_id: string }>(
      `select l.event_id, l.leaf_index, l.sign_up_id from log_leaf l join consent_event e on e.id = l.event_id where e.kind = 'confirmed'`,
    );
    const isLost = [`leaf ${lost?.leaf_index ?? ''}: its record is lost, no erasure names it`];

    await ctx.db.query('delete from event_body where event_id = $1', [lost?.event_id]);
    expect((await fsck(ctx)).faults).to.deep.equal(isLost);

    await ctx.db.query(
      'insert into erased_leaf (event_id, sign_up_id, erasure_id) select $1, $2, id from erasure limit 1',
      [lost?.event_id, lost?.sign_up_id],
    );
    expect((await fsck(ctx)).faults, 'no event says so').to.deep.equal(isLost);
    for (const sql of [
      'delete from erased_leaf',
      'update erased_leaf set erasure_id = erasure_id',
      'truncate erased_leaf',
    ]) {
      const refused = await ctx.db.query(sql).then(
        () => '',
        (error: unknown) => String(error),
      );
      expect(refused, sql).to.contain('append-only');
    }
  });

  it('miss every leaf of an erasure whose own record was tampered with', async () => {
    const faults = (await fsck(ctx)).faults.length;

    await ctx.db.query(
      `update event_body b set record = record || '\\x00' from erasure x where b.event_id = x.event_id`,
    );

    expect((await fsck(ctx)).faults).to.have.length.above(faults + 3);
  });
});

async function countDueAfter(ctx: Context): Promise<number> {
  await purgeUnconfirmed(ctx);
  return (await countDue(ctx)).unconfirmed;
}
