import { listById } from '../consent/catalogue.js';
import type { Context } from '../context.js';
import { Refusal } from '../errors.js';
import { noteAct } from './acts.js';
import { requireSecond } from './ask-release.js';
import { openDraft } from './draft.js';
import { sealRelease } from './released.js';

/** Who releases: somebody of the staff; null: the operator, on the command line. */
export type Releaser = string | null;

/**
 * Releases a draft: from now on it goes to everybody who was on the list at this moment. False when that had happened
 * before; then nothing changes. Who released it is written down. Throws `not-found`; `campaign-state` when the draft is not what was uploaded (T6); `not-allowed`
 * where the organisation wants a second person and this is none. The operator, who holds the keys, is not held up.
 */
export async function releaseCampaign(ctx: Context, id: string, by: Releaser = null): Promise<boolean> {
  if (await isReleased(ctx, id)) return false;
  const draft = await openDraft(ctx, id).catch(async (error: unknown) => {
    // Pressed twice: the other one was quicker.
    if (await isReleased(ctx, id)) return null;
    throw error;
  });
  if (!draft) return false;
  const { organisation } = await listById(ctx, draft.listId);
  const at = ctx.now();
  const isDone = await ctx.db.transaction(async (tx) => {
    const released = await tx.query(
      `update campaign set state = 'sending', released_at = $2, seal = $3 where id = $1 and state = 'draft' and seal = $4 returning 1`,
      [id, at, sealRelease(ctx, draft.listId, draft, at), draft.seal],
    );
    if (released.length === 0) return false;
    if (organisation.releaseBySecond && by !== null) await requireSecond(ctx, tx, draft, by);
    await noteAct(ctx, tx, id, { what: 'released', staffId: by, note: null, draftSeal: draft.seal });
    return true;
  });
  if (!isDone && !(await isReleased(ctx, id)))
    throw new Refusal('campaign-state', 'This campaign was changed at the same moment. Look at it again.');
  ctx.bell.ring('mail');
  return isDone;
}

async function isReleased(ctx: Context, id: string): Promise<boolean> {
  const rows = await ctx.db.query(`select from campaign where id = $1 and state in ('sending', 'sent')`, [id]);
  return rows.length > 0;
}
