import { randomUUID } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import type { Context } from '../context.js';
import type { SmtpOutcome, SmtpPool } from '../mail/smtp.js';
import { build, readyFor, type Builder, type BuiltMail, type Made, type Unmade } from './built-mail.js';
import { claim, type Claimed } from './claim.js';
import { countDomain } from './domains.js';
import { makeGate } from './gate.js';
import { extendLeases } from './leases.js';
import { makeLanes, type Lane } from './lanes.js';
import { sayGoodbye } from './living.js';
import { makeOutageWatch } from './outage.js';
import { failed, later, putBack, refusedUs, toOutcome } from './outcome.js';
import { makePacing } from './pacing.js';
import { retryPause } from './persistence.js';
import { returnPaths } from './return-path.js';
import { makeTurns } from './turns.js';
import { makeBreather, makeSettler, SETTLE_MS } from './settler.js';

export interface Sender {
  /** Works until stopped. */
  run(): Promise<void>;
  /** No new mails; resolves when those in flight are settled. */
  stop(): Promise<void>;
  readonly inFlight: number;
}

const HEARTBEAT_MS = 8_000;
const LOOK_AGAIN_MS = 500;

/**
 * The one door through which mail leaves. Claims at most `SEND_WINDOW` mails, hands them to SMTP and settles what became of them, in batches.
 * Crash points: before the claim nothing happened; between claim and settlement the lease runs out and the mail goes again with the same Message-ID.
 */
export function makeSender(ctx: Context, pool: SmtpPool, builders: Readonly<Record<string, Builder>>): Sender {
  const worker = randomUUID();
  const stopping = new AbortController();
  const room = new EventEmitter();
  const settler = makeSettler(ctx, worker, () => room.emit('room'));
  const all = ctx.config.sendWindow;
  const lanes = makeLanes(all);
  let inFlight = 0;
  let ended: Promise<unknown> = Promise.resolve();

  const gate = makeGate(ctx);
  const outage = makeOutageWatch(ctx);
  const pacing = makePacing(ctx, worker, async (outcome) => settler.add(outcome));

  const launch = async (mails: readonly Claimed[], done: () => void): Promise<void> => {
    try {
      await gate.know(mails);
      const withReturnPath = await returnPaths(ctx);
      for (const built of await build(ctx, builders, mails)) {
        void ('message' in built ? send(withReturnPath(built)) : leave(built.delivery, built)).finally(done);
      }
    } catch (error) {
      ctx.logger.error({ err: error, mails: mails.length }, 'mails could not be built');
      // Nothing of them left. One that never can be built must not hold up the others: each goes by itself, then later.
      const [first, ...more] = mails;
      if (more.length > 0) for (const mail of mails) await launch([mail], done);
      else if (first) {
        await settler.add(later(ctx, first, 'build', null, retryPause(first.attempts, ctx.config.sending.retryHours)));
        done();
      }
    }
  };

  const inTurn = makeTurns();

  /** What does not leave, now or ever. */
  const leave = async (delivery: Claimed, why: Unmade): Promise<void> =>
    settler.add('isHeld' in why ? putBack(ctx, delivery, 'held', 0) : failed(delivery, why.cannot));

  const sendMade = async (built: BuiltMail, made: Promise<Made>): Promise<void> => {
    try {
      const mail = await made;
      await ('message' in mail ? send({ ...built, ...mail }) : leave(built.delivery, mail));
    } catch (error) {
      ctx.logger.error({ err: error, messageId: built.delivery.messageId }, 'a mail could not be built');
      const { delivery, tries } = built;
      const pause = retryPause(delivery.attempts, tries?.tryForHours ?? ctx.config.sending.retryHours);
      await settler.add(later(ctx, delivery, 'build', null, pause));
    }
  };

  const send = async (built: BuiltMail): Promise<void> => {
    const { delivery, message, tries } = built;
    if (typeof message === 'function') return inTurn(async () => sendMade(built, message()));
    if (message instanceof Promise) return sendMade(built, message);
    const outcome = await pool.sendIf(readyFor(ctx, { ...built, message }), () => gate.isOpen(delivery));
    if (outcome === null) return leave(delivery, { isHeld: true });
    if (outcome.kind === 'deferred' && outcome.code === undefined) breather.slow();
    else breather.reset();
    await built.kept;
    countDomain(ctx, delivery, outcome);
    const settled = toOutcome(ctx, delivery, outcome, { ...tries, downSince: await outage.note(outcome) });
    const isUs = (await gate.judge(delivery, outcome)) !== 'go' && settled.bounce?.action === 'policy';
    await settler.add(isUs ? refusedUs(ctx, delivery, settled, tries) : settled);
  };

  const breather = makeBreather();

  const runLane = async (lane: Lane): Promise<void> => {
    let busy = 0;
    while (!stopping.signal.aborted) {
      const free = Math.min(lane.window - busy, all - inFlight);
      if (free < lane.handful) {
        await once(room, 'room', { signal: stopping.signal }).catch(() => undefined);
        continue;
      }
      // Taken before the claim: the other lane must not count on the same room.
      inFlight += free;
      const claimed = await tryClaim(lane, free);
      inFlight -= free - claimed.length;
      if (claimed.length === 0) room.emit('room');
      busy += claimed.length;
      if (claimed.length > 0) {
        const done = (): void => {
          busy -= 1;
          inFlight -= 1;
        };
        void launch(pacing.inPace(claimed, done), done);
      }
      // Whoever pressed a button waits for the page; mail that is due leaves a moment later.
      if (ctx.meter.isRushed) await sleep(LOOK_AGAIN_MS, stopping.signal);
      // Mails that trickle in go some at a time: a claim costs more than the few that it finds.
      else if (claimed.length > 0 && claimed.length < lane.handful) await sleep(SETTLE_MS, stopping.signal);
      const pause = breather.pause();
      if (pause > 0 || claimed.length === 0)
        await ctx.bell.wait('mail', pause > 0 ? pause : LOOK_AGAIN_MS, stopping.signal);
    }
  };

  const tryClaim = async (lane: Lane, most: number): Promise<Claimed[]> => {
    try {
      const { good, forged, unreadable } = await claim(ctx, worker, lane.kinds, most);
      for (const delivery of forged) {
        ctx.logger.error({ messageId: delivery.messageId }, 'a mail or consent that we did not write was not sent');
        await settler.add({ delivery, state: 'failed', reason: 'seal', reply: null, dueAt: null, counts: true });
      }
      for (const { error, ...delivery } of unreadable) {
        ctx.logger.error({ err: error, messageId: delivery.messageId }, 'a mail cannot be read');
        await settler.add(
          later(ctx, delivery, 'unreadable', null, retryPause(delivery.attempts, ctx.config.sending.retryHours)),
        );
      }
      return good;
    } catch (error) {
      ctx.logger.warn({ err: error }, 'mails could not be claimed');
      breather.slow();
      return [];
    }
  };

  return {
    run: async () => {
      const live = async (): Promise<void> => {
        await extendLeases(ctx, worker);
        await pacing.live();
      };
      const beat = setInterval(() => void live().catch(() => undefined), HEARTBEAT_MS);
      await live().catch(() => undefined);
      ended = Promise.all([gate.run(stopping.signal), ...lanes.map(runLane)]).finally(() => clearInterval(beat));
      await ended;
    },
    stop: async () => {
      stopping.abort();
      await ended;
      while (inFlight > 0) await setTimeout(10);
      await settler.flush();
      await sayGoodbye(ctx, worker).catch(() => undefined);
    },
    get inFlight() {
      return inFlight;
    },
  };
}

async function sleep(ms: number, signal: AbortSignal): Promise<void> {
  // A stop ends it early, as it should.
  await setTimeout(ms, undefined, { signal }).catch(() => undefined);
}

/**
 * Hands one mail over at once, past the queue: for tests that staff send to themselves, which belong to no subscriber. Says what
 * became of it; nothing is tried again.
 */
export async function deliverDirect(
  ctx: Context,
  pool: WayOut,
  mail: { from: string; to: string; message: Buffer },
): Promise<SmtpOutcome['kind']> {
  const { kind } = await pool.send(mail);
  ctx.logger.info({ outcome: kind, bytes: mail.message.length }, 'a test was handed over');
  return kind;
}

/** What `deliverDirect` needs; only it may use one. */
export type WayOut = SmtpPool;
