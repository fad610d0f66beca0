import { listById } from '../consent/catalogue.js';
import type { Context } from '../context.js';
import { checkFilter } from './check-filter.js';
import { changeDraft, openDraft } from './draft.js';
import { isWholeList } from './settings.js';

/**
 * Says whom of its list a draft goes to. It keeps the filter itself, under its seal: whatever becomes of a segment changes no campaign. Throws as `changeDraft`,
 * and `body-invalid` for what cannot be asked.
 */
export async function chooseAudience(ctx: Context, id: string, filter: unknown): Promise<void> {
  const draft = await openDraft(ctx, id);
  const audience = checkFilter(await listById(ctx, draft.listId), filter);
  const others = Object.entries(draft.settings).filter(([name]) => name !== 'audience');
  const settings = { ...Object.fromEntries(others), ...(isWholeList(audience) ? {} : { audience }) };
  await changeDraft(ctx, id, { settings });
}
