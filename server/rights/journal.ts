import type { ErasedEntry } from '../consent/journal.js';
import type { Context } from '../context.js';

const PAGE = 100;

interface Row {
  id: string;
  subscriber: string;
  cause: 'person' | 'retention';
  at: Date;
  sign_ups: string[];
  kept: string[];
  ends: Date[];
}

/** Writes erasures to the journal outside the database that it does not know yet, also those of a process that died in between (T4). Returns how many. */
export async function journalErasures(ctx: Context): Promise<number> {
  const rows = await ctx.db.query<Row>(
    `select x.id, x.subscriber_id as subscriber, x.cause, x.happened_at as at,
       array(select u.id from consent c join sign_up u on u.consent_id = c.id where c.subscriber_id = x.subscriber_id
         union select n.sign_up_id from erased_leaf n where n.erasure_id = x.id)::text[] as sign_ups,
       array(select r.sign_up_id from restricted_proof r where r.erasure_id = x.id order by r.sign_up_id)::text[] as kept,
       array(select r.until from restricted_proof r where r.erasure_id = x.id order by r.sign_up_id) as ends
     from erasure x where x.subscriber_id is not null and x.journaled_at is null order by x.happened_at limit ${PAGE}`,
  );
  if (rows.length === 0) return 0;
  await ctx.journal.write(rows.map(entryOf));
  await ctx.db.query('update erasure set journaled_at = $2 where id = any($1::uuid[])', [
    rows.map((row) => row.id),
    ctx.now(),
  ]);
  return rows.length;
}

function entryOf({ subscriber, cause, at, kept, ends, sign_ups: signUps }: Row): ErasedEntry {
  const proofs = kept.map((signUp, place) => ({ signUp, until: ends[place]?.toISOString() ?? '' }));
  return { kind: 'erased', subscriber, signUps, kept: proofs, cause, at: at.toISOString() };
}
