import type { Context } from '../context.js';

export type Happening = 'delivered' | 'bounced' | 'complained' | 'left';

/** What happened in one hour after the release, or later in one day. */
export interface Span {
  readonly unit: 'hour' | 'day';
  /** From the release on: 0 is the first hour. The first day told as one is the third, 2. */
  readonly place: number;
  readonly counts: Readonly<Record<Happening, number>>;
}

/** So many hours are told one by one, so many days in all. */
export const HOURS = 48;
const DAYS = 30;

interface Row {
  readonly what: Happening;
  readonly place: number;
  readonly n: number;
}

/**
 * What became of a campaign over time, up to the last thing that happened; empty: nothing yet. Its links are those of the list: that somebody left by this mail is told by
 * when they left, with no other mail of the list between.
 */
export async function timelineOf(
  ctx: Context,
  campaign: { readonly id: string; readonly listId: string; readonly releasedAt: Date },
): Promise<Span[]> {
  const rows = await ctx.db.query<Row>(
    `with happened as (
       select 'delivered' as what, settled_at as at from delivery where message_id = $1 and state = 'sent'
       union all select case bounce when 'complaint' then 'complained' else 'bounced' end, bounced_at from delivery where message_id = $1 and bounce is not null and bounced_at is not null
       union all select 'left', c.state_at from consent c join delivery d on d.message_id = $1 and d.subscriber_id = c.subscriber_id and d.consent_id = c.id
         where c.purpose_id = $3 and c.state = 'withdrawn' and d.state in ('sent', 'unknown') and d.bounce is distinct from 'complaint'
           and c.state_at >= d.settled_at
           and not exists (select from delivery p where p.subscriber_id = c.subscriber_id and p.consent_id = c.id and p.kind in ('campaign', 'gateway')
             and p.state in ('sent', 'unknown') and p.settled_at > d.settled_at and p.settled_at <= c.state_at)),
     placed as (select what, greatest(0, date_part('epoch', at - $2::timestamptz)) as seconds from happened)
     select what, case when seconds < ${HOURS * 3600} then floor(seconds / 3600) else ${HOURS - 2} + floor(seconds / 86400) end::int as place, count(*)::int as n
     from placed where seconds < ${DAYS * 86_400} group by 1, 2`,
    [campaign.id, campaign.releasedAt, campaign.listId],
  );
  const last = Math.max(-1, ...rows.map((row) => row.place));
  return Array.from({ length: last + 1 }, (_, place) => spanOf(place, rows));
}

/** What happened in all. */
export function sumOf(spans: readonly Span[], what: Happening): number {
  return spans.reduce((all, span) => all + span.counts[what], 0);
}

function spanOf(place: number, rows: readonly Row[]): Span {
  const count = (what: Happening): number => rows.find((row) => row.what === what && row.place === place)?.n ?? 0;
  return {
    ...(place < HOURS ? { unit: 'hour', place } : { unit: 'day', place: place - HOURS + 2 }),
    counts: {
      ...{ delivered: count('delivered'), bounced: count('bounced') },
      ...{ complained: count('complained'), left: count('left') },
    },
  };
}
