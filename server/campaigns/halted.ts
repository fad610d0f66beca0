import type { Context } from '../context.js';

/** Why a campaign stands still by itself: the answer by which we were refused, and until when; null: it does not. */
export async function haltOf(ctx: Context, id: string): Promise<{ until: Date | null; reason: string } | null> {
  const [row] = await ctx.db.query<{ until: Date | null; reason: string | null }>(
    `select p.halted_until as until, p.halt_reason as reason from campaign_pace p join campaign c on c.id = p.campaign_id
     where p.campaign_id = $1 and p.halts > 0 and c.state = 'sending'`,
    [id],
  );
  return row ? { until: row.until, reason: row.reason ?? '' } : null;
}
