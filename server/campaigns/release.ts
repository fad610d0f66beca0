import type { Context } from '../context.js';
import { Refusal } from '../errors.js';
import { hasOpenTags } from './accept-tags.js';
import { openDraft } from './draft.js';
import { sealRelease } from './released.js';

/**
 * Releases a draft: from now on it goes to everybody who was on the list at this moment. False when that had happened
 * before; then nothing changes. Throws `not-found`, and `campaign-state` when the draft is not what was uploaded (T6).
 */
export async function releaseCampaign(ctx: Context, id: string): Promise<boolean> {
  if (await isReleased(ctx, id)) return false;
  const draft = await openDraft(ctx, id);
  if (await hasOpenTags(ctx, id)) {
    throw new Refusal('campaign-state', 'The file has tags of another mailing system. Look first at what they become.');
  }
  const at = ctx.now();
  const released = await ctx.db.query(
    `update campaign set state = 'sending', released_at = $2, seal = $3 where id = $1 and state = 'draft' and seal = $4 returning 1`,
    [id, at, sealRelease(ctx, draft.listId, draft, at), draft.seal],
  );
  if (released.length === 0 && !(await isReleased(ctx, id)))
    throw new Refusal('campaign-state', 'This campaign was changed at the same moment. Look at it again.');
  ctx.bell.ring('mail');
  return released.length === 1;
}

async function isReleased(ctx: Context, id: string): Promise<boolean> {
  const rows = await ctx.db.query(`select from campaign where id = $1 and state in ('sending', 'sent')`, [id]);
  return rows.length > 0;
}
