import { createHash, randomUUID } from 'node:crypto';
import { basename } from 'node:path';
import { listBySlug, type ListFacts } from '../consent/catalogue.js';
import type { Context } from '../context.js';
import { Refusal } from '../errors.js';
import { seal } from '../keys/seal.js';
import { canonicalize } from '../ledger/jcs.js';
import { prepareMail, type CampaignContent } from './prepare.js';
import { footerLanguages } from './words.js';
import { problemsOf, refuseTemplate } from './problem.js';
import { readSource, renderTemplate } from './render.js';

export interface NewCampaign {
  /** The list's slug. */
  readonly list: string;
  /** Empty or absent: the file's title. */
  readonly subject?: string;
  readonly fileName: string;
  readonly source: Buffer;
}

const MAX_SUBJECT = 200;

/**
 * Keeps an uploaded file as a draft and returns its id. Everything that could stop it from leaving is checked now, the
 * footer in every language included (promise 8). Throws `list-unknown`, or `template-refused` with all problems in its facts.
 */
export async function createCampaign(ctx: Context, upload: NewCampaign): Promise<string> {
  const list = await listBySlug(ctx, upload.list);
  const source = readSource(upload.source);
  const rendered = await renderTemplate(upload.fileName, source);
  const subject = checkSubject(upload.subject?.trim() ? upload.subject.trim() : rendered.title);
  const content = { id: randomUUID(), subject, html: rendered.html, text: rendered.text, settings: {} };
  provePrepared(ctx, list, content);
  await ctx.db.query(
    `insert into campaign (id, list_id, subject, format, file_name, source, html, text, state, created_at, seal)
     values ($1, $2, $3, $4, $5, $6, $7, $8, 'draft', $9, $10)`,
    [
      ...[content.id, list.id, subject, rendered.format, plainFileName(upload.fileName), source],
      ...[content.html, content.text, ctx.now(), seal(ctx.keyring, 'campaign-draft', contentParts(list.id, content))],
    ],
  );
  return content.id;
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

/** Can the mail be made, in every language of the footer? Throws `template-refused`. */
export function provePrepared(ctx: Context, list: ListFacts, content: CampaignContent): void {
  try {
    for (const language of footerLanguages()) prepareMail(ctx, list, content, language, 'confirmed');
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    // Lines are those of the compiled HTML here, which nobody has seen.
    throw refuseTemplate(problemsOf(error).map((problem) => ({ ...problem, line: null })));
  }
}

function plainFileName(name: string): string {
  return basename(name.replaceAll('\\', '/'))
    .replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '')
    .slice(-200);
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
