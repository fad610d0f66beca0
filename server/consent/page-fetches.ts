import type { Context } from '../context.js';

/** So many pages are counted at a time; the one that was not fetched for longest is forgotten first. */
const MOST = 10_000;
const counted = new WeakMap<Context, Map<string, number>>();

/** Counts one more fetch of an offer's page, by whomever; returns how many there were. In memory: a GET writes nothing down (M-50, M-52). */
export function countFetch(ctx: Context, offerId: string): number {
  const counts = countsOf(ctx);
  const count = (counts.get(offerId) ?? 0) + 1;
  counts.delete(offerId);
  counts.set(offerId, count);
  if (counts.size > MOST) counts.delete(counts.keys().next().value ?? '');
  return count;
}

/** How often it was fetched, as far as this process knows. */
export function fetchesOf(ctx: Context, offerId: string): number {
  return countsOf(ctx).get(offerId) ?? 0;
}

function countsOf(ctx: Context): Map<string, number> {
  const counts = counted.get(ctx) ?? new Map<string, number>();
  counted.set(ctx, counts);
  return counts;
}
