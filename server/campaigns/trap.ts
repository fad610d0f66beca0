import type { Context } from '../context.js';
import { TRAP } from './counted-links.js';

/** What happens so long before or after somebody's trap was followed is the same program's: it follows all links of a mail one after the other. */
const NEAR_SECONDS = 60;

/** One person's copy of a campaign. */
export interface Copy {
  readonly campaignId: string;
  readonly subscriberId: string;
}

/** The link that only programs follow was followed: what was followed and opened in this copy just before were not people. */
export async function markScanner(ctx: Context, { campaignId, subscriberId }: Copy): Promise<void> {
  await ctx.db.query(
    `update campaign_visit set made_by = 'machine' where campaign_id = $1 and subscriber_id = $2 and made_by = 'person'
       and at > $3::timestamptz - interval '${NEAR_SECONDS} seconds'`,
    [campaignId, subscriberId, ctx.now()],
  );
}

/** Was it followed in this copy just before? */
export async function isAmongScanners(ctx: Context, { campaignId, subscriberId }: Copy): Promise<boolean> {
  const rows = await ctx.db.query(
    `select from campaign_visit where campaign_id = $1 and subscriber_id = $2 and key = $3 and at > $4::timestamptz - interval '${NEAR_SECONDS} seconds' limit 1`,
    [campaignId, subscriberId, TRAP, ctx.now()],
  );
  return rows.length > 0;
}
