import type { Context } from '../context.js';

/** What a mail of a campaign counts as: its state, but `waiting` for what has no answer yet. As `campaign_count` in SQL. */
export type CountKind = 'waiting' | 'sending' | 'sent' | 'failed' | 'skipped' | 'deferred' | 'unknown';

export interface Count {
  readonly kind: CountKind;
  /** Of skipped mails; else empty. */
  readonly reason: string;
  readonly count: number;
  /** How many came into it within the last ten seconds. */
  readonly recent: number;
}

/** A rate is told over so many seconds. */
export const WINDOW_SECONDS = 10;

/** How many mails of a campaign are in each state, of each reason; by what the triggers of `delivery` wrote, without looking at a mail. */
export async function tallyOf(ctx: Context, campaignId: string): Promise<Count[]> {
  return ctx.db.query<Count>(
    `select kind, reason, sum(change)::int as count,
       coalesce(sum(change) filter (where at > statement_timestamp() - interval '${WINDOW_SECONDS} seconds'), 0)::int as recent
     from campaign_tally where campaign_id = $1 group by 1, 2 having sum(change) <> 0 order by 2`,
    [campaignId],
  );
}

/** A campaign may have so many old changes before they are summed up. */
const MOST_CHANGES = 200;

/** Sums up changes that are older than any rate; returns how many there were. Readers see the same sums before and after. */
export async function sumUpTallies(ctx: Context): Promise<number> {
  const [row] = await ctx.db.query<{ n: number }>(
    `with gone as (
       delete from campaign_tally where at < statement_timestamp() - interval '${WINDOW_SECONDS * 2} seconds' and campaign_id in (
         select campaign_id from campaign_tally group by campaign_id having count(*) > ${MOST_CHANGES})
       returning campaign_id, kind, reason, change, at),
     kept as (
       insert into campaign_tally (campaign_id, kind, reason, change, at)
       select campaign_id, kind, reason, sum(change), max(at) from gone group by 1, 2, 3 having sum(change) <> 0)
     select count(*)::int as n from gone`,
  );
  return row?.n ?? 0;
}
