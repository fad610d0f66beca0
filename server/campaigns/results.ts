import type { Bounce } from '../../entities/delivery.js';
import { openAddress } from '../consent/subscriber.js';
import type { Context } from '../context.js';
import type { CountKind } from './tally.js';

/** What became of one person's mail. */
export interface ResultRow {
  readonly subscriberId: string;
  /** Clear; null: the person was erased since. */
  readonly address: string | null;
  readonly outcome: CountKind;
  /** One word. */
  readonly reason: string | null;
  /** Of the outcome; of what waits, when it goes. */
  readonly at: Date;
  readonly tries: number;
  /** The server's answer, or what a report said. */
  readonly reply: string | null;
  readonly bounce: Bounce | null;
  readonly bounceReason: string | null;
  readonly bouncedAt: Date | null;
}

/** Which people of a campaign are asked for; nothing said: all. */
export interface ResultFilter {
  /** As counted; or what came back later. */
  readonly outcome?: CountKind | 'bounced' | 'complained';
  readonly reason?: string;
  readonly subscriberId?: string;
}

/** Before everybody: where reading begins. */
export const FROM_START = '00000000-0000-0000-0000-000000000000';

/** A page has fewer rows, a file reads more at a time. */
const MANY = 500;

type Row = Omit<ResultRow, 'address'> & { readonly profileKey: Buffer | null; readonly sealed: Buffer | null };

/** The next people of a campaign, at most `most`, in an order that tells nothing; go on after the last one's `subscriberId`. */
export async function resultsAfter(
  ctx: Context,
  campaignId: string,
  filter: ResultFilter,
  after: string,
  most: number,
): Promise<ResultRow[]> {
  const came = filter.outcome === 'bounced' || filter.outcome === 'complained' ? filter.outcome : null;
  // Few of a million are found by one look at all; whoever reads on to the end goes by the key.
  const isSearched = most < MANY && (filter.outcome !== undefined || filter.reason !== undefined);
  const rows = await ctx.db.query<Row>(
    `with found as ${isSearched ? 'materialized' : 'not materialized'} (
       select d.* from delivery d where d.message_id = $1 and d.subscriber_id > $2
         and ($3::text is null or campaign_count(d.state, d.reason, d.settled_at) = $3) and ($4::text is null or coalesce(d.reason, '') = $4)
         and ($5::uuid is null or d.subscriber_id = $5)
         and case $6::text when 'bounced' then d.bounce in ('hard', 'soft', 'policy') when 'complained' then d.bounce = 'complaint' else true end)
     select d.subscriber_id as "subscriberId", campaign_count(d.state, d.reason, d.settled_at) as outcome, d.reason,
       coalesce(d.settled_at, nullif(d.due_at, 'infinity'), c.released_at) as at,
       d.attempts as tries, d.reply, d.bounce, d.bounce_reason as "bounceReason", d.bounced_at as "bouncedAt", s.profile_key as "profileKey", s.address as sealed
     from (select * from found order by subscriber_id limit $7) d join campaign c on c.id = d.message_id left join subscriber s on s.id = d.subscriber_id
     order by d.subscriber_id`,
    [
      ...[campaignId, after, came ? null : (filter.outcome ?? null), filter.reason ?? null],
      ...[filter.subscriberId ?? null, came, most],
    ],
  );
  return rows.map(({ profileKey, sealed, ...row }) => ({ ...row, address: addressOf(ctx, row, profileKey, sealed) }));
}

/** How many mails came back or were called spam. */
export async function cameBack(ctx: Context, campaignId: string): Promise<{ bounced: number; complained: number }> {
  const [row] = await ctx.db.query<{ bounced: number; complained: number }>(
    `select count(*) filter (where bounce <> 'complaint')::int as bounced, count(*) filter (where bounce = 'complaint')::int as complained
     from delivery where message_id = $1 and bounce is not null and bounced_at is not null`,
    [campaignId],
  );
  return row ?? { bounced: 0, complained: 0 };
}

function addressOf(
  ctx: Context,
  { subscriberId }: Pick<Row, 'subscriberId'>,
  profileKey: Buffer | null,
  sealed: Buffer | null,
): string | null {
  return profileKey && sealed ? openAddress(ctx.keyring, { id: subscriberId, profileKey, address: sealed }) : null;
}
