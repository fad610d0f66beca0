import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { act } from '../../server/consent/act.js';
import { consentById } from '../../server/consent/find.js';
import type { Context } from '../../server/context.js';
import { claim, type Claimed } from '../../server/delivery/claim.js';
import { makeSender } from '../../server/delivery/deliver.js';
import { extendLeases, freeLeases, LEASE_MS } from '../../server/delivery/leases.js';
import { toOutcome } from '../../server/delivery/outcome.js';
import { queueDeliveries } from '../../server/delivery/queue.js';
import type { Outcome } from '../../server/delivery/settle.js';
import { makeSmtpPool } from '../../server/mail/smtp.js';
import { bareCampaign, letter } from '../support/campaigns.js';
import { makeTestContext, type TestContext } from '../support/context.js';
import { addMany, type Person } from '../support/people.js';
import { eventually } from '../support/service.js';
import { startSink, type Sink } from '../support/sink.js';

const WINDOW = 20;

describe('outcomes that are written with the next claim', () => {
  let test: TestContext;
  let ctx: Context;
  let sink: Sink;
  let people: Person[];
  const worker = randomUUID();

  before(async () => {
    test = await makeTestContext();
    ctx = { ...test.ctx, config: { ...test.ctx.config, sendWindow: WINDOW } };
    sink = await startSink();
    people = await addMany(ctx, 60);
  });

  after(async () => {
    await sink.stop();
    await test.drop();
  });

  beforeEach(async () => ctx.db.query('truncate delivery'));

  it('are there when the next mails are claimed', async () => {
    const message = await queue(6);
    const first = await take(3);

    const second = await claim(ctx, worker, ['campaign'], 10, first.map(sent));

    expect(second.good).to.have.length(3);
    expect(await states(message)).to.deep.equal({ sent: 3, sending: 3 });
  });

  it('count for how often somebody wants mail', async () => {
    const [person] = people;
    const found = await consentById(ctx, person?.consentId ?? '');
    expect(found && (await act(ctx.db, ctx, found.consent, { frequency: 'weekly' }, null))).to.equal(true);
    const [one, other] = [await queue(1), await queue(1)];
    const first = await take(1);

    const { good } = await claim(ctx, worker, ['campaign'], 10, first.map(sent));

    expect(good).to.deep.equal([]);
    expect([await states(one), await states(other)]).to.have.deep.members([{ sent: 1 }, { skipped: 1 }]);
  });

  it('are not there when the mails could not be claimed: either all of it happens or nothing', async () => {
    const message = await queue(6);
    const first = await take(3);
    await ctx.db.query('alter function claim_deliveries rename to claim_away');

    const error = await claim(ctx, worker, ['campaign'], 10, first.map(sent)).catch((thrown: unknown) => thrown);

    await ctx.db.query('alter function claim_away rename to claim_deliveries');
    expect(String(error)).to.match(/claim_deliveries/);
    expect(await states(message)).to.deep.equal({ sending: 3, queued: 3 });
  });

  it('are written all the same when claims fail, and no more mails are in flight than the window has room for', async () => {
    const message = await queue(people.length);
    let failing = 0;
    let most = 0;
    const query: Context['db']['query'] = async (sql, params) => {
      if (sql.includes('from settle_and_claim')) {
        failing += 1;
        if (failing % 2 === 1) throw new Error('the database broke off');
      }
      const rows = await ctx.db.query<never>(sql, params);
      const [row] = await ctx.db.query<{ n: number }>(
        `select count(*)::int as n from delivery where state = 'sending'`,
      );
      most = Math.max(most, row?.n ?? 0);
      return rows;
    };
    const pool = makeSmtpPool({ url: sink.url, logger: ctx.logger });
    const sender = makeSender({ ...ctx, db: { ...ctx.db, query } }, pool, { letter });
    const running = sender.run();

    await eventually(async () => expect(await states(message)).to.deep.equal({ sent: people.length }), 30_000);
    await sender.stop();
    await running;
    await pool.close();

    expect(failing, 'claims that carried outcomes').to.be.greaterThan(1);
    expect(most, 'in flight at most').to.be.within(1, WINDOW);
    expect(new Set(sink.mails.map(({ to }) => to)).size).to.equal(people.length);
    expect(sink.mails, 'nobody twice').to.have.length(people.length);
  });

  it('leaves to others what it claimed without hearing of it, though it lives', async () => {
    const message = await queue(5);
    const heard = await take(3);
    // The database crashed after its commit, before its answer.
    await take(2);
    const later = (ms: number): Context => ({ ...ctx, now: () => new Date(Date.now() + ms) });

    await extendLeases(later(LEASE_MS / 2), worker, heard);
    const freed = await freeLeases(later(LEASE_MS + 1_000));

    expect(freed).to.equal(2);
    expect(await states(message)).to.deep.equal({ sending: 3, queued: 2 });
  });

  async function queue(count: number): Promise<string> {
    const messageId = await bareCampaign(ctx);
    const mails = people.slice(0, count).map(({ subscriberId, consentId }) => {
      return { messageId, subscriberId, consentId, kind: 'campaign' as const, template: 'letter' };
    });
    await queueDeliveries(ctx.db, ctx, mails, ctx.now());
    return messageId;
  }

  async function take(most: number): Promise<Claimed[]> {
    return (await claim(ctx, worker, ['campaign'], most)).good;
  }

  function sent(mail: Claimed): Outcome {
    return toOutcome(ctx, mail, { kind: 'sent', reply: '250 ok', at: ctx.now(), takenBy: 'sink' });
  }

  async function states(messageId: string): Promise<Record<string, number>> {
    const rows = await ctx.db.query<{ state: string; n: number }>(
      'select state, count(*)::int as n from delivery where message_id = $1 group by 1',
      [messageId],
    );
    return Object.fromEntries(rows.map(({ state, n }) => [state, n]));
  }
});
