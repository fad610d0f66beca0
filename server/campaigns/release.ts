import { listById } from '../consent/catalogue.js';
import type { Context } from '../context.js';
import type { Tx } from '../database/connect.js';
import { Refusal } from '../errors.js';
import { hasOpenTags } from './accept-tags.js';
import { withPictures } from './content.js';
import { countedLinks, keepLinks } from './counted-links.js';
import { noteAct } from './acts.js';
import { requireSecond } from './ask-release.js';
import { openDraft } from './draft.js';
import { sealRelease } from './released.js';
import type { SendingPlan } from './settings.js';

/** Who releases: somebody of the staff; null: the operator, on the command line. */
export type Releaser = string | null;

/**
 * Releases a draft: it goes to everybody who is on the list at the moment when it starts, which is now or the one that its settings name. False when that had
 * happened before; then nothing changes. Who released it is written down. Throws `not-found`; `campaign-state` when the draft is not what was uploaded (T6); `not-allowed`
 * where the organisation wants a second person and this is none. The operator, who holds the keys, is not held up.
 */
export async function releaseCampaign(ctx: Context, id: string, by: Releaser = null): Promise<boolean> {
  if (await isReleased(ctx, id)) return false;
  const draft = await openDraft(ctx, id).catch(async (error: unknown) => {
    // Somebody else released it in this moment.
    if (await isReleased(ctx, id)) return null;
    throw error;
  });
  if (!draft) return false;
  if (await hasOpenTags(ctx, id)) {
    throw new Refusal('campaign-state', 'The file has tags of another mailing system. Look first at what they become.');
  }
  // A picture that is not what was uploaded stops it here, and not in the middle of the list.
  await withPictures(ctx.db, draft);
  const links = await linksToKeep(ctx, draft);
  const { organisation } = await listById(ctx, draft.listId);
  const now = ctx.now();
  const plan = draft.settings.sending ?? {};
  const planned = plan.at === undefined ? now : new Date(plan.at);
  const at = planned > now ? planned : now;
  const isReleasedNow = await ctx.db.transaction(async (tx) => {
    const released = await tx.query(
      `update campaign set state = $5, released_at = $2, seal = $3 where id = $1 and state = 'draft' and seal = $4 returning 1`,
      [id, at, sealRelease(ctx, draft.listId, draft, at), draft.seal, at > now ? 'scheduled' : 'sending'],
    );
    if (released.length === 0) return false;
    if (organisation.releaseBySecond && by !== null) await requireSecond(ctx, tx, draft, by);
    await setPace(tx, id, plan, at);
    await keepLinks(ctx, tx, id, links);
    await noteAct(ctx, tx, id, {
      ...{ what: at > now ? 'scheduled' : 'released', staffId: by, note: null, draftSeal: draft.seal },
    });
    return true;
  });
  if (!isReleasedNow && !(await isReleased(ctx, id)))
    throw new Refusal('campaign-state', 'This campaign was changed at the same moment. Look at it again.');
  ctx.bell.ring('mail');
  return isReleasedNow;
}

async function setPace(tx: Tx, id: string, { perSecond, warmUp }: SendingPlan, at: Date): Promise<void> {
  if (perSecond === undefined && warmUp === undefined) return;
  await tx.query(
    `insert into campaign_pace (campaign_id, per_second, warm_up, started_at, filled_at) values ($1, $2, $3, $4, $4)
     on conflict (campaign_id) do update set per_second = $2, warm_up = $3, started_at = $4, filled_at = $4, tokens = 1, day = 0, taken = 0`,
    [id, perSecond ?? null, warmUp ?? null, at],
  );
}

async function isReleased(ctx: Context, id: string): Promise<boolean> {
  const rows = await ctx.db.query(
    `select from campaign where id = $1 and state in ('scheduled', 'sending', 'paused', 'sent')`,
    [id],
  );
  return rows.length > 0;
}

async function linksToKeep(ctx: Context, draft: Awaited<ReturnType<typeof openDraft>>): Promise<string[]> {
  const { tracking = 'off' } = draft.settings;
  return tracking === 'off' ? [] : countedLinks(ctx, await listById(ctx, draft.listId), draft);
}
