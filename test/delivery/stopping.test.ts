import { expect } from 'chai';
import { makeBell } from '../../server/bell.js';
import { steerCampaign } from '../../server/campaigns/steer.js';
import type { Context } from '../../server/context.js';
import { makeSender, type Sender } from '../../server/delivery/deliver.js';
import { queueDeliveries } from '../../server/delivery/queue.js';
import { makeSmtpPool } from '../../server/mail/smtp.js';
import { bareCampaign, letter } from '../support/campaigns.js';
import { makeTestContext, type TestContext } from '../support/context.js';
import { addConfirmed, addMany } from '../support/people.js';
import { eventually } from '../support/service.js';
import { smtpRefusal, startSink, type Sink, type SunkMail } from '../support/sink.js';

/** Longer than what a pause may take. */
const PAUSED_MS = 1_000;

describe('A sender', () => {
  let test: TestContext;
  let ctx: Context;
  let sink: Sink;
  let onMail: (mail: SunkMail) => Promise<void>;
  let offset = 0;
  const ends: (() => Promise<void>)[] = [];

  beforeEach(async () => {
    test = await makeTestContext();
    offset = 0;
    ctx = { ...test.ctx, now: () => new Date(Date.now() + offset) };
    onMail = async () => Promise.resolve();
    sink = await startSink({ onMail: async (mail) => onMail(mail) });
  });
  afterEach(async () => {
    for (const end of ends.splice(0)) await end();
    await sink.stop();
    await test.drop();
  });

  const start = (perDomain: Context['config']['sending']['perDomain'] = { usual: null, named: new Map() }): Sender => {
    const config = { ...ctx.config, sending: { ...ctx.config.sending, perDomain } };
    const pool = makeSmtpPool({ url: sink.url, logger: ctx.logger });
    const sender = makeSender({ ...ctx, config }, pool, { letter });
    const running = sender.run();
    ends.push(async () => {
      await sender.stop();
      await running;
      await pool.close();
    });
    return sender;
  };

  const queue = async (people: Awaited<ReturnType<typeof addMany>>): Promise<string> => {
    const messageId = await bareCampaign(ctx);
    const common = { messageId, kind: 'campaign', template: 'letter' } as const;
    const mails = people.map(({ subscriberId, consentId }) => ({ ...common, subscriberId, consentId }));
    await queueDeliveries(ctx.db, ctx, mails, ctx.now());
    ctx.bell.ring('mail');
    return messageId;
  };

  const outcomes = async (): Promise<Record<string, number>> => {
    const rows = await ctx.db.query<{ what: string; n: number }>(
      `select concat_ws(' ', state, reason) as what, count(*)::int as n from delivery where kind = 'campaign' group by 1`,
    );
    return Object.fromEntries(rows.map(({ what, n }) => [what, n]));
  };

  it('stops within a second though its mail server is slow, puts back what waited, and goes on with all', async () => {
    onMail = async () => new Promise((resolve) => setTimeout(resolve, 150));
    const people = await addMany(ctx, 120);
    const campaign = await queue(people);
    start();
    start();
    await eventually(async () => Promise.resolve(expect(sink.mails.length).to.be.greaterThan(10)));

    // Somewhere else: no bell of another process rings here.
    await steerCampaign({ ...ctx, bell: makeBell() }, campaign, 'pause', null);
    await new Promise((resolve) => setTimeout(resolve, PAUSED_MS));
    const begun = sink.begun();
    await new Promise((resolve) => setTimeout(resolve, PAUSED_MS));

    expect(sink.begun(), 'mails that began after the second').to.equal(begun);
    expect(begun).to.be.below(people.length);
    expect((await outcomes())['sending'] ?? 0, 'in flight').to.equal(0);
    await steerCampaign(ctx, campaign, 'resume', null);
    await eventually(async () => expect(await outcomes()).to.deep.equal({ sent: people.length }), 30_000);
    expect(new Set(sink.mails.map(({ to }) => to)).size).to.equal(sink.mails.length);
  });

  it('keeps the pace to one domain and lets the others pass', async () => {
    const slow = await addMany(ctx, 40, 'slow.example');
    const fast = await addMany(ctx, 40, 'fast.example');
    await queue([...slow, ...fast]);
    start({ usual: null, named: new Map([['slow.example', 10]]) });

    await eventually(async () =>
      Promise.resolve(expect(sink.mails.filter(({ to }) => to.endsWith('@fast.example'))).to.have.length(40)),
    );
    expect(sink.mails.filter(({ to }) => to.endsWith('@slow.example')).length).to.be.below(40);
    await eventually(async () => expect(await outcomes()).to.deep.equal({ sent: 80 }), 20_000);

    const times = sink.mails.filter(({ to }) => to.endsWith('@slow.example')).map(({ at }) => at.getTime());
    for (const from of times)
      expect(times.filter((at) => at >= from && at < from + 1_000).length, 'within a second').to.be.at.most(22);
    const rows = await ctx.db.query<{ attempts: number }>('select distinct attempts from delivery');
    expect(rows, 'waiting is no try').to.deep.equal([{ attempts: 1 }]);
  });

  it('halts a campaign whose mails are refused for our own fault, tries one, and goes on when that is taken', async () => {
    let isRefusing = true;
    onMail = async () =>
      isRefusing ? Promise.reject(smtpRefusal(550, '5.7.26 you are not authenticated')) : Promise.resolve();
    const people = await addMany(ctx, 150);
    const campaign = await queue(people);
    start();
    const pace = async () =>
      (
        await ctx.db.query<{ halts: number; until: Date | null; reason: string | null }>(
          'select halts, halted_until as until, halt_reason as reason from campaign_pace where campaign_id = $1',
          [campaign],
        )
      )[0];

    await eventually(async () => expect(await pace()).to.include({ halts: 1 }));
    await eventually(async () => expect((await outcomes())['sending'] ?? 0).to.equal(0));
    const tried = sink.begun();
    expect((await pace())?.reason).to.contain('5.7.26');
    expect(tried).to.be.below(people.length);
    expect((await outcomes())['failed refused'] ?? 0, 'given up before it was clear').to.be.at.most(8);

    // After a minute one mail tries, and is refused: two minutes now.
    offset += 61_000;
    await eventually(async () => expect(await pace()).to.include({ halts: 2 }));
    expect(sink.begun() - tried).to.equal(1);
    isRefusing = false;
    offset += 121_000;

    await eventually(async () => expect(await pace()).to.include({ halts: 0, reason: null }));
    offset += 3_600_000;
    await eventually(async () => {
      const now = await outcomes();
      expect((now['sent'] ?? 0) + (now['failed refused'] ?? 0)).to.equal(people.length);
    }, 20_000);
    expect((await outcomes())['sent']).to.be.at.least(people.length - 8);
  });

  it('does not halt for addresses that there are not', async () => {
    onMail = async () => Promise.reject(smtpRefusal(550, '5.1.1 no such mailbox'));
    await queue(await Promise.all(Array.from({ length: 20 }, async (_, i) => addConfirmed(ctx, `gone${i}@a.example`))));
    start();

    await eventually(async () => expect(await outcomes()).to.deep.equal({ 'failed refused': 20 }));
    expect(await ctx.db.query('select 1 from campaign_pace')).to.have.length(0);
  });
});
