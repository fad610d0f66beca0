import type { Context } from '../context.js';
import { settle, type Outcome } from './settle.js';

/** How long outcomes are collected at most, in ms, and how many go into one statement. */
export const SETTLE_MS = 5;
const SETTLE_ROWS = 20;

/** Collects outcomes and writes them together; keeps them until the database has taken them. `onSettled`: there is room for others. */
export function makeSettler(
  ctx: Context,
  worker: string,
  onSettled: () => void,
): { add(outcome: Outcome): Promise<void>; flush(): Promise<void> } {
  let waiting: Outcome[] = [];
  let next: Promise<void> | null = null;
  const flushNow = async (): Promise<void> => {
    const outcomes = waiting;
    waiting = [];
    next = null;
    for (let pause = 100; outcomes.length > 0; pause = Math.min(pause * 2, 5_000)) {
      try {
        await settle(ctx, worker, outcomes);
        // Once those who wait for this have counted their mails out: whoever hears it finds their room free.
        setImmediate(onSettled);
        return;
      } catch (error) {
        ctx.logger.warn({ err: error, mails: outcomes.length }, 'outcomes could not be written yet');
        await new Promise((resolve) => setTimeout(resolve, pause));
      }
    }
  };
  return {
    add: async (outcome) => {
      waiting.push(outcome);
      if (waiting.length >= SETTLE_ROWS) return flushNow();
      next ??= new Promise<void>((resolve) => setTimeout(resolve, SETTLE_MS)).then(flushNow);
      return next;
    },
    flush: flushNow,
  };
}

/** Slows down while the next hop is away, so that a million mails are not tried in vain. */
export function makeBreather(): { slow(): void; reset(): void; pause(): number } {
  let pause = 0;
  return {
    slow: () => {
      pause = Math.min(Math.max(pause * 2, 250), 15_000);
    },
    reset: () => {
      pause = 0;
    },
    pause: () => pause,
  };
}
