import type { CampaignState } from '../../entities/campaign.js';
import type { Context } from '../context.js';
import { Refusal } from '../errors.js';
import { isSealed } from '../keys/seal.js';
import type { CampaignContent } from './prepare.js';
import { sealRelease } from './released.js';
import { contentParts } from './upload.js';

type Row = CampaignContent & { listId: string; state: CampaignState; seal: Buffer | null };

/**
 * Releases a draft: from now on it goes to everybody who was on the list at this moment. False when that had happened
 * before; then nothing changes. Throws `not-found`, and `campaign-state` when the draft is not what was uploaded (T6).
 */
export async function releaseCampaign(ctx: Context, id: string): Promise<boolean> {
  const [row] = await ctx.db.query<Row>(
    'select id, list_id as "listId", subject, html, text, state, seal from campaign where id = $1',
    [id],
  );
  if (!row) throw new Refusal('not-found', 'There is no such campaign.');
  if (row.state === 'sending' || row.state === 'sent') return false;
  if (row.state !== 'draft' || !isSealed(ctx.keyring, 'campaign-draft', contentParts(row.listId, row), row.seal)) {
    throw new Refusal('campaign-state', 'This campaign cannot be sent. Upload the file again.');
  }
  const at = ctx.now();
  const released = await ctx.db.query(
    `update campaign set state = 'sending', released_at = $2, seal = $3 where id = $1 and state = 'draft' and seal = $4 returning 1`,
    [id, at, sealRelease(ctx, row.listId, row, at), row.seal],
  );
  ctx.bell.ring('mail');
  return released.length === 1;
}
