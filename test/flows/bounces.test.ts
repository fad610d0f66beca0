import { expect } from 'chai';
import { createTransport } from 'nodemailer';
import { loadReceipt } from '../../server/consent/receipt.js';
import type { Context } from '../../server/context.js';
import { HARD_DAYS, SOFT } from '../../server/delivery/suppress-bounced.js';
import { takeOutcome } from '../../server/delivery/take-outcome.js';
import { doctor } from '../../server/jobs/doctor.js';
import { logVkey } from '../../server/ledger/store.js';
import { openReturnAddress } from '../../server/links/bounce-token.js';
import { erase } from '../../server/rights/erase.js';
import { verifyReceipt } from '../../server/verify/verify.js';
import { INBOUND } from '../support/replies.js';
import { abuseReport, deliveryReport } from '../support/reports.js';
import { report, returnPathOf, takeMailIn } from '../support/returns.js';
import { checkLedger, eventually, startTestService, type ReceivedMail, type TestService } from '../support/service.js';
import { hasPostfix, startPostfix } from '../support/postfix.js';
import { smtpRefusal, startSink, type Sink } from '../support/sink.js';
import { staffBrowser, wordsOf, type StaffBrowser } from '../support/staff.js';
import {
  campaignMailTo,
  changesNothing,
  factsOf,
  one,
  oneClickLink,
  sendCampaign,
  settled,
  stateOf,
} from '../support/state.js';
import { join, linkIn, pressConfirm, signUp } from '../support/story.js';
import { formOf, get, post } from '../support/web.js';

const DAY_MS = 86_400_000;

describe('what comes back', function () {
  this.timeout(90_000);
  let service: TestService;
  let ctx: Context;
  let owner: StaffBrowser;
  let log = '';

  before(async () => {
    service = await startTestService({ settings: { LOG_LEVEL: 'info' }, log: { write: (line) => void (log += line) } });
    ctx = service.ctx;
    await takeMailIn(service);
    owner = await staffBrowser(service, 'owner');
  });
  after(async () => {
    await settled(ctx);
    await checkLedger(ctx);
    await service.stop();
  });

  /** A campaign mail to somebody who just joined, and its return path. */
  async function mailed(email: string): Promise<{ mail: ReceivedMail; back: string }> {
    await join(service, email);
    return again(email);
  }

  async function again(email: string): Promise<{ mail: ReceivedMail; back: string }> {
    const mail = await campaignMailTo(service, email);
    return { mail, back: await returnPathOf(service, mail) };
  }

  async function deliveryOf(back: string): Promise<Record<string, unknown>> {
    const of = openReturnAddress(ctx.keyring, back);
    const [row] = await ctx.db.query<Record<string, unknown>>(
      'select state, reason, bounce, bounce_reason, reply from delivery where message_id = $1 and subscriber_id = $2',
      [of?.messageId, of?.subscriberId],
    );
    return row ?? {};
  }

  /** Days until which the address gets no mail, by reason. */
  async function blocksOf(email: string): Promise<Record<string, number>> {
    const { subscriberId } = (await factsOf(ctx, email)) ?? {};
    const rows = await ctx.db.query<{ reason: string; until: Date }>(
      `select x.reason, x.until from suppression x join subscriber s on s.organisation_id = x.organisation_id and s.suppression_hash = x.hash
       where s.id = $1 order by 1`,
      [subscriberId],
    );
    const now = ctx.now().getTime();
    return Object.fromEntries(rows.map(({ reason, until }) => [reason, Math.round((until.getTime() - now) / DAY_MS)]));
  }

  async function pageOf(email: string): Promise<string> {
    return wordsOf(await owner.follow(await owner.send('/admin/people', 'find', { email })));
  }

  it('comes to an address of its own for each mail, which says nothing', async () => {
    const { mail, back } = await mailed('own@gmail.com');
    const next = await again('own@gmail.com');

    expect(back).to.match(new RegExp(`^b\\+[a-z2-7]{61}@${INBOUND}$`));
    expect(next.back).not.to.equal(back);
    expect(mail.parsed.from?.value[0]?.address).to.not.contain('b+');
  });

  describe('as a hard bounce', () => {
    it('ends mail to the address, and the person page says why', async () => {
      const { back } = await mailed('gone@gmail.com');

      const said = await report(service, back, deliveryReport({ recipient: 'gone@gmail.com' }));

      expect(said.code).to.equal(250);
      expect(await deliveryOf(back)).to.deep.equal({
        ...{ state: 'failed', reason: 'bounced', bounce: 'hard', bounce_reason: 'user-unknown', reply: '5.1.1' },
      });
      expect(await blocksOf('gone@gmail.com')).to.deep.equal({ bounce: HARD_DAYS });
      expect(await stateOf(ctx, 'gone@gmail.com')).to.equal('confirmed');
      const before = await service.mailsTo('gone@gmail.com');
      await sendCampaign(service);
      await settled(ctx);
      expect(await service.mailsTo('gone@gmail.com')).to.equal(before);
      const words = await pageOf('gone@gmail.com');
      expect(words).to.contain('Mails came back').and.contain('There is no such mailbox.').and.contain('5.1.1');
    });

    it('is about the mail that the address stands for, whomever the report names', async () => {
      const { back } = await mailed('mine@gmail.com');
      await mailed('named@gmail.com');

      await report(service, back, deliveryReport({ recipient: 'named@gmail.com' }));

      expect(await blocksOf('named@gmail.com')).to.deep.equal({});
      expect(await blocksOf('mine@gmail.com')).to.deep.equal({ bounce: HARD_DAYS });
    });

    it('outlives a restored backup by the journal', async () => {
      const { back } = await mailed('journal@gmail.com');
      await report(service, back, deliveryReport({}));

      const entries = [];
      for await (const entry of ctx.journal.read()) entries.push(entry);

      const hash = await one<Buffer>(ctx, 'select suppression_hash from subscriber where id = $1', [
        (await factsOf(ctx, 'journal@gmail.com'))?.subscriberId,
      ]);
      expect(entries.some((one) => one.kind === 'suppressed' && one.hash === hash.toString('base64'))).to.equal(true);
    });

    it('of a confirmation mail fails the request and is no refusal', async () => {
      await signUp(service, 'typo@gmail.com');
      const back = await returnPathOf(service, await service.mailTo('typo@gmail.com'));
      await settled(ctx);

      await report(service, back, deliveryReport({}));

      expect(await stateOf(ctx, 'typo@gmail.com')).to.equal('pending');
      expect(await deliveryOf(back)).to.include({ state: 'failed', bounce: 'hard' });
      expect(await blocksOf('typo@gmail.com')).to.deep.equal({ bounce: HARD_DAYS });
    });

    it('counts once, and within 14 days', async () => {
      const { back } = await mailed('once@gmail.com');
      const late = await mailed('late@gmail.com');
      await report(service, back, deliveryReport({ status: '5.2.2', diagnostic: 'smtp; 552 5.2.2 full' }));

      await changesNothing(ctx, async () => {
        for (const status of ['5.2.2', '5.1.1']) await report(service, back, deliveryReport({ status }));
      });
      await ctx.db.query(
        `update delivery set settled_at = settled_at - interval '15 days' where subscriber_id = $1 and kind = 'campaign'`,
        [(await factsOf(ctx, 'late@gmail.com'))?.subscriberId],
      );
      await changesNothing(ctx, async () => {
        expect((await report(service, late.back, deliveryReport({}))).code).to.equal(250);
      });
    });

    it('is not believed of a mail from before somebody proved that the mailbox takes mail', async () => {
      const { mail, back } = await mailed('proven@gmail.com');
      await post(oneClickLink(mail), { 'List-Unsubscribe': 'One-Click' });
      await join(service, 'proven@gmail.com');

      await changesNothing(ctx, async () => report(service, back, deliveryReport({})));
    });
  });

  describe('as a soft bounce', () => {
    it(`is counted: ${SOFT.count} within ${SOFT.withinDays} days and the address is left in peace for a while`, async () => {
      const full = deliveryReport({ status: '5.2.2', diagnostic: 'smtp; 552 5.2.2 Mailbox full' });
      await join(service, 'full@gmail.com');
      for (let n = 1; n <= SOFT.count; n += 1) {
        const { back } = await again('full@gmail.com');
        expect(await blocksOf('full@gmail.com'), `before the ${n}th`).to.deep.equal({});
        await report(service, back, full);
        expect(await deliveryOf(back)).to.include({ state: 'failed', bounce: 'soft', bounce_reason: 'mailbox-full' });
        // One that is too old does not count.
        if (n === 1)
          await ctx.db.query(
            `update delivery set bounced_at = bounced_at - interval '${SOFT.withinDays + 1} days' where bounce = 'soft' and subscriber_id = $1`,
            [(await factsOf(ctx, 'full@gmail.com'))?.subscriberId],
          );
      }
      expect(await blocksOf('full@gmail.com')).to.deep.equal({});

      await report(service, (await again('full@gmail.com')).back, full);

      expect(await blocksOf('full@gmail.com')).to.deep.equal({ bounce: SOFT.restDays });
      expect(await pageOf('full@gmail.com')).to.contain('The mailbox is full.');
    });
  });

  describe('because we are to blame', () => {
    it('is told to us, and never held against the person', async () => {
      const { back } = await mailed('policy@gmail.com');

      await report(service, back, deliveryReport({ status: '5.7.26', diagnostic: 'smtp; 550 5.7.26 DMARC failed' }));

      expect(await deliveryOf(back)).to.include({ state: 'failed', bounce: 'policy', bounce_reason: 'authentication' });
      expect(await blocksOf('policy@gmail.com')).to.deep.equal({});
      expect(log).to.contain('our mail is refused').and.contain('"refusals":{"authentication":1}');
      const { checks } = await doctor(ctx);
      expect(checks.find(({ name }) => name === 'mail: refusals')).to.deep.include({ ok: false });
      const metrics = await (await fetch(`${service.base}/metrics`)).text();
      expect(metrics).to.match(/^zgoda_bounces\{action="policy"\} 1$/m);
      expect(wordsOf(await owner.see('/admin/sending'))).to.contain(
        'Servers refuse our mail 1 mail within 24 hours, which is not for its recipient to answer: SPF, DKIM or DMARC did not pass.',
      );
      await campaignMailTo(service, 'policy@gmail.com');
    });

    it('is over once mails were taken that left when no report of the former ones was to come', async () => {
      const standing = async (): Promise<boolean | undefined> =>
        (await doctor(ctx)).checks.find(({ name }) => name === 'mail: refusals')?.ok;
      // Taken a moment after the report: those may still come back.
      expect(await standing()).to.equal(false);
      await ctx.db.query(`update delivery set bounced_at = bounced_at - interval '61 minutes' where bounce = 'policy'`);

      expect(await standing()).to.equal(true);
      expect(wordsOf(await owner.see('/admin/sending'))).to.contain('Servers refused our mail, and took later mails');
    });
  });

  describe('as a complaint', () => {
    it('ends that list only, provably, and the person page says so', async () => {
      await join(service, 'annoyed@gmail.com', 'readings');
      const { back } = await mailed('annoyed@gmail.com');

      const said = await report(service, back, abuseReport(), 'fbl@provider.example');

      expect(said.code).to.equal(250);
      expect(await stateOf(ctx, 'annoyed@gmail.com')).to.equal('withdrawn');
      expect(await stateOf(ctx, 'annoyed@gmail.com', 'readings')).to.equal('confirmed');
      expect(await blocksOf('annoyed@gmail.com')).to.deep.equal({});
      expect(await deliveryOf(back)).to.include({ state: 'sent', bounce: 'complaint' });
      await settled(ctx);
      const { file } = await loadReceipt(ctx, (await factsOf(ctx, 'annoyed@gmail.com'))?.signUpId ?? '');
      const { exitCode, text } = verifyReceipt(file, { vkeys: [logVkey(ctx)] }) as { exitCode: number; text?: string };
      expect(exitCode, text).to.equal(0);
      expect(file).to.contain('"complaint"');
      const words = await pageOf('annoyed@gmail.com');
      expect(words).to.contain('Reported as spam').and.contain('By calling a mail spam, as the provider reported');
      await changesNothing(ctx, async () => report(service, back, abuseReport()));
    });

    it('is believed without a recipient, at the address for complaints, by the tokens of the mail in it', async () => {
      const { mail } = await mailed('button@gmail.com');
      const back = await returnPathOf(service, mail);
      const bare = mail.raw.toString('latin1').replaceAll('button@gmail.com', 'redacted@gmail.com');

      const at = async (of: string) => report(service, `f+provider@${INBOUND}`, of, 'fbl@provider.example');
      await changesNothing(ctx, async () => {
        expect((await at(abuseReport())).code).to.equal(250);
        expect((await at(abuseReport({ type: 'not-spam', returned: bare }))).code).to.equal(250);
        expect((await at(deliveryReport({}))).code).to.equal(250);
      });
      expect((await at(abuseReport({ returned: bare }))).code).to.equal(250);

      expect(await stateOf(ctx, 'button@gmail.com')).to.equal('withdrawn');
      const other = await mailed('path@gmail.com');
      await at(abuseReport({ returned: `Return-Path: <${other.back}>\r\nSubject: News\r\n\r\nHello` }));
      expect(await deliveryOf(other.back)).to.include({ bounce: 'complaint' });
      expect(await stateOf(ctx, 'path@gmail.com')).to.equal('withdrawn');
      expect(back).to.not.equal(other.back);
    });

    it('about a mail from before somebody joined anew ends nothing', async () => {
      const { back } = await mailed('anew@gmail.com');
      await report(service, back, abuseReport());
      await join(service, 'anew@gmail.com');

      await report(service, back, abuseReport());

      expect(await stateOf(ctx, 'anew@gmail.com')).to.equal('confirmed');
    });

    it('about a confirmation mail refuses the request, and no more such mails go', async () => {
      await signUp(service, 'bombed@gmail.com');
      const mail = await service.mailTo('bombed@gmail.com');
      await settled(ctx);

      await report(service, await returnPathOf(service, mail), abuseReport());

      expect(await stateOf(ctx, 'bombed@gmail.com')).to.equal('refused');
      expect(await blocksOf('bombed@gmail.com')).to.have.keys('not-me');
      await settled(ctx);
    });
  });

  it('changes nothing when it is forged, delayed, delivered, an answer of a program or of a person', async () => {
    const { back } = await mailed('calm@gmail.com');
    const wrong = back.replace(/.(?=@)/, (letter) => (letter === 'a' ? 'b' : 'a'));
    const answer = 'From: calm@gmail.com\r\nSubject: Out of office\r\n\r\nI am away until Monday.\r\n';

    await changesNothing(ctx, async () => {
      expect((await report(service, wrong, deliveryReport({}))).code).to.equal(550);
      expect((await report(service, `b+${'a'.repeat(61)}@${INBOUND}`, deliveryReport({}))).code).to.equal(550);
      expect((await report(service, `bounces@${INBOUND}`, deliveryReport({}))).code).to.equal(550);
      for (const raw of [
        deliveryReport({ action: 'delayed', status: '4.4.1' }),
        deliveryReport({ action: 'relayed', status: '2.0.0', diagnostic: 'smtp; 250 ok' }),
        abuseReport({ type: 'auth-failure' }),
        answer,
        `Auto-Submitted: auto-replied\r\n${answer}`,
        '\r\n',
      ])
        expect((await report(service, back, raw)).code).to.equal(250);
    });
    expect(await stateOf(ctx, 'calm@gmail.com')).to.equal('confirmed');
  });

  it('ends well for somebody who was erased, and writes nothing', async () => {
    const { back } = await mailed('erased@gmail.com');
    const { subscriberId = '' } = (await factsOf(ctx, 'erased@gmail.com')) ?? {};
    await settled(ctx);
    await erase(ctx, { subscriberId, cause: 'person' });
    const count = async () => one<number>(ctx, 'select count(*)::int from suppression');
    const before = await count();

    for (const raw of [deliveryReport({}), abuseReport()])
      expect((await report(service, back, raw)).code).to.equal(250);

    expect(await count()).to.equal(before);
  });

  it('comes again later while its mail is still being handed over', async () => {
    const { back } = await mailed('flight@gmail.com');
    const of = openReturnAddress(ctx.keyring, back) ?? { messageId: '', subscriberId: '' };
    const set = async (state: string) =>
      ctx.db.query(
        `update delivery set state = $3, lease_until = now() + interval '1 hour' where message_id = $1 and subscriber_id = $2`,
        [of.messageId, of.subscriberId, state],
      );
    await set('sending');

    expect((await report(service, back, deliveryReport({}))).code).to.equal(451);

    await set('sent');
    expect((await report(service, back, deliveryReport({}))).code).to.equal(250);
    expect(await deliveryOf(back)).to.include({ bounce: 'hard' });
  });

  it('is taken with the whole mail that came back, of which only the start is looked at', async () => {
    const { back } = await mailed('large@gmail.com');

    const said = await report(
      service,
      back,
      `${deliveryReport({})}${'x'.repeat(998)}\r\n`.concat('y\r\n'.repeat(600_000)),
    );

    expect(said.code).to.equal(250);
    expect(await deliveryOf(back)).to.include({ bounce: 'hard' });
  });

  it('is taken one report at a time, apart from mails to unsubscribe', async () => {
    const one = await mailed('first@gmail.com');
    const two = await mailed('second@gmail.com');
    const transport = createTransport({ host: 'localhost', port: service.service.inboundPort ?? 0, ignoreTLS: true });

    const { accepted, rejected } = await transport.sendMail({
      envelope: { from: '', to: [one.back, two.back] },
      raw: deliveryReport({}),
    });
    transport.close();

    expect([accepted, rejected]).to.deep.equal([[one.back], [two.back]]);
    expect(await deliveryOf(two.back)).to.include({ state: 'sent', bounce: null });
  });

  it('in a storm of a thousand reports is answered, and counts once', async () => {
    const { back } = await mailed('storm@gmail.com');
    const transport = createTransport({
      ...{ host: 'localhost', port: service.service.inboundPort ?? 0, ignoreTLS: true },
      ...{ pool: true, maxConnections: 20, maxMessages: Infinity },
    });
    const raw = deliveryReport({ status: '5.2.2', diagnostic: 'smtp; 552 5.2.2 Mailbox full' });

    const answers = await Promise.all(
      Array.from({ length: 1_000 }, async () => transport.sendMail({ envelope: { from: '', to: back }, raw })),
    );
    transport.close();

    expect(answers.every(({ response }) => response.startsWith('250'))).to.equal(true);
    const { subscriberId } = (await factsOf(ctx, 'storm@gmail.com')) ?? {};
    expect(
      await one<number>(ctx, `select count(*)::int from delivery where subscriber_id = $1 and bounce = 'soft'`, [
        subscriberId,
      ]),
    ).to.equal(1);
    expect(await blocksOf('storm@gmail.com')).to.deep.equal({});
  });

  it('of a webhook goes the same way', async () => {
    const { back } = await mailed('hook@gmail.com');
    const of = openReturnAddress(ctx.keyring, back) ?? { messageId: '', subscriberId: '' };
    const verdict = { kind: 'bounce', action: 'hard', reason: 'user-unknown', status: '5.1.1' } as const;

    expect(await takeOutcome(ctx, { of, verdict })).to.equal('hard');
    expect(await takeOutcome(ctx, { of, verdict })).to.equal('known');
    expect(await takeOutcome(ctx, { of: { ...of, messageId: of.subscriberId }, verdict })).to.equal('unknown');
  });

  describe('and then the mailbox works again', () => {
    it('counts no more once a link to the settings, which they asked for, was opened', async () => {
      const { back } = await mailed('magic@gmail.com');
      await report(service, back, deliveryReport({}));
      expect(await blocksOf('magic@gmail.com')).to.have.keys('bounce');
      const before = await service.mailsTo('magic@gmail.com');

      await post(`${service.base}/preferences`, { email: 'magic@gmail.com' });
      const link = linkIn(await service.mailTo('magic@gmail.com', before + 1), 'm');
      const { action, fields } = formOf(await get(link), 'open');
      await post(action, fields);

      expect(await blocksOf('magic@gmail.com')).to.deep.equal({});
    });

    it('is asked again a week later at the earliest, and counts no more once they confirm', async () => {
      await signUp(service, 'back@gmail.com');
      await report(service, await returnPathOf(service, await service.mailTo('back@gmail.com')), deliveryReport({}));
      await signUp(service, 'back@gmail.com');
      await settled(ctx);
      expect(await service.mailsTo('back@gmail.com')).to.equal(1);

      service.advance(8 * DAY_MS);
      await signUp(service, 'back@gmail.com');
      await pressConfirm(linkIn(await service.mailTo('back@gmail.com', 2), 'c'));

      expect(await blocksOf('back@gmail.com')).to.deep.equal({});
      expect(await stateOf(ctx, 'back@gmail.com')).to.equal('confirmed');
    });
  });

  describe('and is noted in the log', () => {
    it('without a name or an address', () => {
      expect(log).to.contain('a report came in');
      expect(log).not.to.contain('@gmail.com').and.not.to.contain('b+');
    });
  });
});

describe('what is refused at once', function () {
  this.timeout(60_000);

  it('counts as a report does: hard, soft, or ours', async () => {
    const answers = new Map<string, string>();
    const sink = await startSink({
      onMail: async ({ to }) => {
        const answer = answers.get(to);
        if (answer) throw smtpRefusal(550, answer);
        return Promise.resolve();
      },
    });
    const service = await startTestService({ settings: { SMTP_URL: sink.url } });
    const { ctx } = service;
    await takeMailIn(service);
    await joinAll(service, sink, ['hard', 'soft', 'policy', 'closed', 'good']);
    answers.set('hard@gmail.com', '5.1.1 no such user');
    answers.set('soft@gmail.com', '5.2.2 mailbox full');
    answers.set('policy@gmail.com', '5.7.26 DMARC failed');
    answers.set('closed@gmail.com', '5.7.1 relay access denied');

    await sendCampaign(service);
    await settled(ctx);

    const rows = await ctx.db.query<{ bounce: string | null; bounce_reason: string | null; n: number }>(
      `select bounce, bounce_reason, count(*)::int as n from delivery where kind = 'campaign' group by 1, 2 order by 1 nulls last, 2`,
    );
    expect(rows).to.deep.equal([
      { bounce: 'hard', bounce_reason: 'user-unknown', n: 1 },
      { bounce: 'policy', bounce_reason: 'authentication', n: 1 },
      { bounce: 'policy', bounce_reason: 'relaying', n: 1 },
      { bounce: 'soft', bounce_reason: 'mailbox-full', n: 1 },
      { bounce: null, bounce_reason: null, n: 1 },
    ]);
    expect(await one<number>(ctx, `select count(*)::int from suppression where reason = 'bounce'`)).to.equal(1);
    await sendCampaign(service);
    await settled(ctx);
    expect(
      await one<number>(ctx, `select count(*)::int from delivery where state = 'skipped' and reason = 'bounced'`),
    ).to.equal(1);
    await checkLedger(ctx);
    expect(sink.mails.every(({ from }) => /^b\+[a-z2-7]{61}@/.test(from))).to.equal(true);
    await service.stop();
    await sink.stop();
  });
});

describe('what a Postfix sends back', function () {
  this.timeout(60_000);

  it('ends mail to an address that its next hop does not know, and counts one whose mailbox is full', async function () {
    if (!hasPostfix()) this.skip();
    const answers = new Map<string, string>();
    const sink = await startSink({
      onMail: async ({ to }) => {
        const answer = answers.get(to);
        if (answer) throw smtpRefusal(550, answer);
        return Promise.resolve();
      },
    });
    const postfix = await startPostfix(sink.port);
    const service = await startTestService({ settings: { SMTP_URL: postfix.url } });
    const { ctx } = service;
    try {
      await takeMailIn(service);
      await joinAll(service, sink, ['gone', 'full']);
      answers.set('gone@gmail.com', '5.1.1 <gone@gmail.com>: Recipient address rejected: User unknown');
      answers.set('full@gmail.com', '5.2.2 <full@gmail.com>: Mailbox full');

      await sendCampaign(service);
      const returned = await eventually(async () => {
        const found = sink.mails.filter(({ from, to }) => from === '' && to.startsWith('b+'));
        expect(found).to.have.length(2);
        return Promise.resolve(found);
      }, 30_000);
      await settled(ctx);
      for (const { to, raw } of returned)
        expect((await report(service, to, raw.toString('latin1'))).code).to.equal(250);

      const rows = await ctx.db.query<{ bounce: string | null; reply: string }>(
        `select bounce, bounce_reason, state from delivery where kind = 'campaign' order by 1 nulls last`,
      );
      expect(rows).to.deep.equal([
        { bounce: 'hard', bounce_reason: 'user-unknown', state: 'failed' },
        { bounce: 'soft', bounce_reason: 'mailbox-full', state: 'failed' },
      ]);
      expect(await one<number>(ctx, `select count(*)::int from suppression where reason = 'bounce'`)).to.equal(1);
    } finally {
      await service.stop();
      await postfix.stop();
      await sink.stop();
    }
  });
});

/** People join where mail leaves the machine: the mails to confirm are in the sink. */
async function joinAll(service: TestService, sink: Sink, names: readonly string[]): Promise<void> {
  await Promise.all(
    names.map(async (name) => {
      const email = `${name}@gmail.com`;
      await signUp(service, email);
      const parsed = await eventually(async () => {
        const mail = await sink.parsed(sink.mails.find(({ to }) => to === email));
        expect(mail.text).to.contain('/c/');
        return mail;
      });
      await pressConfirm(linkIn({ id: '', raw: Buffer.alloc(0), parsed }, 'c'));
    }),
  );
}
