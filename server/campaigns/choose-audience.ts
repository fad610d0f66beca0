import { listById } from '../consent/catalogue.js';
import type { Context } from '../context.js';
import { checkFilter } from './check-filter.js';
import type { SeenPart } from './draft-mark.js';
import { changeDraft, openDraft } from './draft.js';

/**
 * Says whom of its list a draft goes to. It keeps the filter itself, under its seal: whatever becomes of a segment changes no campaign. Throws as `changeDraft`,
 * and `body-invalid` for what cannot be asked.
 */
export async function chooseAudience(
  ctx: Context,
  id: string,
  filter: unknown,
  seen: SeenPart | null = null,
): Promise<void> {
  const { listId } = await openDraft(ctx, id);
  await changeDraft(ctx, id, { settings: { audience: checkFilter(await listById(ctx, listId), filter) } }, seen);
}
