import type { Context } from '../context.js';
import { Refusal } from '../errors.js';
import { isSealed, seal } from '../keys/seal.js';
import { CONTENT_COLUMNS } from './content.js';
import type { CampaignContent } from './prepare.js';
import { contentParts } from './upload.js';

type Row = CampaignContent & { listId: string; state: string; seal: Buffer | null; releasedAt: Date | null };

/** Makes a draft again of a campaign that has not started. Throws `not-found`, and `campaign-state` when it has, or is not what was released (T6). */
export async function unscheduleCampaign(ctx: Context, id: string): Promise<void> {
  const [row] = await ctx.db.query<Row>(
    `select ${CONTENT_COLUMNS}, list_id as "listId", state, seal, released_at as "releasedAt" from campaign where campaign.id = $1`,
    [id],
  );
  if (!row) throw new Refusal('not-found', 'There is no such campaign.');
  const parts = contentParts(row.listId, row);
  if (row.state !== 'scheduled' || !isSealed(ctx.keyring, 'campaign', [...parts, row.releasedAt], row.seal))
    throw started();
  const changed = await ctx.db.query(
    `update campaign set state = 'draft', released_at = null, seal = $2 where id = $1 and state = 'scheduled' and seal = $3 returning 1`,
    [id, seal(ctx.keyring, 'campaign-draft', parts), row.seal],
  );
  if (changed.length === 0) throw started();
  await ctx.db.query('delete from campaign_pace where campaign_id = $1', [id]);
}

function started(): Refusal {
  return new Refusal('campaign-state', 'This campaign does not wait for its time any more.');
}
