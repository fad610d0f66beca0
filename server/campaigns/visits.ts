import { catalogue } from '../consent/catalogue.js';
import type { Context } from '../context.js';
import { TRAP } from './counted-links.js';

/** What somebody who agreed opened and followed is kept for so many days. */
export const VISIT_DAYS = 180;

/** A counted link of a campaign. */
export interface LinkClicks {
  readonly url: string;
  readonly people: number;
  readonly machines: number;
}

/** The links of a campaign, most followed first. */
export async function clicksOf(ctx: Context, campaignId: string): Promise<LinkClicks[]> {
  return ctx.db.query<LinkClicks>(
    `with followed as (
       select key, people, machines from campaign_click where campaign_id = $1
       union all select v.key, case when v.made_by = 'person' then 1 else 0 end, case when v.made_by = 'person' then 0 else 1 end
         from campaign_visit v join consent c on c.id = v.consent_id and c.state = 'confirmed' where v.campaign_id = $1 and v.key is not null)
     select l.url, coalesce(sum(f.people), 0)::int as people, coalesce(sum(f.machines), 0)::int as machines
     from campaign_link l left join followed f on f.key = l.key where l.campaign_id = $1 group by l.key, l.url order by 2 desc, 1`,
    [campaignId],
  );
}

/** Of the recipients who agree to tracking: how many there are, opened the mail, followed a link. Openings by proxies are nobody's. */
export async function agreedCounts(
  ctx: Context,
  campaignId: string,
): Promise<{ people: number; opened: number; clicked: number }> {
  const purposes = (await catalogue(ctx)).tracking.map(({ id }) => id);
  const [row] = await ctx.db.query<{ people: number; opened: number; clicked: number }>(
    `with agreed as (
       select c.id from consent c join delivery d on d.message_id = $1 and d.subscriber_id = c.subscriber_id and d.state in ('sent', 'unknown')
       where c.purpose_id = any($2::uuid[]) and c.state = 'confirmed'),
     seen as (select v.consent_id, v.key from campaign_visit v join agreed a on a.id = v.consent_id where v.campaign_id = $1 and v.made_by = 'person')
     select (select count(*) from agreed)::int as people, count(distinct consent_id)::int as opened,
       (count(distinct consent_id) filter (where key is not null))::int as clicked from seen`,
    [campaignId, purposes],
  );
  return row ?? { people: 0, opened: 0, clicked: 0 };
}

/** Of some recipients who agree: when they first opened the mail or followed a link, and how many links they followed. */
export async function seenOf(
  ctx: Context,
  campaignId: string,
  subscriberIds: readonly string[],
): Promise<Map<string, { first: Date; links: number }>> {
  const rows = await ctx.db.query<{ person: string; first: Date; links: number }>(
    `select v.subscriber_id as person, min(v.at) as first, count(distinct v.key)::int as links
     from campaign_visit v join consent c on c.id = v.consent_id and c.state = 'confirmed'
     where v.campaign_id = $1 and v.subscriber_id = any($2::uuid[]) and v.made_by = 'person' group by 1`,
    [campaignId, subscriberIds],
  );
  return new Map(rows.map(({ person, ...seen }) => [person, seen]));
}

/**
 * Forgets what people did who do not agree any more, and what is too old; how often each link was followed stays, as nobody's. Returns how many rows went.
 */
export async function forgetVisits(ctx: Context): Promise<number> {
  const [row] = await ctx.db.query<{ n: number }>(
    `with gone as (
       delete from campaign_visit v where v.at < $1::timestamptz - interval '${VISIT_DAYS} days'
         or not exists (select from consent c where c.id = v.consent_id and c.state = 'confirmed') returning campaign_id, key, made_by, at),
     kept as (
       insert into campaign_click as k (campaign_id, key, hour, people, machines)
       select campaign_id, key, date_bin('1 hour', at, 'epoch'), count(*) filter (where made_by = 'person'), count(*) filter (where made_by <> 'person')
       from gone where key is not null and key <> $2 group by 1, 2, 3
       on conflict (campaign_id, key, hour) do update set people = k.people + excluded.people, machines = k.machines + excluded.machines)
     select count(*)::int as n from gone`,
    [ctx.now(), TRAP],
  );
  return row?.n ?? 0;
}
