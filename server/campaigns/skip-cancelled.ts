import type { Context } from '../context.js';
import { UNDER_WAY_SQL } from './under-way.js';

/** Mails of one statement: short enough for the embedded database, where everybody waits for it. */
const PAGE = 1_000;

/**
 * Skips the next mails of cancelled campaigns that wait; returns how many. One of which it is unknown whether it arrived stays so. A campaign is over when none
 * waits and none is in flight.
 */
export async function skipCancelled(ctx: Context): Promise<number> {
  const [next] = await ctx.db.query<{ id: string }>(
    `select id from campaign where state = 'cancelled' and finished_at is null order by random() limit 1`,
  );
  if (!next) return 0;
  const skipped = await ctx.db.query(
    `update delivery d set settled_at = $2, state = case when d.state = 'unknown' then 'unknown' else 'skipped' end,
       reason = case when d.state = 'unknown' then 'unknown' else 'cancelled' end, due_at = case when d.state = 'unknown' then 'infinity' else d.due_at end
     from (select message_id, subscriber_id from delivery
       where message_id = $1 and kind = 'campaign' and state in ('queued', 'deferred', 'unknown') and due_at < 'infinity'
       order by due_at limit $3 for update skip locked) p
     where d.message_id = p.message_id and d.subscriber_id = p.subscriber_id returning 1`,
    [next.id, ctx.now(), PAGE],
  );
  if (skipped.length > 0) return skipped.length;
  await ctx.db.query(`update campaign c set finished_at = $2 where c.id = $1 and not ${UNDER_WAY_SQL}`, [
    next.id,
    ctx.now(),
  ]);
  return 0;
}
