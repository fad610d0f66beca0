import { randomUUID } from 'node:crypto';
import type { Campaign } from '../../entities/campaign.js';
import { listById } from '../consent/catalogue.js';
import type { Context } from '../context.js';
import { Refusal } from '../errors.js';
import { isSealed, seal } from '../keys/seal.js';
import { CONTENT_COLUMNS, withPictures } from './content.js';
import { keepPictures } from './keep-pictures.js';
import type { CampaignContent } from './prepare.js';
import { isReleasedContent } from './released.js';
import { readSettings, type CampaignSettings } from './settings.js';
import { contentParts, provePrepared } from './upload.js';

type Row = CampaignContent & Pick<Campaign, 'seal' | 'releasedAt'> & { readonly listId: string };

/**
 * Makes a new draft of a campaign, whatever became of it: same file, subject, text, pictures and audience; when it goes out is left open. Returns its id. Throws
 * `not-found`, `campaign-state` when the campaign is not what was written by us (T6), and `template-refused` when it could not leave any more.
 */
export async function duplicateCampaign(ctx: Context, id: string): Promise<string> {
  const [row] = await ctx.db.query<Row>(
    `select ${CONTENT_COLUMNS}, list_id as "listId", seal, released_at as "releasedAt" from campaign where campaign.id = $1`,
    [id],
  );
  if (!row) throw new Refusal('not-found', 'There is no such campaign.');
  if (!isOurs(ctx, row)) throw new Refusal('campaign-state', 'This campaign is not what was uploaded.');
  const whole = await withPictures(ctx.db, row);
  const content = { ...whole, id: randomUUID(), settings: unscheduled(row.settings) };
  await provePrepared(ctx, await listById(ctx, row.listId), content);
  const sealed = seal(ctx.keyring, 'campaign-draft', contentParts(row.listId, content));
  await ctx.db.transaction(async (tx) => {
    await tx.query(
      `insert into campaign (id, list_id, subject, format, file_name, source, settings, html, text, tags, state, created_at, seal)
       select $2, list_id, $3, format, file_name, source, $4, $5, $6, tags, 'draft', $7, $8 from campaign where id = $1`,
      [
        ...[id, content.id, content.subject, JSON.stringify(content.settings), content.html, content.text],
        ...[ctx.now(), sealed],
      ],
    );
    await keepPictures(tx, content.id, content.pictures ?? []);
  });
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
