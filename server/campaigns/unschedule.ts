import type { Context } from '../context.js';
import { Refusal } from '../errors.js';
import { isSealed, seal } from '../keys/seal.js';
import { noteAct } from './acts.js';
import { CONTENT_COLUMNS } from './content.js';
import type { CampaignContent } from './prepare.js';
import { contentParts } from './upload.js';

type Row = CampaignContent & { listId: string; state: string; seal: Buffer | null; releasedAt: Date | null };

/**
 * Makes a draft again of a campaign that has not started, and writes down who did it; null: the operator. Throws `not-found`, and `campaign-state` when it has, or
 * is not what was released (T6).
 */
export async function unscheduleCampaign(ctx: Context, id: string, by: string | null): Promise<void> {
  const [row] = await ctx.db.query<Row>(
    `select ${CONTENT_COLUMNS}, list_id as "listId", state, seal, released_at as "releasedAt" from campaign where campaign.id = $1`,
    [id],
  );
  if (!row) throw new Refusal('not-found', 'There is no such campaign.');
  const parts = contentParts(row.listId, row);
  if (row.state !== 'scheduled' || !isSealed(ctx.keyring, 'campaign', [...parts, row.releasedAt], row.seal))
    throw started();
  const draftSeal = seal(ctx.keyring, 'campaign-draft', parts);
  await ctx.db.transaction(async (tx) => {
    const changed = await tx.query(
      `update campaign set state = 'draft', released_at = null, seal = $2 where id = $1 and state = 'scheduled' and seal = $3 returning 1`,
      [id, draftSeal, row.seal],
    );
    if (changed.length === 0) throw started();
    await tx.query('delete from campaign_pace where campaign_id = $1', [id]);
    // Nobody has got it; it may go out with other links.
    await tx.query('delete from campaign_link where campaign_id = $1', [id]);
    await noteAct(ctx, tx, id, { what: 'unscheduled', staffId: by, note: null, draftSeal });
  });
}

function started(): Refusal {
  return new Refusal('campaign-state', 'This campaign does not wait for its time any more.');
}
