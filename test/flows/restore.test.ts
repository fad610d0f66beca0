import { expect } from 'chai';
import { sealOrganisation } from '../../server/consent/read-catalogue.js';
import { DEMO } from '../../server/tour/demo.js';
import { fanOut } from '../../server/campaigns/fan-out.js';
import { progress } from '../../server/campaigns/progress.js';
import { releaseCampaign } from '../../server/campaigns/release.js';
import { createCampaign } from '../../server/campaigns/upload.js';
import type { Context } from '../../server/context.js';
import { everythingOpened } from '../support/loot.js';
import { backUp, type Backup } from '../support/backup.js';
import { addConfirmed } from '../support/people.js';
import { makeHome, type Home, type RunningService } from '../support/process.js';
import { checkLedger, eventually } from '../support/service.js';
import { startSink, type Sink } from '../support/sink.js';
import { sendMail } from '../support/smtp.js';
import { factsOf, one, oneClickLink, settled, stateOf } from '../support/state.js';
import { linkIn, pressConfirm, signUp } from '../support/story.js';
import { formOf, get, headingOf, post } from '../support/web.js';

const CONFIRMED = ['ada', 'eve', 'boris', 'chen', 'fay', 'gus', 'hana', 'ivo'];

describe('a restored backup (T4)', function () {
  this.timeout(120_000);
  let sink: Sink;
  let home: Home;
  let service: RunningService;
  let backup: Backup;
  let campaign = '';
  /** Mails of the time before the restore. */
  let mailsBefore = 0;

  before(async () => {
    sink = await startSink();
    home = await makeHome({ SMTP_URL: sink.url });
    service = await home.start();
    expect((await signUp(service, addressOf('dora'))).status).to.equal(200);
    await mailTo('dora', 1);
    await service.stop();
    campaign = await home.look(async (ctx) => {
      await ctx.db.query(`update organisation set inbound_domain = 'in.bookshop.example'`);
      await sealOrganisation(ctx.db, ctx.keyring, DEMO.organisation.slug);
      for (const name of CONFIRMED) await addConfirmed(ctx, addressOf(name));
      // Its mails wait in the backup too, and are due as soon as the restored service starts.
      return queueCampaign(ctx);
    });

    backup = await backUp(home);
    service = await home.start();
    await leave();
    await service.stop();
    mailsBefore = sink.mails.length;
    await backup.restore();
    service = await home.start();
    // The log lost leaves that were signed: it goes on only when it is told to.
    expect((await home.zgoda(['ledger', 'continue', '--under-a-new-origin'])).code).to.equal(0);
  });
  after(async () => {
    await home.drop();
    await backup.drop();
    await sink.stop();
  });

  async function mailTo(name: string, count: number): Promise<Parameters<typeof linkIn>[0]> {
    const mail = await eventually(async () => {
      const found = sink.mails.filter(({ to }) => to === addressOf(name));
      expect(found, `mails to ${name}`).to.have.length.at.least(count);
      return Promise.resolve(found[count - 1]);
    }, 20_000);
    return { id: '', raw: mail?.raw ?? Buffer.alloc(0), parsed: await sink.parsed(mail) };
  }

  /** Everybody but Ada and Eve, each by another way out; Fay by being erased. */
  async function leave(): Promise<void> {
    const oneClick = await post(oneClickLink(await mailTo('boris', 1)), { 'List-Unsubscribe': 'One-Click' });
    expect(oneClick.status).to.equal(200);
    await stopAll('chen');
    const head = (await mailTo('gus', 1)).raw.toString().replace(/\r\n[ \t]+/g, '');
    const [, mailto = ''] = /<mailto:(u\+[a-z2-7]+@in\.bookshop\.example)/.exec(head) ?? [];
    expect((await sendMail({ service }, [mailto])).rejected).to.deep.equal([]);
    // Hana has left already when she asks never to be written to again.
    const left = await post(linkIn(await mailTo('hana', 1), 'p'), { choice: 'leave' });
    expect(left.status).to.equal(200);
    await stopAll('hana');
    // Ivo leaves, and joins again later: the backup knows neither.
    await post(oneClickLink(await mailTo('ivo', 1)), { 'List-Unsubscribe': 'One-Click' });
    await signUp(service, addressOf('ivo'));
    expect(headingOf(await pressConfirm(linkIn(await mailTo('ivo', 2), 'c')))).to.contain('Confirmed');
    await eraseIn('fay');
    const disown = formOf(await get(linkIn(await mailTo('dora', 1), 'n')), 'not-me');
    expect((await post(disown.action, disown.fields)).status).to.equal(200);
  }

  /** "Delete everything", after a magic link. */
  async function eraseIn(name: string): Promise<void> {
    await post(`${service.base}/preferences`, { email: addressOf(name) });
    const open = formOf(await get(linkIn(await mailTo(name, 2), 'm')), 'open');
    const cookie = (await post(open.action, open.fields)).headers.get('set-cookie')?.split(';')[0] ?? '';
    const { action, fields } = formOf(await get(`${service.base}/settings/erase`, { cookie }), 'erase');
    expect(headingOf(await post(action, fields, { cookie, origin: service.base }))).to.contain('Deleted');
  }

  async function stopAll(name: string): Promise<void> {
    const { action, fields } = formOf(await get(linkIn(await mailTo(name, 1), 'p')), 'stop-all');
    expect((await post(action, fields)).status).to.equal(200);
  }

  const namesSince = (from: number): string[] =>
    [...new Set(sink.mails.slice(from).map(({ to }) => nameOf(to)))].sort();

  it('mails nobody who left since, though their mails waited in it', async () => {
    const done = await home.look(async (ctx) => {
      await settled(ctx);
      return progress(ctx, campaign);
    });

    expect(done).to.deep.include({
      queued: CONFIRMED.length,
      sent: 2,
      skipped: { withdrawn: 5, erased: 1 },
      state: 'sent',
    });
    expect(namesSince(mailsBefore)).to.deep.equal(['ada', 'eve']);
  });

  it('sends the next campaign to the others only', async () => {
    const from = sink.mails.length;

    const done = await home.look(async (ctx) => {
      const next = await queueCampaign(ctx);
      await settled(ctx);
      return progress(ctx, next);
    });

    expect(done).to.deep.include({ queued: 2, sent: 2 });
    expect(namesSince(from)).to.deep.equal(['ada', 'eve']);
  });

  it('has every state and suppression that was answered', async () => {
    await home.look(async (ctx) => {
      for (const name of ['boris', 'chen', 'gus', 'hana', 'ivo'])
        expect(await stateOf(ctx, addressOf(name)), name).to.equal('withdrawn');
      expect(await stateOf(ctx, addressOf('dora'))).to.equal('refused');
      const rows = await ctx.db.query(
        `select reason, until > now() + interval '89 days' as "is90days" from suppression order by reason`,
      );
      expect(rows).to.deep.equal([
        { reason: 'not-me', is90days: true },
        { reason: 'objection', is90days: null },
        { reason: 'objection', is90days: null },
      ]);
    });
  });

  it('has erased again who was erased since, and told the log so', async () => {
    await home.look(async (ctx) => {
      await settled(ctx);
      expect(await factsOf(ctx, addressOf('fay'))).to.equal(null);
      const opened = await everythingOpened(ctx);
      expect(new Set(opened.filter(({ text }) => text.includes('fay@')).map(({ by }) => by))).to.deep.equal(
        new Set(['restricted_proof']),
      );
      expect(await one(ctx, 'select count(*)::int from erasure where journaled_at is not null')).to.equal(1);
      await checkLedger(ctx);
    });
  });

  it('keeps blocking whoever said "this was not me", and lets who merely left come back', async () => {
    const from = sink.mails.length;

    for (const name of ['dora', 'boris']) expect((await signUp(service, addressOf(name))).status).to.equal(200);
    await home.look(settled);

    expect(namesSince(from)).to.deep.equal(['boris']);
    const [boris] = sink.mails.slice(from);
    const link = linkIn({ id: '', raw: Buffer.alloc(0), parsed: await sink.parsed(boris) }, 'c');
    expect(headingOf(await pressConfirm(link))).to.contain('Confirmed');
  });

  it('is brought up to date once: another start changes nothing, and withdraws nobody who came back', async () => {
    await home.look(settled);
    await service.stop();
    const count = async (ctx: Context): Promise<number> => one(ctx, 'select count(*)::int from consent_event');
    const before = await home.look(count);

    service = await home.start();

    await home.look(async (ctx) => {
      expect(await count(ctx)).to.equal(before);
      expect(await stateOf(ctx, addressOf('boris'))).to.equal('confirmed');
      await checkLedger(ctx);
    });
  });
});

function addressOf(name: string): string {
  return `${name}@example.org`;
}

function nameOf(address: string): string {
  return address.split('@')[0] ?? '';
}

const SOURCE = '<html><head><title>New books</title></head><body><p>Dear reader, new books came.</p></body></html>';

async function queueCampaign(ctx: Context): Promise<string> {
  const id = await createCampaign(ctx, { list: 'news', fileName: 'books.html', source: Buffer.from(SOURCE) });
  await releaseCampaign(ctx, id);
  while ((await fanOut(ctx)) > 0);
  return id;
}
