import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { act } from '../../server/consent/act.js';
import { consentById } from '../../server/consent/find.js';
import { stopAll, withdraw } from '../../server/consent/withdraw.js';
import type { Context } from '../../server/context.js';
import { claim, type Claimed } from '../../server/delivery/claim.js';
import { queueDeliveries } from '../../server/delivery/queue.js';
import { settle } from '../../server/delivery/settle.js';
import { integrate } from '../../server/ledger/integrate.js';
import { makeTestContext, type TestContext } from '../support/context.js';
import { addMany, type Person } from '../support/people.js';
import { bareCampaign } from '../support/campaigns.js';
import { checkLedger } from '../support/service.js';

const DAY_MS = 86_400_000;

describe('a withdrawal and a claim that race (promise 1, T7)', function () {
  this.timeout(120_000);
  let test: TestContext;
  let ctx: Context;
  let crowds = 0;

  before(async () => {
    test = await makeTestContext();
    ctx = test.ctx;
  });

  after(async () => {
    while ((await integrate(ctx)) > 0);
    await checkLedger(ctx);
    await test.drop();
  });

  const crowd = async (count: number): Promise<Person[]> => {
    crowds += 1;
    return addMany(ctx, count, `crowd${crowds}.example`);
  };

  for (const [name, leave] of [
    ['a withdrawal', async (person: Person) => withdraw(ctx, person.consentId, 'one-click')],
    ['a "stop all"', async (person: Person) => stopAll(ctx, person.subscriberId)],
  ] as const) {
    it(`never claims a mail after ${name} was answered, with six workers under load`, async () => {
      const people = await crowd(240);
      const campaign = await queueFor(ctx, people);
      const answered = new Map<string, bigint>();
      const claims: { claimed: Claimed; from: bigint }[] = [];
      let isLeaving = true;

      const leaving = inTurns(people, 8, async (person) => {
        // A few at a time may meet in one row of another worker's claim: then one of them tries again.
        await again(async () => leave(person));
        answered.set(person.subscriberId, process.hrtime.bigint());
      }).then(() => {
        isLeaving = false;
      });
      const working = Array.from({ length: 6 }, async () => {
        for (let empty = 0; isLeaving || empty < 2;) {
          // Neither side may win by far.
          const isAhead = isLeaving && claims.length > answered.size + 6;
          await new Promise((resolve) => setTimeout(resolve, 3));
          if (isAhead) continue;
          const from = process.hrtime.bigint();
          const { good } = await claim(ctx, randomUUID(), ['campaign'], 3);
          empty = good.length === 0 ? empty + 1 : 0;
          claims.push(...good.map((claimed) => ({ claimed, from })));
        }
      });
      await Promise.all([leaving, ...working]);

      const late = claims.filter(({ claimed, from }) => (answered.get(claimed.subscriberId) ?? from) < from);
      expect(late.map(({ claimed }) => claimed.subscriberId)).to.deep.equal([]);
      expect(new Set(claims.map(({ claimed }) => claimed.subscriberId)).size, 'claimed twice').to.equal(claims.length);
      const outcome = await outcomes(ctx, campaign);
      expect(outcome['sending'] ?? 0).to.equal(claims.length);
      // Both sides must have won sometimes, else nothing raced.
      expect(outcome['sending'], 'some claims came first').to.be.greaterThan(0);
      expect(outcome['skipped withdrawn'], 'some withdrawals came first').to.be.greaterThan(0);
      expect((outcome['sending'] ?? 0) + (outcome['skipped withdrawn'] ?? 0)).to.equal(people.length);
    });
  }

  describe('at the claim', () => {
    const cases: [title: string, change: (person: Person) => Promise<unknown>, reason: string][] = [
      ['a withdrawal', async (person) => withdraw(ctx, person.consentId, 'page'), 'withdrawn'],
      ['"stop all"', async (person) => stopAll(ctx, person.subscriberId), 'withdrawn'],
      ['a pause', async (person) => change(ctx, person, { pausedUntil: new Date(Date.now() + DAY_MS) }), 'paused'],
      [
        'a restriction',
        async (person) =>
          ctx.db.query('update subscriber set restricted_at = now() where id = $1', [person.subscriberId]),
        'restricted',
      ],
      ['a suppression', async (person) => suppress(ctx, person, 'complaint'), 'complained'],
      ['mail that came back', async (person) => suppress(ctx, person, 'bounce'), 'bounced'],
      ['a block by staff', async (person) => suppress(ctx, person, 'staff'), 'suppressed'],
      [
        'an erasure',
        async (person) =>
          ctx.db.query('update subscriber set erased_at = now(), address = null, profile_key = null where id = $1', [
            person.subscriberId,
          ]),
        'erased',
      ],
    ];
    for (const [title, change, reason] of cases) {
      it(`honours ${title} that came after the mail was queued`, async () => {
        const [person] = await crowd(1);
        const campaign = await queueFor(ctx, [person!]);
        await change(person!);

        const { good } = await claim(ctx, randomUUID(), ['campaign'], 10);

        expect(good).to.deep.equal([]);
        expect(await outcomes(ctx, campaign)).to.deep.equal({ [`skipped ${reason}`]: 1 });
      });
    }

    it('sends again when the pause is over', async () => {
      const [person] = await crowd(1);
      await change(ctx, person!, { pausedUntil: new Date(Date.now() - 1000) });
      await queueFor(ctx, [person!]);

      expect((await claim(ctx, randomUUID(), ['campaign'], 10)).good).to.have.length(1);
    });

    it('counts a mail in flight against "once a week"', async () => {
      const [person] = await crowd(1);
      await change(ctx, person!, { frequency: 'weekly' });
      await queueFor(ctx, [person!]);
      const first = await claim(ctx, randomUUID(), ['campaign'], 10);
      const next = await queueFor(ctx, [person!]);

      const second = await claim(ctx, randomUUID(), ['campaign'], 10);

      expect([first.good.length, second.good.length]).to.deep.equal([1, 0]);
      expect(await outcomes(ctx, next)).to.deep.equal({ 'skipped frequency': 1 });
    });

    it('counts the mails of its own handful against "once a week"', async () => {
      const [person] = await crowd(1);
      await change(ctx, person!, { frequency: 'weekly' });
      for (let campaigns = 0; campaigns < 3; campaigns += 1) await queueFor(ctx, [person!]);

      const { good } = await claim(ctx, randomUUID(), ['campaign'], 10);

      expect(good).to.have.length(1);
    });

    it('sends one mail to each of those who want one a week, however many workers claim three campaigns at once', async () => {
      const people = await crowd(60);
      // The mails of one person lie side by side, so that several workers reach for them at once.
      for (const [place, person] of people.entries()) {
        await change(ctx, person, { frequency: 'weekly' });
        for (let campaigns = 0; campaigns < 3; campaigns += 1)
          await queueFor(ctx, [person], new Date(Date.now() - 1000 + place));
      }

      const claims = await Promise.all(
        Array.from({ length: 6 }, async () => {
          const mine: Claimed[] = [];
          for (;;) {
            const { good } = await claim(ctx, randomUUID(), ['campaign'], 2);
            mine.push(...good);
            if (!(await isAnyDue(ctx))) return mine;
          }
        }),
      );

      const subscribers = claims.flat().map((claimed) => claimed.subscriberId);
      expect(subscribers).to.have.length(people.length);
      expect(new Set(subscribers).size).to.equal(people.length);
    });

    it('forgets a mail that was not sent when it counts', async () => {
      const [person] = await crowd(1);
      await change(ctx, person!, { frequency: 'weekly' });
      await queueFor(ctx, [person!]);
      const worker = randomUUID();
      const [delivery] = (await claim(ctx, worker, ['campaign'], 10)).good;
      const refused = { state: 'failed', reason: 'refused', reply: '550', dueAt: null, counts: true } as const;
      await settle(ctx, worker, [{ delivery: delivery!, ...refused }]);
      await queueFor(ctx, [person!]);

      expect((await claim(ctx, randomUUID(), ['campaign'], 10)).good).to.have.length(1);
    });
  });

  describe('a row that cannot be read', () => {
    it('does not keep the others from being claimed', async () => {
      const people = await crowd(5);
      await ctx.db.query(`update subscriber set address = '\\x00' where id = $1`, [people[2]?.subscriberId]);
      await queueFor(ctx, people);

      const { good, unreadable } = await claim(ctx, randomUUID(), ['campaign'], 10);

      expect(good).to.have.length(4);
      expect(unreadable.map(({ subscriberId }) => subscriberId)).to.deep.equal([people[2]?.subscriberId]);
    });
  });
});

/** Queues one mail of a new campaign for each; its id. */
async function queueFor(ctx: Context, people: readonly Person[], dueAt = ctx.now()): Promise<string> {
  const messageId = await bareCampaign(ctx);
  const common = { messageId, kind: 'campaign', template: 'campaign' } as const;
  await queueDeliveries(
    ctx.db,
    ctx,
    people.map(({ subscriberId, consentId }) => ({ ...common, subscriberId, consentId })),
    dueAt,
  );
  return messageId;
}

async function outcomes(ctx: Context, messageId: string): Promise<Record<string, number>> {
  const rows = await ctx.db.query<{ what: string; n: number }>(
    `select concat_ws(' ', state, reason) as what, count(*)::int as n from delivery where message_id = $1 group by 1`,
    [messageId],
  );
  return Object.fromEntries(rows.map(({ what, n }) => [what, n]));
}

async function isAnyDue(ctx: Context): Promise<boolean> {
  const [row] = await ctx.db.query<{ n: number }>(
    `select count(*)::int as n from delivery where state = 'queued' and kind = 'campaign'`,
  );
  return (row?.n ?? 0) > 0;
}

async function change(ctx: Context, person: Person, to: Parameters<typeof act>[3]): Promise<void> {
  const found = await consentById(ctx, person.consentId);
  expect(found && (await act(ctx.db, ctx, found.consent, to, null))).to.equal(true);
}

async function suppress(ctx: Context, person: Person, reason: string): Promise<void> {
  await ctx.db.query(
    `insert into suppression (organisation_id, hash, reason, created_at)
     select organisation_id, suppression_hash, $2, now() from subscriber where id = $1`,
    [person.subscriberId, reason],
  );
}

async function again<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch {
    return work();
  }
}

/** Runs through all, so many at a time. */
async function inTurns<T>(all: readonly T[], width: number, work: (one: T) => Promise<void>): Promise<void> {
  const waiting = [...all];
  await Promise.all(
    Array.from({ length: width }, async () => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await work(next);
    }),
  );
}
