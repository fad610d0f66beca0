import { setTimeout } from 'node:timers/promises';
import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import type { Context } from '../../server/context.js';
import type { Builder, Made } from '../../server/delivery/built-mail.js';
import { makeSender } from '../../server/delivery/deliver.js';
import { queueDeliveries } from '../../server/delivery/queue.js';
import { makeSmtpPool } from '../../server/mail/smtp.js';
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
    const message = { messageId: randomUUID(), kind: 'campaign', template: 'letter' } as const;
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

  it('writes down that a mail left only when what was changed in it is written down', async () => {
    const [person] = await addMany(ctx, 1);
    const messageId = randomUUID();
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
