import { expect } from 'chai';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { progress } from '../../server/campaigns/progress.js';
import { releaseCampaign } from '../../server/campaigns/release.js';
import { createCampaign } from '../../server/campaigns/upload.js';
import { openAddress } from '../../server/consent/subscriber.js';
import { withdraw } from '../../server/consent/withdraw.js';
import type { Context } from '../../server/context.js';
import { seedSubscribers } from '../bench/seed.js';
import { administer, TEST_DATABASE_URL, urlOf } from '../support/database.js';
import { startHostileSink, type HostileSink } from '../support/hostile-sink.js';
import { startOwnPostgres, type OwnPostgres } from '../support/own-postgres.js';
import { makeHome, untilReady, type Home, type Running } from '../support/process.js';

const RECIPIENTS = Number(process.env['CRASH_RECIPIENTS'] ?? 2_000);
const KILLS = Math.min(20, Math.max(5, Math.floor(RECIPIENTS / 1_000)));
const WORKERS = 3;
const SEND_WINDOW = 100;
/** Of one trouble at one step of one mail. */
const ODDS = 0.003;
const LETTER = Buffer.from('<html><head><title>Hello</title></head><body><p>Hello</p></body></html>');

/** What became of somebody who left while the campaign was under way. */
interface Leaver {
  readonly address: string;
  readonly answeredAt: number;
  /** Their mail was in flight when they were answered. */
  readonly isInFlight: boolean;
}

describe('A campaign through crashes (promise 2)', function () {
  this.timeout(1_800_000);
  let postgres: OwnPostgres | null = null;
  let home: Home;
  let sink: HostileSink;
  let opened = 0;
  const workers: (Running | null)[] = [];

  before(async function () {
    postgres = await startOwnPostgres();
    // The embedded database has one process, which crash.test.ts kills.
    if (!postgres && !TEST_DATABASE_URL) this.skip();
  });
  after(async () => postgres?.stop());

  const open = async (odds: number): Promise<void> => {
    opened += 1;
    const name = `crash_${opened}`;
    if (postgres) await administer(postgres.url, `create database ${name}`);
    sink = await startHostileSink(odds, makeDice(20_261_130));
    home = await makeHome({
      ...{ SMTP_URL: sink.url, SEND_WINDOW: String(SEND_WINDOW), LOG_LEVEL: 'fatal', ROLE: 'worker' },
      ...(postgres ? { DATABASE_URL: urlOf(postgres.url, name) } : {}),
    });
    // It makes the demo's list.
    await start(0, { ROLE: 'web' });
    await workers[0]?.stop();
  };
  const start = async (place: number, more: Record<string, string> = {}): Promise<void> => {
    const running = home.launch({ DATA_DIR: join(home.dataDir, `worker${place}`), ...more });
    workers[place] = running;
    await untilReady(running);
  };
  const close = async (): Promise<void> => {
    await Promise.all(workers.splice(0).map(async (worker) => worker?.stop()));
    await home.drop();
    await sink.stop();
  };

  it(`gives each of ${RECIPIENTS} one outcome, whatever is killed and refused`, async () => {
    await open(ODDS);
    await home.look(async (ctx) => {
      await seedSubscribers(ctx, 'news', RECIPIENTS, 0);
      const id = await createCampaign(ctx, { list: 'news', fileName: 'hello.html', source: LETTER });
      await releaseCampaign(ctx, id);
      await Promise.all(Array.from({ length: WORKERS }, async (_, place) => start(place)));

      const [leavers] = await Promise.all([leave(ctx, id), killAround(), hurry(ctx, id)]);

      const now = await progress(ctx, id);
      const outcomes = await outcomesOf(ctx, id);
      report(now.sent, outcomes);
      expect(now).to.include({ state: 'sent', queued: RECIPIENTS, waiting: 0, sending: 0, deferred: 0 });
      expect(outcomes.size, 'people with an outcome').to.equal(RECIPIENTS);
      checkCopies(outcomes);
      checkLeavers(leavers);
    });
    await close();
  });

  it('goes to nobody twice with three workers at once', async () => {
    await open(0);
    await home.look(async (ctx) => {
      await seedSubscribers(ctx, 'news', RECIPIENTS, 0);
      const rates: string[] = [];
      for (const count of [1, WORKERS]) {
        await Promise.all(Array.from({ length: count }, async (_, place) => start(place)));
        const id = await createCampaign(ctx, { list: 'news', fileName: 'hello.html', source: LETTER });
        const [from, before] = [performance.now(), sink.copies.length];
        await releaseCampaign(ctx, id);
        while ((await progress(ctx, id)).state !== 'sent') await setTimeout(200);
        const went = sink.copies.slice(before);
        rates.push(
          `${count} worker${count > 1 ? 's' : ''}: ${Math.round((went.length * 1_000) / (performance.now() - from))} mails/s`,
        );

        expect(went.length).to.equal(await confirmedCount(ctx));
        expect(new Set(went.map(({ to }) => to)).size, 'nobody twice').to.equal(went.length);
        await Promise.all(workers.splice(0).map(async (worker) => worker?.stop()));
      }
      console.log(`      ${rates.join(', ')}`);
    });
    await close();
  });

  /** Kills one worker after the other with kill -9, spread over the sending, and crashes the database in the middle. */
  async function killAround(): Promise<void> {
    const dice = makeDice(9);
    for (let kill = 1; kill <= KILLS; kill += 1) {
      while (sink.copies.length < (kill * RECIPIENTS) / (KILLS + 2)) await setTimeout(5);
      const place = Math.floor(dice() * WORKERS);
      await setTimeout(dice() * 50);
      await workers[place]?.kill();
      if (kill === Math.ceil(KILLS / 2)) await crashDatabase();
      await start(place);
    }
  }

  async function crashDatabase(): Promise<void> {
    if (postgres) await postgres.crash();
    else
      await home.look(async (ctx) =>
        ctx.db.query(
          'select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()',
        ),
      );
  }

  /** One in a hundred leaves while the campaign is under way. */
  async function leave(ctx: Context, campaign: string): Promise<Leaver[]> {
    const people = await again(async () =>
      ctx.db.query<{ consent: string; id: string; profileKey: Buffer; address: Buffer }>(
        `select c.id as consent, s.id, s.profile_key as "profileKey", s.address from consent c join subscriber s on s.id = c.subscriber_id order by c.id limit $1`,
        [RECIPIENTS],
      ),
    );
    // Whoever leaves before is not queued at all.
    while (!(await again(async () => progress(ctx, campaign))).isFannedOut) await setTimeout(100);
    const leavers: Leaver[] = [];
    for (let n = 0; n < people.length; n += 100) {
      const person = people[n];
      if (!person) continue;
      while (sink.copies.length < n * 0.9) await setTimeout(5);
      const address = openAddress(ctx.keyring, person);
      await again(async () => withdraw(ctx, person.consent, 'page'));
      const answeredAt = performance.now();
      const [row] = await again(async () =>
        ctx.db.query<{ state: string }>('select state from delivery where message_id = $1 and subscriber_id = $2', [
          campaign,
          person.id,
        ]),
      );
      leavers.push({ address, answeredAt, isInFlight: row?.state === 'sending' });
    }
    return leavers;
  }

  /** What was put off for minutes or hours is due at once: nobody here waits for days. Ends when the campaign does. */
  async function hurry(ctx: Context, id: string): Promise<void> {
    for (;;) {
      const done = await again(async () => {
        await ctx.db.query(
          `update delivery set due_at = now() where message_id = $1 and state = 'deferred' and due_at > now()`,
          [id],
        );
        return ctx.db.query(`select 1 from campaign where id = $1 and state = 'sent'`, [id]);
      });
      if (done.length > 0) return;
      await setTimeout(500);
    }
  }

  function checkCopies(outcomes: ReadonlyMap<string, string>): void {
    const byPerson = groupedBy(sink.copies, ({ to }) => to);
    const unanswered = sink.copies.filter(({ isAnswered }) => !isAnswered).length;
    const extra = sink.copies.length - byPerson.size;
    for (const [address, state] of outcomes)
      if (state === 'sent') expect(byPerson.get(address), `sent, but not here: ${address}`).to.not.equal(undefined);
    for (const [address, copies] of byPerson)
      expect(new Set(copies.map(({ messageId }) => messageId)).size, `Message-IDs to ${address}`).to.equal(1);
    expect(extra, 'mails that went again').to.be.at.most(KILLS * SEND_WINDOW + unanswered);
  }

  function checkLeavers(leavers: readonly Leaver[]): void {
    expect(leavers.length).to.equal(RECIPIENTS / 100);
    const late = leavers.filter(
      ({ address, answeredAt, isInFlight }) =>
        !isInFlight && sink.copies.some(({ to, at }) => to === address && at > answeredAt),
    );
    expect(late, 'mailed after their withdrawal was answered').to.deep.equal([]);
  }

  function report(sent: number, outcomes: ReadonlyMap<string, string>): void {
    const people = new Set(sink.copies.map(({ to }) => to)).size;
    const states = [...groupedBy([...outcomes.values()], (state) => state)].map(
      ([state, all]) => `${state} ${all.length}`,
    );
    const troubles = [...sink.troubles.values()].reduce((sum, n) => sum + n, 0);
    console.log(
      `      ${KILLS} kills, ${postgres ? 'the database crashed once' : 'all its connections ended once'}, ${troubles} refusals and drops; ${states.join(', ')};`,
      `${sink.copies.length - people} of ${sent} went twice`,
    );
  }
});

/** The state of each person's mail, by address. */
async function outcomesOf(ctx: Context, id: string): Promise<Map<string, string>> {
  const rows = await ctx.db.query<{ id: string; profileKey: Buffer; address: Buffer; state: string }>(
    `select s.id, s.profile_key as "profileKey", s.address, d.state from delivery d join subscriber s on s.id = d.subscriber_id where d.message_id = $1`,
    [id],
  );
  return new Map(rows.map((row) => [openAddress(ctx.keyring, row), row.state]));
}

async function confirmedCount(ctx: Context): Promise<number> {
  const [row] = await ctx.db.query<{ n: number }>(`select count(*)::int as n from consent where state = 'confirmed'`);
  return row?.n ?? 0;
}

function groupedBy<T>(all: readonly T[], keyOf: (one: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const one of all) {
    const group = groups.get(keyOf(one));
    if (group) group.push(one);
    else groups.set(keyOf(one), [one]);
  }
  return groups;
}

/** While the database is away. */
async function again<T>(work: () => Promise<T>): Promise<T> {
  for (let tries = 0; ; tries += 1) {
    try {
      return await work();
    } catch (error) {
      if (tries > 100) throw error;
      await setTimeout(200);
    }
  }
}

/** The same numbers from 0 to 1 in every run (mulberry32). */
function makeDice(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
