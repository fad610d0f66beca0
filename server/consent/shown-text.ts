import { createHash } from 'node:crypto';
import type { Context } from '../context.js';
import type { Queryable } from '../database/connect.js';
import { languagesOf, type Catalogue } from './catalogue.js';
import { termsOf } from './terms.js';

/** A text that records name by the hash of its UTF-8 bytes. It names nobody: what is personal in it is blanked. */
export interface ShownText {
  readonly body: string;
  /** Lower-case hex. */
  readonly sha256: string;
}

/** Texts that this process has seen written, so that each is written once and not with every event. */
const kept = new WeakMap<Context, Set<string>>();
const MOST_KEPT = 10_000;

/** Keeps a text that is about to be referred to; a round trip only the first time. Call it before the event, never with a transaction open (T17). */
export async function keepText(ctx: Context, text: ShownText): Promise<void> {
  const known = kept.get(ctx) ?? new Set<string>();
  kept.set(ctx, known);
  if (known.has(text.sha256)) return;
  await keepTexts(ctx.db, [text], ctx.now());
  if (known.size < MOST_KEPT) known.add(text.sha256);
}

/** Keeps the terms of all lists and other purposes, in all their languages: after `setup`, and at start. */
export async function keepTerms(
  on: Queryable,
  { lists, tracking }: Pick<Catalogue, 'lists' | 'tracking'>,
  now: Date,
): Promise<void> {
  const texts = [...lists, ...tracking].flatMap((list) => languagesOf(list).map((language) => termsOf(list, language)));
  await keepTexts(on, texts, now);
}

/** The kept texts of these hashes (hex), by hash. One whose body is not what its hash says is left out: somebody wrote over it. */
export async function textsOf(on: Queryable, hashes: readonly string[]): Promise<Map<string, string>> {
  const rows = await on.query<{ body: string }>('select body from shown_text where sha256 = any($1::bytea[])', [
    hashes.map((hash) => Buffer.from(hash, 'hex')),
  ]);
  return new Map(rows.map(({ body }) => [hashOf(body), body] as const).filter(([hash]) => hashes.includes(hash)));
}

/** A text with its hash. */
export function shownText(body: string): ShownText {
  return { body, sha256: hashOf(body) };
}

async function keepTexts(on: Queryable, texts: readonly ShownText[], now: Date): Promise<void> {
  if (texts.length === 0) return;
  await on.query(
    `insert into shown_text (sha256, body, created_at) select *, $3::timestamptz from unnest($1::bytea[], $2::text[]) on conflict do nothing`,
    [texts.map(({ sha256 }) => Buffer.from(sha256, 'hex')), texts.map(({ body }) => body), now],
  );
}

function hashOf(body: string): string {
  return createHash('sha256').update(body, 'utf8').digest('hex');
}
