import type { Context } from '../context.js';
import { addWaitingPair, dkimKeysOf, type DkimKeyFacts, type KeyOwner } from './dkim-keys.js';
import { forgetSigners } from './signing.js';

/** The record of a former key stays in the DNS for so long: queues try for five days, and readers ask again later. */
export const OVERLAP_DAYS = 14;

/** Makes the keys that follow on those of a domain; they wait until `useKey`. Once they are there, the same again: publish them first. */
export async function rotateDkim(ctx: Context, owner: KeyOwner): Promise<DkimKeyFacts[]> {
  const before = (await dkimKeysOf(ctx, owner)).filter(isWaiting);
  if (before.length > 1) return before;
  await addWaitingPair(ctx, owner);
  // What waited alone was never used: the pair takes its place.
  await ctx.db.query('delete from dkim_key where id = any($1) and used_from is null', [before.map(({ id }) => id)]);
  return (await dkimKeysOf(ctx, owner)).filter(isWaiting);
}

/** Signs with a key that waited, from now on, instead of the former one of its kind. Its record must stand in the DNS, or somebody must know better. */
export async function useKey(ctx: Context, key: DkimKeyFacts, { organisationId, domain }: KeyOwner): Promise<void> {
  await ctx.db.query(
    `with former as (update dkim_key set retired_at = $4
       where organisation_id = $1 and domain = $2 and algorithm = $3 and id <> $5 and used_from is not null and retired_at is null)
     update dkim_key set used_from = $4 where id = $5 and used_from is null`,
    [organisationId, domain, key.algorithm, ctx.now(), key.id],
  );
  forgetSigners(ctx);
}

function isWaiting({ state }: DkimKeyFacts): boolean {
  return state === 'waiting';
}
