import { listById } from '../consent/catalogue.js';
import type { Context } from '../context.js';
import { Refusal } from '../errors.js';
import { readKeptTags, type Becomes, type ForeignTag, type KeptTags } from './becomes.js';
import { markOfTags } from './draft-mark.js';
import { openDraft, replaceDraft, unseen, type Draft } from './draft.js';
import { ownPreheader, setPreheader } from './preheader.js';
import type { CampaignContent } from './prepare.js';
import { renderTemplate } from './render.js';
import { mergeTags } from './read-upload.js';
import { checkSubject, renderSubject } from './subject.js';
import { provePrepared } from './upload.js';

/** The tags of another system that a campaign's file has; null: it has none. Throws `not-found`. */
export async function tagsOf(ctx: Context, id: string): Promise<KeptTags | null> {
  const [row] = await ctx.db.query<{ tags: unknown }>('select tags from campaign where id = $1', [id]);
  if (!row) throw new Refusal('not-found', 'There is no such campaign.');
  return row.tags === null ? null : readKeptTags(row.tags);
}

/** Does somebody still have to look at what the tags of a draft become? */
export async function hasOpenTags(ctx: Context, id: string): Promise<boolean> {
  const tags = await tagsOf(ctx, id);
  return tags !== null && !tags.isAccepted;
}

/** How somebody accepts what tags become. */
export interface Accepting {
  /** Absent or null: `markOfTags` as the form showed it does not matter. */
  readonly seen?: string | null;
  /** May the mail be made anew where its words were changed by hand? */
  readonly isReplacing?: boolean;
}

/** Words that can be changed by hand. */
export type Word = 'subject' | 'preheader' | 'text';

/**
 * Accepts what the tags of a draft become: what `mapping` says, by tag, and for others what was proposed. Where something is to become something else, the mail is made
 * anew from its file, and the text part that it had is kept. Throws `campaign-state` as `openDraft`, with `why: changed` in its facts when somebody else changed tags or
 * words since they were seen, and with `why: edited` and the words when making it anew would undo what somebody wrote by hand; and `template-refused`.
 */
export async function acceptTags(
  ctx: Context,
  id: string,
  mapping: ReadonlyMap<string, Becomes>,
  { seen = null, isReplacing = false }: Accepting = {},
): Promise<void> {
  // First the draft: when the tags change after it was read, it is not written.
  const draft = await openDraft(ctx, id);
  const tags = await tagsOf(ctx, id);
  if (tags === null) return;
  if (seen !== null && seen !== markOfTags(draft, tags)) throw unseen();
  const isAsProposed = draft.message || tags.tags.every((tag) => isSame(tag, mapping.get(tag.tag)));
  const made = isAsProposed ? { content: draft, tags: tags.tags } : await madeAnew(ctx, draft, tags, mapping);
  const content = { ...draft, ...made.content };
  if (!isAsProposed) {
    if (!isReplacing) await refuseEdited(ctx, draft, tags);
    await provePrepared(ctx, await listById(ctx, draft.listId), content);
  }
  if (!(await replaceDraft(ctx, draft, content, { ...tags, isAccepted: true, tags: made.tags }))) throw unseen();
}

/** What was written by hand differs from what the file makes of its tags as they are. */
async function refuseEdited(ctx: Context, draft: Draft, tags: KeptTags): Promise<void> {
  const { content } = await madeAnew(ctx, draft, tags, new Map());
  const [now, made] = [draft, content].map(({ subject, html, text }) => ({
    subject,
    preheader: ownPreheader(html),
    text,
  }));
  const words = (['subject', 'preheader', 'text'] as const).filter((word) => now?.[word] !== made?.[word]);
  if (words.length > 0)
    throw new Refusal('campaign-state', `It was changed by hand: ${words.join(', ')}.`, { why: 'edited', words });
}

function isSame(tag: ForeignTag, chosen: Becomes | undefined): boolean {
  return chosen === undefined || JSON.stringify(sorted(chosen)) === JSON.stringify(sorted(tag.becomes));
}

function sorted(becomes: Becomes): [string, string][] {
  return Object.entries(becomes).sort(([a], [b]) => (a < b ? -1 : 1));
}

async function madeAnew(
  ctx: Context,
  draft: CampaignContent,
  { tags, subject, preheader }: KeptTags,
  chosen: ReadonlyMap<string, Becomes>,
): Promise<{ content: Pick<CampaignContent, 'subject' | 'html' | 'text'>; tags: readonly ForeignTag[] }> {
  const [file] = await ctx.db.query<{ name: string; format: string; source: string }>(
    'select file_name as name, format, source from campaign where id = $1',
    [draft.id],
  );
  if (!file) throw new Refusal('not-found', 'There is no such campaign.');
  const mapping = new Map(tags.map(({ tag, becomes }) => [tag, chosen.get(tag) ?? becomes]));
  const given = renderSubject(subject, mapping);
  const name = file.format === 'zip' ? 'page.html' : file.name;
  const { html: page, text, title, foreign } = await renderTemplate(name, file.source, mapping);
  const { html, foreign: inWords } =
    preheader === undefined ? { html: page, foreign: [] } : setPreheader(page, preheader, mapping);
  const content = { html, text, subject: checkSubject(given.subject === '' ? title : given.subject) };
  return { content, tags: mergeTags(inWords, mergeTags(given.foreign, foreign)) };
}
