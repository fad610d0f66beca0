import { expect } from 'chai';
import type { Context } from '../../server/context.js';
import { makeSender, type Builder } from '../../server/delivery/deliver.js';
import { queueDeliveries } from '../../server/delivery/queue.js';
import { makeSmtpPool } from '../../server/mail/smtp.js';
import { bareCampaign } from '../support/campaigns.js';
import { makeTestContext, type TestContext } from '../support/context.js';
import { addMany } from '../support/people.js';
import { eventually } from '../support/service.js';
import { startSink } from '../support/sink.js';

describe('the sender', () => {
  let test: TestContext;
  let ctx: Context;

  before(async () => {
    test = await makeTestContext();
    ctx = test.ctx;
  });

  after(async () => test.drop());

  it('sends the others when one mail cannot be built and one cannot be read, and tries those two later', async () => {
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
      return Promise.resolve(
        mails.map((delivery) => ({ delivery, from, message: Buffer.from('Subject: Hi\r\n\r\n') })),
      );
    };
    const sink = await startSink();
    const pool = makeSmtpPool({ url: sink.url, logger: ctx.logger });
    const sender = makeSender(ctx, pool, { letter });
    const running = sender.run();

    await eventually(async () => Promise.resolve(expect(sink.mails).to.have.length(10)));
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
      { state: 'deferred', reason: 'build', is_later: true, n: 1 },
      { state: 'deferred', reason: 'unreadable', is_later: true, n: 1 },
      { state: 'sent', reason: null, is_later: false, n: 10 },
    ]);
    expect(sender.inFlight).to.equal(0);
  });
});
