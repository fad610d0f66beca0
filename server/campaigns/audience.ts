import type { Context } from '../context.js';

/** Who would get a campaign now, in numbers. */
export interface Audience {
  readonly reached: number;
  /** By reason, as the claim would give it. */
  readonly left: Readonly<Record<string, number>>;
}

/** Counts the consents of a list as the claim judges them (promise 1); the judgement that counts is made right before sending. */
export async function audienceOf(ctx: Context, listId: string): Promise<Audience> {
  const rows = await ctx.db.query<{ refusal: string | null; n: number }>(
    `select case
         when s.erased_at is not null or s.address is null then 'erased'
         when s.restricted_at is not null then 'restricted'
         when c.state <> 'confirmed' then c.state
         when not coalesce(c.basis = any(l.accepted_bases), false) then 'basis'
         when c.paused_until > $2 then 'paused'
         when c.frequency <> 'all' and exists (select from delivery p
           where p.subscriber_id = c.subscriber_id and p.consent_id = c.id and p.kind in ('campaign', 'gateway')
           and (p.state = 'sending' or p.state in ('sent', 'unknown') and p.settled_at > $2::timestamptz - case c.frequency
             when 'weekly' then interval '7 days' else interval '1 month' end)) then 'frequency'
         when exists (select from suppression x where x.organisation_id = s.organisation_id and x.hash = s.suppression_hash
           and (x.until is null or x.until > $2)) then 'suppressed'
       end as refusal, count(*)::int as n
     from consent c join subscriber s on s.id = c.subscriber_id join list l on l.id = c.purpose_id
     where c.purpose_id = $1 group by 1 order by 1`,
    [listId, ctx.now()],
  );
  return {
    reached: rows.find((row) => row.refusal === null)?.n ?? 0,
    left: Object.fromEntries(rows.flatMap((row) => (row.refusal === null ? [] : [[row.refusal, row.n]]))),
  };
}
