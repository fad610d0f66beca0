import type { Context } from '../context.js';
import { changeDraft } from './draft.js';
import type { Placement } from './placement.js';

/** Says whether a draft's pictures go along with each mail or are fetched. Tests that went out before stay as they are. Throws as `changeDraft`. */
export async function choosePlacement(ctx: Context, id: string, pictures: Placement): Promise<void> {
  await changeDraft(ctx, id, { settings: { pictures } });
}
