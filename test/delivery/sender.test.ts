import { randomUUID } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { expect } from 'chai';
import type { Context } from '../../server/context.js';
import type { Builder, Made } from '../../server/delivery/built-mail.js';
import { claim } from '../../server/delivery/claim.js';
import { makeSender } from '../../server/delivery/deliver.js';
import { makeOutageWatch, outageOf, type OutageWatch } from '../../server/delivery/outage.js';
import { toOutcome } from '../../server/delivery/outcome.js';
import { queueDeliveries } from '../../server/delivery/queue.js';
import { settle } from '../../server/delivery/settle.js';
import { makeSmtpPool, type SmtpOutcome } from '../../server/mail/smtp.js';
import { bareCampaign } from '../support/campaigns.js';
import { makeTestContext, type TestContext } from '../support/context.js';
import { addMany } from '../support/people.js';
import { eventually } from '../support/service.js';
import { startSink } from '../support/sink.js';
import { one } from '../support/state.js';

describe('the sender', () => {
  let test: TestContext;
  let ctx: Context;

  before(async () => {
    test = await makeTestContext();
    ctx = test.ctx;
  });

  after(async () => test.drop());

  it('sends the others when mails cannot be built, signed or read, and tries those later', async () => {
    const people = await addMany(ctx, 12);
    await ctx.db.query(`update subscriber set address = '\\x00' where id = $1`, [people[7]?.subscriberId]);
    const message = { messageId: await bareCampaign(ctx), kind: 'campaign', template: 'letter' } as const;
    await queueDeliveries(
      ctx.db,
      ctx,
      people.map((person) => ({ ...message, subscriberId: person.subscriberId, consentId: person.consentId })),
      ctx.now(),
    );
    const letter: Builder = async (_ctx, mails) => {
      if (mails.some((mail) => mail.address === 'person3@example.com')) throw new Error('this one cannot be built');
      const from = 'letters@bookshop.example';
      return Promise.resolve(mails.map((delivery) => ({ delivery, from, message: write(delivery.address) })));
    };
    const write = async (address: string): Promise<Made> => {
      await setTimeout(5);
      if (address === 'person5@example.com') throw new Error('this one cannot be signed');
      if (address === 'person9@example.com') return { cannot: 'template-refused' };
      return { message: Buffer.from('Subject: Hi\r\n\r\n') };
    };
    const sink = await startSink();
    const pool = makeSmtpPool({ url: sink.url, logger: ctx.logger });
    const sender = makeSender(ctx, pool, { letter });
    const running = sender.run();

    await eventually(async () => Promise.resolve(expect(sink.mails).to.have.length(8)));
    await sender.stop();
    await running;
    await pool.close();
    await sink.stop();

    const rows = await ctx.db.query(
      `select state, reason, due_at > now() + interval '30 seconds' as is_later, count(*)::int as n
       from delivery where message_id = $1 group by 1, 2, 3 order by 1, 2`,
      [message.messageId],
    );
    expect(rows).to.deep.equal([
      { state: 'deferred', reason: 'build', is_later: true, n: 2 },
      { state: 'deferred', reason: 'unreadable', is_later: true, n: 1 },
      { state: 'failed', reason: 'template-refused', is_later: false, n: 1 },
      { state: 'sent', reason: null, is_later: false, n: 8 },
    ]);
    expect(sender.inFlight).to.equal(0);
  });

  describe('while no server takes our mail', () => {
    const AWAY: SmtpOutcome = { kind: 'deferred', reply: 'connect ECONNREFUSED 127.0.0.1:25' };
    const TAKEN: SmtpOutcome = { kind: 'sent', reply: '250 ok', takenBy: 'sink', at: new Date() };
    const MINUTE = 60_000;
    let now = Date.now();
    const worker = randomUUID();
    const at = (): Context => ({
      ...ctx,
      now: () => new Date(now),
      config: { ...ctx.config, sending: { ...ctx.config.sending, retryHours: 3 } },
    });
    const queue = async (count: number): Promise<string> => {
      const messageId = await bareCampaign(ctx);
      const people = await addMany(ctx, count);
      const mails = people.map(({ subscriberId, consentId }) => {
        return { messageId, subscriberId, consentId, kind: 'campaign' as const, template: 'letter' };
      });
      await queueDeliveries(ctx.db, ctx, mails, new Date(now));
      return messageId;
    };
    /** Every mail that is due is tried once. */
    const tryAll = async (watch: OutageWatch, outcome: SmtpOutcome): Promise<void> => {
      const { good } = await claim(at(), worker, ['campaign'], 100);
      for (const mail of good) {
        const downSince = await watch.note(outcome);
        await settle(at(), worker, [toOutcome(at(), mail, outcome, { downSince })]);
      }
    };
    const tryFor = async (watch: OutageWatch, minutes: number): Promise<void> => {
      for (const end = now + minutes * MINUTE; now < end; now += 5 * MINUTE) await tryAll(watch, AWAY);
    };
    const rows = async (messageId: string): Promise<unknown> =>
      ctx.db.query(
        'select state, reason, attempts, count(*)::int as n from delivery where message_id = $1 group by 1, 2, 3 order by 1',
        [messageId],
      );
    const outage = async (): Promise<number | null> => {
      const found = await outageOf(ctx.db, new Date(now));
      return found && Math.round((now - found.since.getTime()) / MINUTE);
    };

    it('each mail waits for as long as mail is tried, and is then given up for that reason; later ones wait on', async () => {
      const watch = makeOutageWatch(at());
      const early = await queue(2);
      await tryFor(watch, 100);
      const late = await queue(1);
      await tryFor(watch, 80);
      expect(await rows(early)).to.deep.equal([{ state: 'deferred', reason: 'connection', attempts: 0, n: 2 }]);
      expect(await outage()).to.equal(180);

      await tryFor(makeOutageWatch(at()), 15);

      // Another process knows since when it is so, and no try counted.
      expect(await rows(early)).to.deep.equal([{ state: 'failed', reason: 'connection', attempts: 1, n: 2 }]);
      expect(await rows(late)).to.deep.equal([{ state: 'deferred', reason: 'connection', attempts: 0, n: 1 }]);
      expect(await outage()).to.equal(195);
      const [reply] = await ctx.db.query<{ reply: string }>('select reply from outage');
      expect(reply?.reply).to.equal('connect ECONNREFUSED 127.0.0.1:25');
      now += MINUTE;
      await tryAll(watch, TAKEN);
      expect(await rows(late)).to.deep.equal([{ state: 'sent', reason: null, attempts: 1, n: 1 }]);
      expect(await outage()).to.equal(null);
    });

    it('a mail that stood still for days between two short outages is not given up', async () => {
      const watch = makeOutageWatch(at());
      const mail = await queue(1);
      await tryFor(watch, 10);
      now += 5 * 24 * 60 * MINUTE;
      expect(await outage(), 'nobody knows').to.equal(null);

      await tryFor(watch, 60);

      expect(await rows(mail)).to.deep.equal([{ state: 'deferred', reason: 'connection', attempts: 0, n: 1 }]);
      expect(await outage()).to.equal(60);
      // An answer, whatever it says, ends it.
      await tryAll(watch, { kind: 'deferred', reply: '451 later', code: 451, enhanced: '4.3.0' });
      expect(await outage()).to.equal(null);
      const [row] = await ctx.db.query<{ since: Date | null }>(
        'select failing_since as since from delivery where message_id = $1',
        [mail],
      );
      expect(row?.since).to.equal(null);
    });

    it('what was seen last is what is known, however slow the database is', async () => {
      let first = true;
      const query: typeof ctx.db.query = async (sql, values) => {
        if (first) {
          first = false;
          await setTimeout(50);
        }
        return ctx.db.query<never>(sql, values);
      };
      const watch = makeOutageWatch({ ...at(), db: { ...ctx.db, query } });

      await Promise.all([watch.note(AWAY), watch.note(TAKEN)]);

      expect(await outage()).to.equal(null);
      now += 5 * MINUTE;
      await watch.note(AWAY);
      expect(await outage()).to.equal(0);
      await watch.note(TAKEN);
    });

    it('one connection that fails among many is none', async () => {
      const watch = makeOutageWatch(at());

      await watch.note(TAKEN);
      await watch.note(AWAY);

      expect(await outage()).to.equal(null);
    });

    it('one that waits in a new long outage after one of before is tried for all its hours', async () => {
      const watch = makeOutageWatch(at());
      const first = await queue(1);
      await tryFor(watch, 170);
      const second = await queue(1);
      await tryFor(watch, 20);

      expect(await rows(first)).to.deep.equal([{ state: 'failed', reason: 'connection', attempts: 1, n: 1 }]);
      expect(await rows(second)).to.deep.equal([{ state: 'deferred', reason: 'connection', attempts: 0, n: 1 }]);
    });
  });

  it('writes down that a mail left only when what was changed in it is written down', async () => {
    const [person] = await addMany(ctx, 1);
    const messageId = await bareCampaign(ctx);
    await queueDeliveries(
      ctx.db,
      ctx,
      [
        {
          messageId,
          kind: 'campaign',
          template: 'letter',
          subscriberId: person?.subscriberId ?? '',
          consentId: person?.consentId ?? '',
        },
      ],
      ctx.now(),
    );
    let write = (): void => undefined;
    const kept = new Promise<void>((resolve) => (write = resolve));
    const message = Buffer.from('Subject: Hi\r\n\r\n');
    const letter: Builder = async (_ctx, mails) =>
      Promise.resolve(mails.map((delivery) => ({ delivery, from: 'letters@bookshop.example', message, kept })));
    const sink = await startSink();
    const pool = makeSmtpPool({ url: sink.url, logger: ctx.logger });
    const sender = makeSender(ctx, pool, { letter });
    const running = sender.run();
    const state = async (): Promise<string> =>
      one(ctx, 'select state from delivery where message_id = $1', [messageId]);

    await eventually(async () => Promise.resolve(expect(sink.mails).to.have.length(1)));
    await eventually(async () => Promise.resolve(expect(pool.inFlight).to.equal(0)));
    await ctx.db.query('select 1');
    const before = [await state(), sender.inFlight];
    write();
    await sender.stop();
    await running;
    await pool.close();
    await sink.stop();

    expect(before).to.deep.equal(['sending', 1]);
    expect(await state()).to.equal('sent');
  });
});
