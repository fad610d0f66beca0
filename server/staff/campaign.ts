import type { CampaignState } from '../../entities/campaign.js';
import type { CampaignContent } from '../campaigns/prepare.js';
import type { Context } from '../context.js';
import { Refusal } from '../errors.js';

/** A campaign as its screen needs it. */
export interface LoadedCampaign extends CampaignContent {
  /** As uploaded. */
  readonly source: string;
  readonly seal: Buffer | null;
  readonly listId: string;
  readonly fileName: string;
  readonly state: CampaignState;
  readonly createdAt: Date;
}

const ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Throws `not-found`. */
export async function loadCampaign(ctx: Context, id: string): Promise<LoadedCampaign> {
  const [campaign] = ID.test(id)
    ? await ctx.db.query<LoadedCampaign>(
        `select id, list_id as "listId", subject, source, seal, html, text, settings, file_name as "fileName", state, created_at as "createdAt" from campaign where id = $1`,
        [id],
      )
    : [];
  if (!campaign) throw new Refusal('not-found', 'There is no such campaign.');
  return campaign;
}
