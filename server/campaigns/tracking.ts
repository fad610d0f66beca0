import type { Context } from '../context.js';
import type { SeenPart } from './draft-mark.js';
import { changeDraft } from './draft.js';
import type { Tracking } from './settings.js';

/** Chooses for a draft whether its clicks are counted. Throws as `changeDraft`. */
export async function chooseTracking(
  ctx: Context,
  id: string,
  tracking: Tracking,
  seen: SeenPart | null = null,
): Promise<void> {
  await changeDraft(ctx, id, { settings: { tracking } }, seen);
}
