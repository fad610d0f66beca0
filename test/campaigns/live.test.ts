import { expect } from 'chai';
import { campaignBuilder } from '../../server/campaigns/builder.js';
import { fanOut } from '../../server/campaigns/fan-out.js';
import { progress } from '../../server/campaigns/progress.js';
import { releaseCampaign } from '../../server/campaigns/release.js';
import { slowedBy } from '../../server/campaigns/slowed-by.js';
import { progressPart } from '../../server/staff/campaign-part.js';
import { sumUpTallies, tallyOf } from '../../server/campaigns/tally.js';
import { createCampaign } from '../../server/campaigns/upload.js';
import { makeSender } from '../../server/delivery/deliver.js';
import type { Context } from '../../server/context.js';
import { countDomain, domainsOf, forgetDomains, writeDomains } from '../../server/delivery/domains.js';
import { makeSmtpPool, type SmtpPool } from '../../server/mail/smtp.js';
import { livePart } from '../../server/staff/live-part.js';
import { eventually } from '../support/service.js';
import { startSink, type Sink } from '../support/sink.js';
import { addPerson, makeFresh, type Fresh } from './fresh.js';
import { bareCampaign } from '../support/campaigns.js';

describe('a campaign on its way', function () {
  this.timeout(30_000);
  let fresh: Fresh;
  let sink: Sink;
  let pool: SmtpPool;

  before(async () => {
    fresh = await makeFresh();
    sink = await startSink({
      onMail: async ({ to }) => {
        if (to.endsWith('@slow.example'))
          throw Object.assign(new Error('4.3.2 busy, come back later'), { responseCode: 451 });
        return Promise.resolve();
      },
    });
    pool = makeSmtpPool({ url: sink.url, logger: fresh.ctx.logger });
  });

  after(async () => {
    await pool.close();
    await sink.stop();
    await fresh.drop();
  });

  const send = async (people: readonly string[]): Promise<string> => {
    for (const address of people) await addPerson(fresh, address);
    const source = Buffer.from('<title>Hello</title><p>Hello</p>');
    const id = await createCampaign(fresh.ctx, { list: 'news', fileName: 'a.html', source });
    await releaseCampaign(fresh.ctx, id);
    while ((await fanOut(fresh.ctx)) > 0);
    const sender = makeSender(fresh.ctx, pool, { campaign: campaignBuilder });
    const running = sender.run();
    await eventually(async () => {
      const now = await progress(fresh.ctx, id);
      expect(now.waiting + now.sending).to.equal(0);
    });
    await sender.stop();
    await running;
    await writeDomains(fresh.ctx);
    return id;
  };

  const many = (count: number, domain: string): string[] => Array.from({ length: count }, (_, i) => `p${i}@${domain}`);

  it('tells how each larger domain takes it, and which slows it; a small domain is told to nobody', async () => {
    const id = await send([...many(12, 'quick.example'), ...many(11, 'slow.example'), ...many(9, 'family.example')]);

    const now = await progress(fresh.ctx, id);
    const domains = await domainsOf(fresh.ctx, id);

    expect(now).to.include({ queued: 32, sent: 21, deferred: 11 });
    expect(domains.map(({ name, sent, deferred }) => [name, sent, deferred])).to.deep.equal([
      ['slow.example', 0, 11],
      ['quick.example', 12, 0],
    ]);
    expect(slowedBy(now, domains, fresh.ctx.now())).to.include({ kind: 'domain', name: 'slow.example' });
    expect((await livePart(fresh.ctx, now))?.domains).to.have.length(2);
    const rows = await fresh.ctx.db.query<{ text: string }>('select d::text as text from campaign_domain d');
    const hex = (text: string): string => Buffer.from(text).toString('hex');
    expect(rows.map(({ text }) => text).join())
      .not.to.contain(hex('quick.example'))
      .and.not.to.contain(hex('family'));
  });

  it('forgets the domains a day later', async () => {
    fresh.advance(25 * 3_600_000);

    expect(await forgetDomains(fresh.ctx)).to.equal(2);
  });

  it('tells the same numbers before and after the changes are summed up', async () => {
    const [campaign] = await fresh.ctx.db.query<{ id: string }>('select id from campaign');
    const id = campaign?.id ?? '';
    const before = await tallyOf(fresh.ctx, id);
    await fresh.ctx.db.query(
      `insert into campaign_tally (campaign_id, kind, reason, change, at)
       select $1, 'sent', '', case when n % 2 = 0 then 1 else -1 end, statement_timestamp() - interval '1 hour' from generate_series(1, 300) n`,
      [id],
    );

    const gone = await sumUpTallies(fresh.ctx);

    expect(gone).to.be.greaterThan(299);
    const strip = (counts: typeof before) => counts.map(({ kind, reason, count }) => ({ kind, reason, count }));
    expect(strip(await tallyOf(fresh.ctx, id))).to.deep.equal(strip(before));
  });

  it('says when nobody sends, and when our own mail server is away', async () => {
    const at = fresh.ctx.now();
    const [campaign] = await fresh.ctx.db.query<{ id: string }>('select id from campaign');
    const idle = { ...(await progress(fresh.ctx, campaign?.id ?? '')), waiting: 5, rate: 0, sending: 0 };
    const own = { name: null, sent: 0, deferred: 3, failed: 0, reply: 'connect ECONNREFUSED', at };

    expect(slowedBy(idle, [], at)?.kind).to.equal('no-sender');
    const said = { kind: 'own-server', name: '', reply: 'connect ECONNREFUSED', since: null };
    expect(slowedBy(idle, [own], at)).to.deep.equal(said);
    expect(slowedBy(idle, [own], at, { since: at, reply: 'no route' })).to.deep.equal({
      ...said,
      since: at,
      reply: 'no route',
    });
    const later = { ...own, name: 'big.example', sent: 1, deferred: 0, reply: null, at: new Date(at.getTime() + 1) };
    expect(slowedBy({ ...idle, sending: 1 }, [own, later], later.at)).to.equal(null);
    expect(slowedBy(idle, [own], new Date(at.getTime() + 61_000))?.kind).to.equal('no-sender');
    expect(slowedBy({ ...idle, state: 'sent' }, [own], at)).to.equal(null);
  });

  it('is told by two workers at once, who heard from the same domains in another order', async function () {
    const { db } = fresh.ctx;
    if (db.isEmbedded) this.skip();
    const id = await bareCampaign(fresh.ctx);
    const names = ['a', 'b', 'c', 'd', 'e'].map((name) => `${name}.example`);
    const answer = { kind: 'sent', reply: '250 ok', takenBy: 'sink', at: fresh.ctx.now() } as const;
    const hear = (ctx: Context, inOrder: readonly string[], count: number): void => {
      for (const name of inOrder)
        for (let i = 0; i < count; i += 1)
          countDomain(ctx, { kind: 'campaign', messageId: id, address: `p${i}@${name}` }, answer);
    };
    hear(fresh.ctx, names, 10);
    hear(fresh.ctx, names.slice(2, 3), 1);
    await writeDomains(fresh.ctx);
    const workers = [{ ...fresh.ctx }, { ...fresh.ctx }] as const;
    hear(workers[0], names, 10);
    hear(workers[1], [...names].reverse(), 10);

    // Both have written some when they come to the one in the middle.
    const written = await db.transaction(async (tx) => {
      await tx.query('select from campaign_domain where campaign_id = $1 and sent = 11 for update', [id]);
      const writing = Promise.all(workers.map(writeDomains));
      await eventually(async () => expect(await waiting(db)).to.equal(2));
      return { writing };
    });
    await written.writing;

    const sent = (await domainsOf(fresh.ctx, id)).map((one) => one.sent);
    expect(sent.sort()).to.deep.equal([30, 30, 30, 30, 31]);
  });

  it('tells of a halt among the numbers that move, and not that nobody sends besides', async () => {
    const id = await bareCampaign(fresh.ctx);
    await fresh.ctx.db.query(
      `insert into campaign_pace (campaign_id, started_at, filled_at, halts, halted_until, halt_reason) values ($1, now(), now(), 1, now(), '550 5.7.1 no')`,
      [id],
    );
    const now = { ...(await progress(fresh.ctx, id)), queued: 9, waiting: 3, sent: 4, deferred: 2, rate: 0 };

    const live = await livePart(fresh.ctx, now);
    const part = progressPart(now, 'en', 'UTC', live);

    expect(live).to.deep.include({ slowedBy: null }).and.to.have.nested.property('halted.reason', '550 5.7.1 no');
    expect(part).to.include({ percent: 44, left: null });
  });
});

/** How many statements wait for another's lock. */
async function waiting(db: Context['db']): Promise<number> {
  const rows = await db.query(
    `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
  );
  return rows.length;
}
