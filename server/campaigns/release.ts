import { listById } from '../consent/catalogue.js';
import type { Context } from '../context.js';
import { Refusal } from '../errors.js';
import { countedLinks, keepLinks } from './counted-links.js';
import { openDraft } from './draft.js';
import { sealRelease } from './released.js';

/**
 * Releases a draft: from now on it goes to everybody who was on the list at this moment. False when that had happened
 * before; then nothing changes. Throws `not-found`, and `campaign-state` when the draft is not what was uploaded (T6).
 */
export async function releaseCampaign(ctx: Context, id: string): Promise<boolean> {
  if (await isReleased(ctx, id)) return false;
  const draft = await openDraft(ctx, id).catch(async (error: unknown) => {
    // Somebody else released it in this moment.
    if (await isReleased(ctx, id)) return null;
    throw error;
  });
  if (!draft) return false;
  const at = ctx.now();
  const links = await linksToKeep(ctx, draft);
  const released = await ctx.db.transaction(async (tx) => {
    const rows = await tx.query(
      `update campaign set state = 'sending', released_at = $2, seal = $3 where id = $1 and state = 'draft' and seal = $4 returning 1`,
      [id, at, sealRelease(ctx, draft.listId, draft, at), draft.seal],
    );
    if (rows.length > 0) await keepLinks(ctx, tx, id, links);
    return rows;
  });
  if (released.length === 0 && !(await isReleased(ctx, id)))
    throw new Refusal('campaign-state', 'This campaign was changed at the same moment. Look at it again.');
  ctx.bell.ring('mail');
  return released.length === 1;
}

async function isReleased(ctx: Context, id: string): Promise<boolean> {
  const rows = await ctx.db.query(`select from campaign where id = $1 and state in ('sending', 'sent')`, [id]);
  return rows.length > 0;
}

async function linksToKeep(ctx: Context, draft: Awaited<ReturnType<typeof openDraft>>): Promise<string[]> {
  const { tracking = 'off' } = draft.settings;
  return tracking === 'off' ? [] : countedLinks(ctx, await listById(ctx, draft.listId), draft);
}
