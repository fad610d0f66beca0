import type { Context } from '../context.js';
import { Refusal } from '../errors.js';
import { isSealed, seal } from '../keys/seal.js';
import { CONTENT_COLUMNS } from './content.js';
import type { CampaignContent } from './prepare.js';
import { refuseTemplate, type Problem } from './problem.js';
import { resolveTags } from './resolve-tags.js';
import { contentParts, provePrepared, unaccepted } from './upload.js';
import { listById } from '../consent/catalogue.js';
import { checkSubject } from './subject.js';
import { readSettings } from './settings.js';

/** What can be changed in a campaign before it is released. */
export type DraftChange = Partial<Pick<CampaignContent, 'subject' | 'html' | 'text' | 'settings'>>;

type Row = CampaignContent & { readonly listId: string; readonly state: string; readonly seal: Buffer | null };

/**
 * Changes a draft and seals it anew; all that an upload checks is checked again. Throws `not-found`; `campaign-state` when it is no draft any more, is not what
 * was written by us (T6), or was changed by somebody else at the same moment; `template-refused` with the problems.
 */
export async function changeDraft(ctx: Context, id: string, change: DraftChange): Promise<void> {
  const draft = await openDraft(ctx, id);
  if (draft.message && (change.html ?? change.text) !== undefined) {
    throw new Refusal('campaign-state', 'A finished message is sent as it is: only its subject can be changed.');
  }
  const content: CampaignContent = {
    ...draft,
    subject: change.subject === undefined ? draft.subject : checkSubject(change.subject.trim()),
    html: change.html ?? draft.html,
    text: change.text ?? draft.text,
    settings: change.settings ? readSettings(change.settings) : draft.settings,
  };
  if (!draft.message) refuseNewTags(draft, content);
  provePrepared(ctx, await listById(ctx, draft.listId), content);
  const changed = await ctx.db.query(
    `update campaign set subject = $2, html = $3, text = $4, settings = $5, seal = $6 where id = $1 and state = 'draft' and seal = $7 returning 1`,
    [
      ...[id, content.subject, content.html, content.text, JSON.stringify(content.settings)],
      ...[seal(ctx.keyring, 'campaign-draft', contentParts(draft.listId, content)), draft.seal],
    ],
  );
  if (changed.length === 0) throw notADraft();
}

/** Tags of other systems that a change brings along: nobody has said what they become. Those that stay as they are stood there before. */
function refuseNewTags(before: CampaignContent, after: CampaignContent): void {
  const problems = (['subject', 'html', 'text'] as const).flatMap((part): Problem[] => {
    if (after[part] === before[part]) return [];
    const read = resolveTags(after[part], new Map());
    const added = read.foreign.filter(({ tag }) => !before[part].includes(tag));
    return [...read.problems, ...added.map(unaccepted)];
  });
  if (problems.length > 0) throw refuseTemplate(problems.slice(0, 20));
}

/** A draft as it was sealed. Throws `not-found` and `campaign-state`. */
export async function openDraft(ctx: Context, id: string): Promise<Row> {
  const [row] = await ctx.db.query<Row>(
    `select ${CONTENT_COLUMNS}, list_id as "listId", state, seal from campaign where campaign.id = $1`,
    [id],
  );
  if (!row) throw new Refusal('not-found', 'There is no such campaign.');
  if (row.state !== 'draft' || !isSealed(ctx.keyring, 'campaign-draft', contentParts(row.listId, row), row.seal)) {
    throw notADraft();
  }
  return row;
}

function notADraft(): Refusal {
  return new Refusal('campaign-state', 'This campaign is no draft that can be changed or sent.');
}
