import { listById } from '../consent/catalogue.js';
import type { Context } from '../context.js';
import { Refusal } from '../errors.js';
import { seal } from '../keys/seal.js';
import { readKeptTags, type Becomes, type ForeignTag, type KeptTags } from './becomes.js';
import { openDraft } from './draft.js';
import type { CampaignContent } from './prepare.js';
import { renderTemplate } from './render.js';
import { mergeTags } from './read-upload.js';
import { checkSubject, renderSubject } from './subject.js';
import { contentParts, provePrepared } from './upload.js';

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

/**
 * Accepts what the tags of a draft become: what `mapping` says, by tag, and for others what was proposed. Where something is to become something else, the mail is made
 * anew from its file. Throws `campaign-state` as `openDraft`, and `template-refused`.
 */
export async function acceptTags(ctx: Context, id: string, mapping: ReadonlyMap<string, Becomes>): Promise<void> {
  const tags = await tagsOf(ctx, id);
  if (tags === null) return;
  const draft = await openDraft(ctx, id);
  const isAsProposed = draft.message || tags.tags.every((tag) => isSame(tag, mapping.get(tag.tag)));
  const made = isAsProposed ? { content: draft, tags: tags.tags } : await madeAnew(ctx, draft, tags, mapping);
  const content = { ...draft, ...made.content };
  if (!isAsProposed) provePrepared(ctx, await listById(ctx, draft.listId), content);
  const changed = await ctx.db.query(
    `update campaign set subject = $2, html = $3, text = $4, tags = $5, seal = $6 where id = $1 and state = 'draft' and seal = $7 returning 1`,
    [
      ...[id, content.subject, content.html, content.text],
      JSON.stringify({ ...tags, isAccepted: true, tags: made.tags }),
      ...[seal(ctx.keyring, 'campaign-draft', contentParts(draft.listId, content)), draft.seal],
    ],
  );
  if (changed.length === 0) throw new Refusal('campaign-state', 'This campaign was changed at the same moment.');
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
  { tags, subject }: KeptTags,
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
  const { html, text, title, foreign } = await renderTemplate(name, file.source, mapping);
  const content = { html, text, subject: checkSubject(given.subject === '' ? title : given.subject) };
  return { content, tags: mergeTags(given.foreign, foreign) };
}
