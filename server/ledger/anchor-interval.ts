import type { Context } from '../context.js';
import type { Queryable } from '../database/connect.js';

interface Row {
  since: Date;
  hours: number | null;
}

/**
 * Writes down from when on the log is time-stamped how often, or not any more, where that changed. Receipts name the interval that held for what they prove:
 * one that is shortened later, or begins later, must not make an older event look backdated.
 */
export async function noteAnchorInterval(ctx: Pick<Context, 'config' | 'db' | 'now'>): Promise<void> {
  const hours = ctx.config.anchors.length > 0 ? ctx.config.anchorHours : null;
  await ctx.db.query(
    `insert into log_anchor_interval (since, hours) select $1, $2::integer
     where $2::integer is distinct from (select hours from log_anchor_interval order by since desc limit 1) on conflict do nothing`,
    [ctx.now(), hours],
  );
}

/** How long events of these times waited for a time stamp at most: the longest interval that held for one of them (ISO 8601 duration); null when none held for some. */
export async function anchorIntervalFor(on: Queryable, times: readonly Date[]): Promise<string | null> {
  const rows = await on.query<Row>('select since, hours from log_anchor_interval order by since');
  const held = times.map((time) => rows.findLast(({ since }) => since <= time)?.hours ?? null);
  const hours = held.filter((one) => one !== null);
  return hours.length > 0 && hours.length === times.length ? `PT${Math.max(...hours)}H` : null;
}
