import { createHash, randomUUID } from 'node:crypto';
import { basename } from 'node:path';
import { listBySlug, type ListFacts } from '../consent/catalogue.js';
import type { Context } from '../context.js';
import { Refusal } from '../errors.js';
import { seal } from '../keys/seal.js';
import { canonicalize } from '../ledger/jcs.js';
import { sayBecomes, type Becomes, type ForeignTag, type KeptTags } from './becomes.js';
import type { CampaignFormat } from './format.js';
import { fieldsAskedBy, prepareMail, type CampaignContent } from './prepare.js';
import { footerLanguages } from './words.js';
import { problemsOf, refuseTemplate, type Problem } from './problem.js';
import { resolveTags, unmark } from './resolve-tags.js';
import { readSource, renderTemplate } from './render.js';

export interface NewCampaign {
  /** The list's slug. */
  readonly list: string;
  /** Empty or absent: the file's title. */
  readonly subject?: string;
  readonly fileName: string;
  readonly source: Buffer;
  /** What happens when the file has tags of another system: they become what we propose, the draft waits for somebody to accept that, or (absent) the file is refused. */
  readonly tags?: 'accept' | 'propose';
}

const MAX_SUBJECT = 200;

/**
 * Keeps an uploaded file as a draft and returns its id. Everything that could stop it from leaving is checked now, the
 * footer in every language included (promise 8). Throws `list-unknown`, or `template-refused` with all problems in its facts.
 */
export async function createCampaign(ctx: Context, upload: NewCampaign): Promise<string> {
  const list = await listBySlug(ctx, upload.list);
  const made = await readUpload(ctx, list, upload);
  const tags: KeptTags = {
    isAccepted: upload.tags === 'accept' || made.foreign.length === 0,
    subject: (upload.subject?.trim() ?? '').slice(0, 1_000),
    tags: made.foreign,
  };
  if (!tags.isAccepted && upload.tags !== 'propose') throw refuseTemplate(made.foreign.map(unaccepted));
  const content: CampaignContent = { ...made.content, id: randomUUID(), settings: {} };
  provePrepared(ctx, list, content);
  await ctx.db.query(
    `insert into campaign (id, list_id, subject, format, file_name, source, html, text, state, created_at, tags, seal)
     values ($1, $2, $3, $4, $5, $6, $7, $8, 'draft', $9, $10, $11)`,
    [
      ...[content.id, list.id, content.subject, made.format, plainFileName(upload.fileName), made.source],
      ...[content.html, content.text, ctx.now(), tags.tags.length > 0 ? JSON.stringify(tags) : null],
      seal(ctx.keyring, 'campaign-draft', contentParts(list.id, content)),
    ],
  );
  return content.id;
}

interface ReadUpload {
  readonly format: CampaignFormat;
  /** As it is kept, to be read again when tags become something else. */
  readonly source: string;
  readonly content: Pick<CampaignContent, 'subject' | 'html' | 'text'>;
  readonly foreign: readonly ForeignTag[];
}

async function readUpload(_ctx: Context, _list: ListFacts, upload: NewCampaign): Promise<ReadUpload> {
  const source = readSource(upload.source);
  const given = renderSubject(upload.subject?.trim() ?? '', new Map());
  const { format, html, text, title, foreign } = await renderTemplate(upload.fileName, source);
  const subject = checkSubject(given.subject === '' ? title : given.subject);
  return { format, source, content: { subject, html, text }, foreign: mergeTags(given.foreign, foreign) };
}

/** A subject with its tags as they are kept. Throws `template-refused`. */
export function renderSubject(
  given: string,
  mapping: ReadonlyMap<string, Becomes>,
): { readonly subject: string; readonly foreign: readonly ForeignTag[] } {
  const { marked, marks, foreign, problems } = resolveTags(given, mapping);
  if (problems.length > 0) throw refuseTemplate(problems.map((problem) => ({ ...problem, line: null })));
  return { subject: unmark(marked, marks), foreign: foreign.map((tag) => ({ ...tag, lines: [] })) };
}

/** Each tag once. */
export function mergeTags(first: readonly ForeignTag[], second: readonly ForeignTag[]): ForeignTag[] {
  return [...second, ...first.filter(({ tag }) => second.every((other) => other.tag !== tag))];
}

function unaccepted({ tag, lines, becomes }: ForeignTag): Problem {
  const message = `nothing fills "${tag.slice(0, 60)}"; it could become ${sayBecomes(becomes)}.`;
  return { line: lines[0] ?? null, reason: 'placeholder', message };
}

/** What a campaign's seal covers: whose mail it is, every word of it, and how it is to go out. */
export function contentParts(listId: string, content: CampaignContent): (string | Buffer)[] {
  const said = canonicalize(content.settings);
  const parts = [content.id, listId, content.subject, sha256(content.html), sha256(content.text)];
  // Campaigns from before there were settings keep their seals.
  return said === '{}' ? parts : [...parts, said];
}

/** A subject as it may stand in a header. Throws `template-refused`. */
export function checkSubject(subject: string): string {
  const refuse = (reason: 'subject-missing' | 'subject-long' | 'subject-controls', message: string) =>
    refuseTemplate([{ line: null, reason, message }]);
  if (subject === '') throw refuse('subject-missing', 'There is no subject: give one, or put a title into the file.');
  if (/[\p{Cc}\p{Cs}\u2028\u2029\u202a-\u202e\u2066-\u2069\ufdd0\ufdd1]/u.test(subject)) {
    throw refuse('subject-controls', 'The subject contains a line break or another control character.');
  }
  if (subject.length > MAX_SUBJECT)
    throw refuse('subject-long', `The subject is longer than ${MAX_SUBJECT} characters.`);
  return subject;
}

/**
 * Can the mail be made, in every language of the footer, and for whatever is known of somebody? Throws `template-refused`.
 */
export function provePrepared(ctx: Context, list: ListFacts, content: CampaignContent): void {
  try {
    const asked = fieldsAskedBy(content);
    if (asked.length > MAX_ASKED) throw refuseTemplate([MANY]);
    for (const language of footerLanguages()) prepareMail(ctx, list, content, { language, why: 'confirmed' });
    for (const present of subsets(asked).slice(1))
      prepareMail(ctx, list, content, { language: 'en', why: 'confirmed', present });
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    // Lines are those of the compiled HTML here, which nobody has seen.
    throw refuseTemplate(problemsOf(error).map((problem) => ({ ...problem, line: null })));
  }
}

/** Each combination of so many conditions is a mail of its own, that must show its footer. */
const MAX_ASKED = 4;
const MANY: Problem = {
  line: null,
  reason: 'condition-many',
  message: `Conditions ask for more than ${MAX_ASKED} different fields.`,
};

function subsets(fields: readonly string[]): ReadonlySet<string>[] {
  const all = fields.reduce<string[][]>((sets, field) => [...sets.map((set) => [...set, field]), ...sets], [[]]);
  return all.map((set) => new Set(set));
}

function plainFileName(name: string): string {
  return basename(name.replaceAll('\\', '/'))
    .replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '')
    .slice(-200);
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
