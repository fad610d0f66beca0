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
import type { Outcome } from './settle.js';
import { makeBreather } from './settler.js';

export interface Sender {
  /** Works until stopped. */
  run(): Promise<void>;
  /** No new mails; resolves when those in flight are settled. */
  stop(): Promise<void>;
  readonly inFlight: number;
}

const HEARTBEAT_MS = 8_000;
const LOOK_AGAIN_MS = 500;
/** How long mails that come one by one are waited for, in ms. */
const TRICKLE_MS = 5;

/**
 * The one door through which mail leaves. Claims at most `SEND_WINDOW` mails, hands them to SMTP and settles what became of them, in batches; while there is more to
 * send, with the next claim.
 * Crash points: before the claim nothing happened; between claim and settlement the lease runs out and the mail goes again with the same Message-ID.
 */
export function makeSender(ctx: Context, pool: SmtpPool, builders: Readonly<Record<string, Builder>>): Sender {
  const worker = randomUUID();
  const stopping = new AbortController();
  const room = new EventEmitter();
  const wake = (): void => {
    room.emit('room');
  };
  const lanes = makeLanes(ctx, worker, wake);
  let ended: Promise<unknown> = Promise.resolve();

  const gate = makeGate(ctx);
  const outage = makeOutageWatch(ctx);
  const pacing = makePacing(ctx, worker);

  const settle = async ({ held, settler }: Lane, mail: Claimed, outcome: Outcome): Promise<void> =>
    settler.add(outcome).finally(() => held.delete(mail));

  const launch = async (lane: Lane, mails: readonly Claimed[]): Promise<void> => {
    try {
      await gate.know(mails);
      const withReturnPath = await returnPaths(ctx);
      for (const built of await build(ctx, builders, mails)) {
        const left = 'message' in built ? send(lane, withReturnPath(built)) : leave(lane, built.delivery, built);
        // Should anything throw, its lease runs out.
        void left.finally(() => lane.held.delete(built.delivery));
      }
    } catch (error) {
      ctx.logger.error({ err: error, mails: mails.length }, 'mails could not be built');
      // Nothing of them left. One that never can be built must not hold up the others: each goes by itself, then later.
      const [first, ...more] = mails;
      if (more.length > 0) for (const mail of mails) await launch(lane, [mail]);
      else if (first) await settle(lane, first, unbuilt(first));
    }
  };

  const inTurn = makeTurns();

  const unbuilt = (mail: Claimed, tryForHours = ctx.config.sending.retryHours): Outcome =>
    later(ctx, mail, 'build', null, retryPause(mail.attempts, tryForHours));

  /** What does not leave, now or ever. */
  const leave = async (lane: Lane, mail: Claimed, why: Unmade): Promise<void> =>
    settle(lane, mail, 'isHeld' in why ? putBack(ctx, mail, 'held', 0) : failed(mail, why.cannot));

  const sendMade = async (lane: Lane, built: BuiltMail, made: Promise<Made>): Promise<void> => {
    const { delivery, tries } = built;
    try {
      const mail = await made;
      await ('message' in mail ? send(lane, { ...built, ...mail }) : leave(lane, delivery, mail));
    } catch (error) {
      ctx.logger.error({ err: error, messageId: delivery.messageId }, 'a mail could not be built');
      await settle(lane, delivery, unbuilt(delivery, tries?.tryForHours));
    }
  };

  const send = async (lane: Lane, built: BuiltMail): Promise<void> => {
    const { delivery, message, tries } = built;
    if (typeof message === 'function') return inTurn(async () => sendMade(lane, built, message()));
    if (message instanceof Promise) return sendMade(lane, built, message);
    const outcome = await pool.sendIf(readyFor(ctx, { ...built, message }), () => gate.isOpen(delivery));
    if (outcome === null) return leave(lane, delivery, { isHeld: true });
    if (outcome.kind === 'deferred' && outcome.code === undefined) breather.slow();
    else breather.reset();
    await built.kept;
    countDomain(ctx, delivery, outcome);
    const settled = toOutcome(ctx, delivery, outcome, { ...tries, downSince: await outage.note(outcome) });
    const isUs = (await gate.judge(delivery, outcome)) !== 'go' && settled.bounce?.action === 'policy';
    await settle(lane, delivery, isUs ? refusedUs(ctx, delivery, settled, tries) : settled);
  };

  const breather = makeBreather();

  const runLane = async (lane: Lane): Promise<void> => {
    while (!stopping.signal.aborted) {
      if (lanes.roomIn(lane) < lane.handful) {
        await once(room, 'room', { signal: stopping.signal }).catch(() => undefined);
        continue;
      }
      const claimed = await tryClaim(lane);
      // The other lane may have waited for the room that this one left.
      if (claimed.length === 0) wake();
      else {
        const inPace = pacing.inPace(claimed, (mail, outcome) => void settle(lane, mail, outcome));
        void launch(lane, inPace);
      }
      // Whoever pressed a button waits for the page; mail that is due leaves a moment later.
      if (ctx.meter.isRushed) await sleep(LOOK_AGAIN_MS, stopping.signal);
      // Mails that trickle in go some at a time: a claim costs more than the few that it finds.
      else if (claimed.length > 0 && claimed.length < lane.handful) await sleep(TRICKLE_MS, stopping.signal);
      const pause = breather.pause();
      if (pause > 0 || claimed.length === 0)
        await ctx.bell.wait('mail', pause > 0 ? pause : LOOK_AGAIN_MS, stopping.signal);
    }
  };

  const tryClaim = async (lane: Lane): Promise<Claimed[]> => {
    const { held, settler } = lane;
    const batch = settler.take();
    const outcomes = batch?.outcomes ?? [];
    // Taken before the claim: the other lane must not count on the same room.
    lane.claiming = Math.max(0, lanes.freeIn(lane));
    try {
      const { good, forged, unreadable } = await claim(
        ctx,
        worker,
        lane.kinds,
        lane.claiming + outcomes.length,
        outcomes,
      );
      for (const mail of good) held.add(mail);
      batch?.written();
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
      batch?.lost();
      breather.slow();
      return [];
    } finally {
      lane.claiming = 0;
    }
  };

  return {
    run: async () => {
      const live = async (): Promise<void> => {
        await extendLeases(
          ctx,
          worker,
          lanes.all.flatMap(({ held }) => [...held]),
        );
        await pacing.live();
      };
      const beat = setInterval(() => void live().catch(() => undefined), HEARTBEAT_MS);
      await live().catch(() => undefined);
      ended = Promise.all([gate.run(stopping.signal), ...lanes.all.map(runLane)]).finally(() => clearInterval(beat));
      await ended;
    },
    stop: async () => {
      stopping.abort();
      await ended;
      while (lanes.inFlight > 0) await setTimeout(10);
      await Promise.all(lanes.all.map(async ({ settler }) => settler.flush()));
      await sayGoodbye(ctx, worker).catch(() => undefined);
    },
    get inFlight() {
      return lanes.inFlight;
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
