import type { Context } from '../context.js';
import { changeDraft, openDraft } from './draft.js';
import type { Tracking } from './settings.js';

/** Chooses for a draft whether its clicks are counted. Throws as `changeDraft`. */
export async function chooseTracking(ctx: Context, id: string, tracking: Tracking): Promise<void> {
  const { settings } = await openDraft(ctx, id);
  const { tracking: before = 'off', ...rest } = settings;
  if (before === tracking) return;
  await changeDraft(ctx, id, { settings: tracking === 'off' ? rest : { ...rest, tracking } });
}
