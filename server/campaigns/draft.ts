import type { Context } from '../context.js';
import { Refusal } from '../errors.js';
import { isSealed, seal } from '../keys/seal.js';
import type { KeptTags } from './becomes.js';
import { CONTENT_COLUMNS } from './content.js';
import { isUnseen, type SeenPart } from './draft-mark.js';
import type { CampaignContent } from './prepare.js';
import { refuseTemplate, type Problem } from './problem.js';
import { resolveTags } from './resolve-tags.js';
import { contentParts, provePrepared, unaccepted } from './upload.js';
import { listById } from '../consent/catalogue.js';
import { checkSubject } from './subject.js';
import { readSettings } from './settings.js';

/** What can be changed in a campaign before it is released. Of the settings, only those that are named. */
export type DraftChange = Partial<Pick<CampaignContent, 'subject' | 'html' | 'text' | 'settings'>>;

/** A draft, and what it was sealed with. */
export type Draft = CampaignContent & { readonly listId: string; readonly state: string; readonly seal: Buffer | null };

/** So often somebody else may be faster. */
const TRIES = 5;

/**
 * Changes a draft and seals it anew; all that an upload checks is checked again. Only what is named is changed, so that two people who change different parts
 * at once both have what they chose; a change that depends on the draft is asked for again when somebody else was faster. `seen`: the part as it was shown; where somebody
 * else has changed it since, nothing is. Throws `not-found`; `campaign-state` when it is no draft any more, is not what was written by us (T6), or (`why: changed` in its
 * facts) somebody else changed what was seen; `template-refused` with the problems.
 */
export async function changeDraft(
  ctx: Context,
  id: string,
  change: DraftChange | ((draft: Draft) => Promise<DraftChange>),
  seen: SeenPart | null = null,
): Promise<void> {
  for (let tries = 0; tries < TRIES; tries += 1) {
    const draft = await openDraft(ctx, id);
    const content = changed(draft, typeof change === 'function' ? await change(draft) : change);
    if (seen && isUnseen(draft, content, seen)) throw unseen();
    if (!draft.message) refuseNewTags(draft, content);
    await provePrepared(ctx, await listById(ctx, draft.listId), content);
    if (await replaceDraft(ctx, draft, content)) return;
  }
  throw unseen();
}

/**
 * Writes a draft anew and seals it; false: somebody changed it since it was read, and nothing was written. The text part that it had is kept to go back to, in the same
 * statement. `tags`: those of its file, where they change.
 */
export async function replaceDraft(
  ctx: Context,
  draft: Draft,
  content: CampaignContent,
  tags: KeptTags | null = null,
): Promise<boolean> {
  const { id, text } = draft;
  const former = content.text === text ? null : text;
  const written = await ctx.db.query(
    `update campaign set subject = $2, html = $3, text = $4, settings = $5, seal = $6, tags = coalesce($8, tags),
       former_text = coalesce($9, former_text), former_seal = coalesce($10, former_seal)
     where id = $1 and state = 'draft' and seal = $7 returning 1`,
    [
      ...[id, content.subject, content.html, content.text, JSON.stringify(content.settings)],
      ...[seal(ctx.keyring, 'campaign-draft', contentParts(draft.listId, content)), draft.seal],
      ...[
        tags && JSON.stringify(tags),
        former,
        former === null ? null : seal(ctx.keyring, 'former-text', [id, former]),
      ],
    ],
  );
  return written.length > 0;
}

function changed(draft: Draft, change: DraftChange): CampaignContent {
  if (draft.message && (change.html ?? change.text) !== undefined) {
    throw new Refusal('campaign-state', 'A finished message is sent as it is: only its subject can be changed.');
  }
  return {
    ...draft,
    subject: change.subject === undefined ? draft.subject : checkSubject(change.subject.trim()),
    html: change.html ?? draft.html,
    text: change.text ?? draft.text,
    settings: change.settings ? readSettings({ ...draft.settings, ...change.settings }) : draft.settings,
  };
}

/** Somebody else was faster. */
export function unseen(): Refusal {
  return new Refusal('campaign-state', 'Somebody else changed this campaign at the same time. Look at it again.', {
    why: 'changed',
  });
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
export async function openDraft(ctx: Context, id: string): Promise<Draft> {
  const [row] = await ctx.db.query<Draft>(
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
