import { catalogue, listById, trackingIn, type ListFacts } from '../consent/catalogue.js';
import type { Context } from '../context.js';
import { Refusal } from '../errors.js';
import type { SeenPart } from './draft-mark.js';
import { changeDraft, openDraft } from './draft.js';
import type { Tracking } from './settings.js';

/** Chooses for a draft whether its clicks are counted. Throws as `changeDraft`, and `campaign-state` for what cannot be counted in it. */
export async function chooseTracking(
  ctx: Context,
  id: string,
  tracking: Tracking,
  seen: SeenPart | null = null,
): Promise<void> {
  const { settings, listId, message } = await openDraft(ctx, id);
  if ((settings.tracking ?? 'off') === tracking) return;
  if (tracking !== 'off' && message) throw finishedMessage();
  await requirePurpose(ctx, await listById(ctx, listId), tracking);
  await changeDraft(ctx, id, { settings: { tracking } }, seen);
}

/** Throws `campaign-state` where nobody could agree to what is asked for. */
export async function requirePurpose(ctx: Context, { organisation }: ListFacts, tracking: Tracking): Promise<void> {
  if (tracking !== 'agreed' || trackingIn(await catalogue(ctx), organisation.id)) return;
  throw new Refusal(
    'campaign-state',
    `Nobody can agree to being counted one by one: ${organisation.name} has no tracking purpose. Add "tracking" to its file and run "zgoda setup FILE", or choose aggregate.`,
  );
}

/** Nothing in it is ours to change. */
export function finishedMessage(): Refusal {
  return new Refusal(
    'campaign-state',
    'A finished message (.eml) goes out as it is: nothing in it can be counted. Upload its HTML instead, or count nothing.',
  );
}
