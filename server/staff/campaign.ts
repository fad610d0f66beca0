import type { CampaignState } from '../../entities/campaign.js';
import { CONTENT_COLUMNS } from '../campaigns/content.js';
import type { CampaignContent } from '../campaigns/prepare.js';
import type { CampaignFormat } from '../campaigns/format.js';
import type { KeptTags } from '../campaigns/becomes.js';
import type { Context } from '../context.js';
import { Refusal } from '../errors.js';

/** A campaign as its screen needs it. */
export interface LoadedCampaign extends CampaignContent {
  /** As uploaded. */
  readonly source: string;
  readonly seal: Buffer | null;
  readonly listId: string;
  readonly fileName: string;
  readonly format: CampaignFormat;
  readonly state: CampaignState;
  readonly createdAt: Date;
  /** Of another mailing system, in its file. */
  readonly tags: KeptTags | null;
  /** null: a draft. */
  readonly releasedAt: Date | null;
}

const ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Throws `not-found`. */
export async function loadCampaign(ctx: Context, id: string): Promise<LoadedCampaign> {
  const [campaign] = ID.test(id)
    ? await ctx.db.query<LoadedCampaign>(
        `select ${CONTENT_COLUMNS}, list_id as "listId", file_name as "fileName", format, state, tags, source, seal, created_at as "createdAt", released_at as "releasedAt" from campaign where campaign.id = $1`,
        [id],
      )
    : [];
  if (!campaign) throw new Refusal('not-found', 'There is no such campaign.');
  return campaign;
}

/** The name of its file as a template: of an archive, its page; null: a finished message, which is none. */
export function templateName({ format, fileName }: Pick<LoadedCampaign, 'format' | 'fileName'>): string | null {
  if (format === 'message') return null;
  return format === 'zip' ? fileName.replace(/\.zip$/i, '.html') : fileName;
}
