import { setTimeout } from 'node:timers/promises';
import type { Ring } from '../bell.js';
import type { Context } from '../context.js';

export interface Loop {
  readonly name: string;
  readonly ring?: Ring;
  /** How long it sleeps when there was nothing to do, in ms. */
  readonly idle: number;
  /** How long it gathers work after a ring, in ms. */
  readonly gather?: number;
  /** How long instead while people wait for pages, in ms. */
  readonly rushed?: number;
  /** What it rings when it is done: who waits for that is not kept waiting by a rush. Needs `gather`. */
  readonly rings?: Ring;
  /** Returns how much was done. */
  readonly work: () => Promise<number>;
}

/** Repeats a piece of work until stopped. Errors are logged and tried again, later and later, up to 10 s. */
export async function runLoop(ctx: Context, loop: Loop, signal: AbortSignal): Promise<void> {
  let failures = 0;
  while (!signal.aborted) {
    let done = 0;
    try {
      done = await loop.work();
      failures = 0;
    } catch (error) {
      failures += 1;
      ctx.logger[failures > 3 ? 'error' : 'warn'](
        { err: error, loop: loop.name },
        'a background job failed and is tried again',
      );
    }
    const pause = failures > 0 ? Math.min(250 * 2 ** failures, 10_000) : done > 0 ? 0 : loop.idle;
    if (pause > 0) await rest(ctx, loop, pause, signal);
    await gather(ctx, loop, signal);
  }
}

async function gather(ctx: Context, { gather: usual = 0, rushed, rings }: Loop, signal: AbortSignal): Promise<void> {
  const ms = (ctx.meter.isRushed && rushed) || usual;
  if (!rings) return ms > 0 ? sleep(ms, signal) : undefined;
  for (let left = ms; left > 0 && !signal.aborted; left -= Math.max(usual, 1)) {
    await sleep(Math.min(left, usual), signal);
    if (ctx.bell.isAwaited(rings)) return;
  }
}

async function rest(ctx: Context, loop: Loop, ms: number, signal: AbortSignal): Promise<void> {
  if (loop.ring) await ctx.bell.wait(loop.ring, ms, signal);
  else await sleep(ms, signal);
}

async function sleep(ms: number, signal: AbortSignal): Promise<void> {
  // A stop ends the sleep by an abort, which is what was asked for.
  await setTimeout(ms, undefined, { signal }).catch(() => undefined);
}
