import { randomUUID } from 'node:crypto';
import type { Campaign } from '../../entities/campaign.js';
import { listById } from '../consent/catalogue.js';
import type { Context } from '../context.js';
import { Refusal } from '../errors.js';
import { isSealed, seal } from '../keys/seal.js';
import { isReleasedContent } from './released.js';
import { readSettings, type CampaignSettings } from './settings.js';
import { contentParts, provePrepared } from './upload.js';

type Row = Pick<Campaign, 'subject' | 'format' | 'fileName' | 'source' | 'html' | 'text' | 'seal' | 'releasedAt'> & {
  readonly id: string;
  readonly listId: string;
  readonly settings: CampaignSettings;
};

/**
 * Makes a new draft of a campaign, whatever became of it: same file, subject, text and audience; when it goes out is left open. Returns its id. Throws `not-found`,
 * `campaign-state` when the campaign is not what was written by us (T6), and `template-refused` when it could not leave any more.
 */
export async function duplicateCampaign(ctx: Context, id: string): Promise<string> {
  const [row] = await ctx.db.query<Row>(
    `select id, list_id as "listId", subject, format, file_name as "fileName", source, settings, html, text, seal, released_at as "releasedAt" from campaign where id = $1`,
    [id],
  );
  if (!row) throw new Refusal('not-found', 'There is no such campaign.');
  if (!isOurs(ctx, row)) throw new Refusal('campaign-state', 'This campaign is not what was uploaded.');
  const content = { ...row, id: randomUUID(), settings: unscheduled(row.settings) };
  provePrepared(ctx, await listById(ctx, row.listId), content);
  await ctx.db.query(
    `insert into campaign (id, list_id, subject, format, file_name, source, settings, html, text, state, created_at, seal)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'draft', $10, $11)`,
    [
      ...[content.id, row.listId, row.subject, row.format, row.fileName, row.source, JSON.stringify(content.settings)],
      ...[row.html, row.text, ctx.now(), seal(ctx.keyring, 'campaign-draft', contentParts(row.listId, content))],
    ],
  );
  return content.id;
}

function isOurs(ctx: Context, row: Row): boolean {
  const { listId, releasedAt: at } = row;
  return at
    ? isReleasedContent(ctx, { listId, content: row, at, seal: row.seal })
    : isSealed(ctx.keyring, 'campaign-draft', contentParts(listId, row), row.seal);
}

function unscheduled({ sending, ...rest }: CampaignSettings): CampaignSettings {
  const kept = Object.entries(sending ?? {}).filter(([name]) => name !== 'at');
  return readSettings(kept.length === 0 ? rest : { ...rest, sending: Object.fromEntries(kept) });
}
