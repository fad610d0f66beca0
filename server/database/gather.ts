import type { Context } from '../context.js';
import { Refusal } from '../errors.js';

/** Does the work of many calls by one statement; returns a result for each, in the same order. */
export type BatchWork<In, Out> = (ctx: Context, batch: readonly In[]) => Promise<readonly Out[]>;

interface Call<In, Out> {
  readonly input: In;
  readonly resolve: (result: Out) => void;
  readonly reject: (error: unknown) => void;
}

/** As many statements at a time: while these run, the next calls gather. */
const LANES = 1;

/**
 * Makes one function of a batch: calls of the same moment, and those that come while a batch runs, share a statement and its commit. A call that comes alone
 * does not wait. Each call is settled only when its own batch is: what was answered is committed. Should a batch fail, its calls are tried one by one, so that
 * none suffers for another's.
 */
export function gather<In, Out>(work: BatchWork<In, Out>, most = 64): (ctx: Context, input: In) => Promise<Out> {
  const states = new WeakMap<Context, { waiting: Call<In, Out>[]; lanes: number }>();
  return async (ctx, input) =>
    new Promise<Out>((resolve, reject) => {
      const state = states.get(ctx) ?? { waiting: [], lanes: 0 };
      states.set(ctx, state);
      state.waiting.push({ input, resolve, reject });
      if (state.lanes === LANES) return;
      state.lanes += 1;
      // After this turn of the event loop: requests that were read together go together.
      setImmediate(() => void runLane(ctx, state));
    });

  async function runLane(ctx: Context, state: { waiting: Call<In, Out>[]; lanes: number }): Promise<void> {
    while (state.waiting.length > 0) await settle(ctx, state.waiting.splice(0, most));
    state.lanes -= 1;
  }

  async function settle(ctx: Context, calls: readonly Call<In, Out>[]): Promise<void> {
    try {
      const results = await work(
        ctx,
        calls.map((call) => call.input),
      );
      if (results.length !== calls.length) throw new Error('a batch has another number of results than of calls');
      calls.forEach((call, place) => call.resolve(results[place] as Out));
    } catch (error) {
      // With the database away nobody knows what of it was written: trying again could do it twice.
      const isAway = error instanceof Refusal && error.code === 'database-busy';
      if (calls.length === 1 || isAway) for (const call of calls) call.reject(error);
      else for (const call of calls) await settle(ctx, [call]);
    }
  }
}
