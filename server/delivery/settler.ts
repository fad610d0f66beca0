import type { Context } from '../context.js';
import { settle, type Outcome } from './settle.js';

/** How long outcomes are collected at most, in ms. A sender at work takes them sooner: with its next claim. */
const SETTLE_MS = 25;

/** Outcomes that are written together. */
export interface Batch {
  readonly outcomes: readonly Outcome[];
  /** They are in the database. */
  written(): void;
  /** They could not be written: they are tried again until they are. */
  lost(): void;
}

/** Collects outcomes and writes them together; keeps them until the database has taken them. */
export interface Settler {
  /** Resolves once it is written. */
  add(outcome: Outcome): Promise<void>;
  /** How many wait that could be written with a claim. */
  readonly waiting: number;
  /** Takes those that wait, for whoever writes them: says what came of it. Null: none do. */
  take(): Batch | null;
  /** Writes what waits. */
  flush(): Promise<void>;
}

/** `onWaiting`: there is one more that could be written with a claim. `onSettled`: some are written, and there is room for others. */
export function makeSettler(
  ctx: Context,
  worker: string,
  { onWaiting, onSettled }: { readonly onWaiting: () => void; readonly onSettled: () => void },
): Settler {
  let open: Collected | null = null;

  const close = (): Collected | null => {
    const closed = open;
    open = null;
    clearTimeout(closed?.timer);
    return closed;
  };
  const settled = (batch: Collected): void => {
    batch.resolve();
    // Once those who wait for this have counted their mails out: whoever hears it finds their room free.
    setImmediate(onSettled);
  };
  const write = async (batch: Collected | null): Promise<void> => {
    for (let pause = 100; batch; pause = Math.min(pause * 2, 5_000)) {
      try {
        await settle(ctx, worker, batch.outcomes);
        settled(batch);
        return;
      } catch (error) {
        ctx.logger.warn({ err: error, mails: batch.outcomes.length }, 'outcomes could not be written yet');
        await new Promise((resolve) => setTimeout(resolve, pause));
      }
    }
  };

  return {
    add: async (outcome) => {
      const batch = (open ??= collect(() => void write(close())));
      batch.outcomes.push(outcome);
      // A refusal says something of its address as well, which takes more than one statement.
      if (outcome.bounce) void write(close());
      else onWaiting();
      return batch.done;
    },
    get waiting() {
      return open?.outcomes.length ?? 0;
    },
    take: () => {
      const batch = close();
      return batch && { outcomes: batch.outcomes, written: () => settled(batch), lost: () => void write(batch) };
    },
    flush: async () => write(close()),
  };
}

interface Collected {
  readonly outcomes: Outcome[];
  readonly done: Promise<void>;
  readonly timer: NodeJS.Timeout;
  resolve(): void;
}

function collect(onLate: () => void): Collected {
  let resolve = (): void => undefined;
  const done = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { outcomes: [], done, resolve, timer: setTimeout(onLate, SETTLE_MS) };
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
