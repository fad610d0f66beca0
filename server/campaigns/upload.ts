import { createHash, randomUUID } from 'node:crypto';
import { basename } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { listBySlug, type ListFacts } from '../consent/catalogue.js';
import type { Context } from '../context.js';
import type { Tx } from '../database/connect.js';
import { Refusal } from '../errors.js';
import { seal } from '../keys/seal.js';
import { canonicalize } from '../ledger/jcs.js';
import { keptPictures } from './kept-pictures.js';
import { keepPictures } from './keep-pictures.js';
import { placementFor, refuseHeavy, type Placement } from './placement.js';
import { readSettings, type CampaignSettings } from './settings.js';
import { sayBecomes, type ForeignTag, type KeptTags } from './becomes.js';
import { fieldsAskedBy, type CampaignContent } from './prepare.js';
import { makeReady } from './ready.js';
import { footerLanguages } from './words.js';
import { problemsOf, refuseTemplate, type Problem } from './problem.js';
import { setPreheader } from './preheader.js';
import { mergeTags, readUpload, type GivenFile, type ReadUpload } from './read-upload.js';

export interface NewCampaign extends GivenFile {
  /** The list's slug. */
  readonly list: string;
  /** What happens when the file has tags of another system: they become what we propose, the draft waits for somebody to accept that, or (absent) the file is refused. */
  readonly tags?: 'accept' | 'propose';
  /** Where its pictures are; absent: as is good for so many bytes. */
  readonly pictures?: Placement;
  /** The file is a template of ours, which may show pictures that were uploaded before. */
  readonly isTemplate?: boolean;
  /** The words beside the subject in the inbox; absent: those of the file. */
  readonly preheader?: string;
  /** How it is to go out; absent: at once, to everybody. */
  readonly settings?: CampaignSettings;
}

/**
 * Keeps an uploaded file as a draft and returns its id. Everything that could stop it from leaving is checked now, the
 * footer in every language included (promise 8). Throws `list-unknown`, or `template-refused` with all problems in its facts.
 */
export async function createCampaign(ctx: Context, upload: NewCampaign): Promise<string> {
  const list = await listBySlug(ctx, upload.list);
  const read = await readUpload(ctx, list, upload);
  const made = withPreheader(upload.isTemplate ? await withKeptPictures(ctx, read) : read, upload.preheader);
  const tags: KeptTags = {
    isAccepted: upload.tags === 'accept' || made.foreign.length === 0,
    subject: (upload.subject?.trim() ?? '').slice(0, 1_000),
    ...(upload.preheader === undefined ? {} : { preheader: upload.preheader.trim() }),
    tags: made.foreign,
  };
  if (!tags.isAccepted && upload.tags !== 'propose') throw refuseTemplate(made.foreign.map(unaccepted));
  const content: CampaignContent = { ...made.content, id: randomUUID(), settings: settingsFor(made, upload) };
  await provePrepared(ctx, list, content);
  const fileName = plainFileName(upload.fileName);
  await ctx.db.transaction(async (tx) => insert(tx, ctx, { list, content, tags, made, fileName }));
  return content.id;
}

async function withKeptPictures(ctx: Context, made: ReadUpload): Promise<ReadUpload> {
  return { ...made, content: { ...made.content, pictures: await keptPictures(ctx.db, made.content.html) } };
}

function withPreheader(made: ReadUpload, preheader: string | undefined): ReadUpload {
  if (preheader === undefined) return made;
  if (made.format === 'message') throw refuseTemplate([FIXED]);
  const { html, foreign } = setPreheader(made.content.html, preheader);
  return { ...made, content: { ...made.content, html }, foreign: mergeTags(foreign, made.foreign) };
}

const FIXED: Problem = {
  line: null,
  reason: 'preheader-message',
  message: 'A finished message is sent as it is: it says itself what the inbox shows beside the subject.',
};

function settingsFor({ content: { pictures = [] } }: ReadUpload, upload: NewCampaign): CampaignSettings {
  const placed = pictures.length === 0 ? {} : { pictures: upload.pictures ?? placementFor(pictures) };
  return readSettings({ ...upload.settings, ...placed });
}

interface NewDraft {
  readonly list: ListFacts;
  readonly content: CampaignContent;
  readonly tags: KeptTags;
  readonly made: ReadUpload;
  readonly fileName: string;
}

async function insert(tx: Tx, ctx: Context, { list, content, tags, made, fileName }: NewDraft): Promise<void> {
  await tx.query(
    `insert into campaign (id, list_id, subject, format, file_name, source, html, text, settings, state, created_at, tags, seal)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'draft', $10, $11, $12)`,
    [
      ...[content.id, list.id, content.subject, made.format, fileName, made.source],
      ...[content.html, content.text, JSON.stringify(content.settings), ctx.now()],
      ...[tags.tags.length > 0 ? JSON.stringify(tags) : null],
      seal(ctx.keyring, 'campaign-draft', contentParts(list.id, content)),
    ],
  );
  await keepPictures(tx, content.id, content.pictures ?? []);
}

/** The problem that a tag is which nobody has accepted. */
export function unaccepted({ tag, lines, becomes }: ForeignTag): Problem {
  const message = `nothing fills "${tag.slice(0, 60)}"; it could become ${sayBecomes(becomes)}.`;
  return { line: lines[0] ?? null, reason: 'placeholder', message };
}

/** What a campaign's seal covers: whose mail it is, every word of it, and how it is to go out. */
export function contentParts(listId: string, content: CampaignContent): (string | Buffer)[] {
  const said = canonicalize(content.settings);
  const parts = [content.id, listId, content.subject, sha256(content.html), sha256(content.text)];
  // Campaigns from before there were settings keep their seals.
  const { message, pictures = [] } = content;
  return [
    ...parts,
    ...(said === '{}' ? [] : [said]),
    ...(message ? ['message', sha256(message)] : []),
    ...(pictures.length > 0 ? ['pictures', ...pictures.flatMap((picture) => [picture.type, picture.sha256])] : []),
  ];
}

/**
 * Can the mail be made, in every language of the footer, and for whatever is known of somebody? Others get their turn between. Throws `template-refused`.
 */
export async function provePrepared(ctx: Context, list: ListFacts, content: CampaignContent): Promise<void> {
  refuseHeavy(content);
  try {
    const asked = content.message ? [] : fieldsAskedBy(content);
    if (asked.length > MAX_ASKED) throw refuseTemplate([MANY]);
    const variants = [
      ...footerLanguages().map((language) => ({ language })),
      ...subsets(asked)
        .slice(1)
        .map((present) => ({ language: 'en', present })),
    ];
    for (const variant of variants) {
      makeReady(ctx, list, content, { why: 'confirmed', ...variant });
      await setImmediate();
    }
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
