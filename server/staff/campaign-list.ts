import type { CampaignState } from '../../entities/campaign.js';
import type { Context } from '../context.js';

/** A campaign with its counts, for the overview. */
export interface CampaignSummary {
  readonly id: string;
  readonly listId: string;
  readonly subject: string;
  /** Somebody's finished message: its subject has no tags of ours. */
  readonly isMessage: boolean;
  readonly state: CampaignState;
  /** Of the release, or of the upload while it is a draft. */
  readonly at: Date;
  readonly queued: number;
  readonly sent: number;
  readonly failed: number;
  readonly skipped: number;
  /** Somebody asked that another releases it, and it was not changed since. */
  readonly isAsked: boolean;
}

export const PAGE_SIZE = 50;

/** Campaigns, newest first, a page of 50 (from 1), and how many there are. */
export async function listCampaigns(
  ctx: Context,
  page: number,
): Promise<{ count: number; campaigns: CampaignSummary[] }> {
  const [all, campaigns] = await Promise.all([
    ctx.db.query<{ n: number }>('select count(*)::int as n from campaign'),
    ctx.db.query<CampaignSummary>(
      `select c.id, c.list_id as "listId", c.subject, c.format = 'message' as "isMessage", c.state, coalesce(c.released_at, c.created_at) as at, n.queued, n.sent, n.failed, n.skipped,
         c.state = 'draft' and coalesce((select a.what = 'asked' and a.draft_seal = c.seal from campaign_act a where a.campaign_id = c.id
           order by a.number desc limit 1), false) as "isAsked"
       from (select * from campaign order by created_at desc, id limit $1 offset $2) c
       cross join lateral (select coalesce(sum(t.change), 0)::int as queued, coalesce(sum(t.change) filter (where t.kind = 'sent'), 0)::int as sent,
         coalesce(sum(t.change) filter (where t.kind = 'failed'), 0)::int as failed, coalesce(sum(t.change) filter (where t.kind = 'skipped'), 0)::int as skipped
         from campaign_tally t where t.campaign_id = c.id) n
       order by c.created_at desc, c.id`,
      [PAGE_SIZE, (page - 1) * PAGE_SIZE],
    ),
  ]);
  return { count: all[0]?.n ?? 0, campaigns };
}
