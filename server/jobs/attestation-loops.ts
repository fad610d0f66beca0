import type { Context } from '../context.js';
import { makeAnchor } from '../ledger/anchor.js';
import { askWitness, reachableWitnesses } from '../ledger/witness.js';
import { makeOutbound } from '../outbound.js';
import type { Loop } from './loop.js';

/** The public head changes once a minute; how soon it is noticed, in ms. */
const LOOK_MS = 3_000;

/** One loop for each witness and authority: none of them waits for another, and nothing else waits for them. */
export function attestationLoops(ctx: Context, signal: AbortSignal): Loop[] {
  const outbound = makeOutbound({ production: ctx.config.production });
  const witnesses = reachableWitnesses(ctx).map((witness) => ({
    name: `witness ${witness.name}`,
    idle: LOOK_MS,
    work: async () => askWitness(ctx, outbound, witness, signal),
  }));
  const authorities = ctx.config.anchors.map((authority) => {
    const anchor = makeAnchor(ctx, outbound, authority);
    return { name: `anchor ${new URL(authority).host}`, idle: LOOK_MS, work: async () => anchor(signal) };
  });
  return [...witnesses, ...authorities];
}
