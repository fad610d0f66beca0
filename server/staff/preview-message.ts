import { randomBytes } from 'node:crypto';
import { compileMjml } from '../campaigns/mjml.js';
import { problemsOf, type Problem } from '../campaigns/problem.js';
import { sampleFooter } from '../campaigns/sample.js';
import type { ListFacts } from '../consent/catalogue.js';
import type { Context } from '../context.js';
import { Refusal } from '../errors.js';
import { headersOf } from '../gateway/builder.js';
import { asMessage, documentType, type DocumentType } from '../mail/document.js';
import { injectFooter, prepareMessage, type EnginePolicy, type Recipe } from '../mail/footer-engine.js';
import { splice, type Splice } from '../mail/recipe.js';
import { isLeftOut } from '../mail/submission.js';
import { AMP } from '../mail/footer-places.js';
import { readTree, type MimePart } from '../mail/mime-tree.js';
import { contentOf, readLoosely, textsOf } from '../mail/part-content.js';
import { headerValue, readHeaders } from '../mail/read-mail.js';
import { runsOf, runsOfEdits, type Run } from '../mail/runs.js';
import { objectionTo } from './preview-objection.js';

/** A message, or a template, that somebody wants to see as it would leave. */
export interface Given {
  readonly bytes: Buffer;
  /** Empty: it was pasted. */
  readonly fileName: string;
  readonly list: ListFacts;
  /** Of the footer. */
  readonly language: string;
  readonly signed: EnginePolicy['signed'];
}

export type Previewed =
  | { readonly outcome: 'refused'; readonly problems: readonly Problem[] }
  | { readonly outcome: 'refused'; readonly why: string }
  | Changed;

export interface Changed {
  readonly outcome: 'injected' | 'wrapped' | 'headers';
  /** What was read; `null`: a message. */
  readonly type: DocumentType | null;
  /** Why not into the texts, in English; null: into the texts. */
  readonly why: string | null;
  /** Why the gateway would not take it, in English; null: it would. */
  readonly objection: string | null;
  readonly subject: string;
  /** Bytes of the longest HTML, where Gmail may hide its end; null: it is short. */
  readonly longHtml: number | null;
  readonly isNormalised: boolean;
  readonly bytes: { readonly before: number; readonly after: number };
  /** Of the header of the message, line by line. */
  readonly header: readonly TextRun[];
  readonly texts: readonly ChangedText[];
  /** The whole message; empty for what is none. */
  readonly source: readonly TextRun[];
}

/** A text as it reaches a reader. */
export interface ChangedText {
  /** As IMAP counts parts; empty: the only one. */
  readonly path: string;
  readonly kind: 'html' | 'plain' | 'amp';
  readonly text: string;
  readonly runs: readonly TextRun[];
  /** `whole`: it is the footer itself, beside a message that is not touched. */
  readonly change: 'footer' | 'placeholders' | 'whole' | 'none';
  readonly rewritten: { readonly from: string; readonly to: string } | null;
}

export interface TextRun {
  readonly kind: Run['kind'];
  readonly text: string;
}

/**
 * What the footer engine makes of a message for a made-up person. Nothing is kept or sent. What cannot leave comes back as refused, with the reason; anything
 * else that is thrown is a bug.
 */
export async function previewMessage(ctx: Context, given: Given): Promise<Previewed> {
  try {
    const type = documentType(given.bytes, given.fileName);
    return await (type === null ? inMessage(ctx, given) : inDocument(ctx, given, type));
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    if (error.code === 'template-refused') return { outcome: 'refused', problems: problemsOf(error) };
    if (error.code !== 'message-refused') throw error;
    return { outcome: 'refused', why: /refused: (.*)\.$/s.exec(error.message)?.[1] ?? error.message };
  }
}

async function inMessage(ctx: Context, { bytes, list, language, signed }: Given): Promise<Changed> {
  const prepared = prepareMessage(bytes, { signed });
  const { footer, headers } = sampleFooter(ctx, list, language);
  const { message, outcome, recipe, splices } = injectFooter(prepared, {
    footer,
    headers: [...headers, ...headersOf(ctx, list, language)],
    boundary: randomBytes(16).toString('hex'),
  });
  const { raw, root, plan } = prepared;
  const all = withLeftOut(splices, root);
  const ofHeader = all.filter(({ at }) => at <= root.header.end && at < root.start);
  return {
    ...{ outcome, type: null, isNormalised: prepared.isNormalised },
    objection: await objectionTo(ctx, list.organisation, raw.subarray(root.header.start, root.header.end)),
    why: plan.kind === 'wrap' ? plan.why : null,
    longHtml: recipe.longHtml ?? null,
    subject: headerValue(readHeaders(raw), 'subject'),
    bytes: { before: bytes.length, after: splice(raw, all).length },
    header: asText(runsOf(raw.subarray(0, root.header.end), ofHeader)).filter(({ kind }) => kind !== 'kept'),
    texts: textsIn(message, recipe),
    source: asText(runsOf(raw, all)),
  };
}

/** What the gateway takes out of the header before the footer goes in. */
function withLeftOut(splices: readonly Splice[], { header }: MimePart): Splice[] {
  const gone = header.fields.filter(
    ({ name, start }) => isLeftOut(name) && !splices.some(({ at, remove }) => at === start && remove > 0),
  );
  const more = gone.map(({ start, end }) => ({ at: start, remove: end - start, bytes: Buffer.alloc(0) }));
  return [...splices, ...more].sort((a, b) => a.at - b.at);
}

async function inDocument(ctx: Context, given: Given, type: DocumentType): Promise<Previewed> {
  const text = type === 'text/mjml' ? Buffer.from(await compileMjml(given.bytes.toString('utf8'))) : given.bytes;
  const { message: whole, headBytes } = asMessage(text, type === 'text/mjml' ? 'text/html' : type);
  const prepared = prepareMessage(whole, { signed: given.signed, lines: 'keep' });
  // A template cannot be wrapped: it is no message yet.
  if (prepared.plan.kind === 'wrap') return { outcome: 'refused', why: prepared.plan.why };
  const { footer } = sampleFooter(ctx, given.list, given.language);
  const { message, outcome, recipe } = injectFooter(prepared, { footer, headers: [], boundary: 'x'.repeat(16) });
  return {
    ...{ outcome, type, why: null, objection: null, subject: '', isNormalised: prepared.isNormalised },
    longHtml: recipe.longHtml ?? null,
    bytes: { before: text.length, after: message.length - headBytes },
    ...{ header: [], texts: textsIn(message, recipe), source: [] },
  };
}

function textsIn(message: Buffer, recipe: Recipe): ChangedText[] {
  const root = readTree(message, 0);
  return textsOf(root).map((part) => {
    const content = contentOf(message, part);
    const done = recipe.parts.find(({ path }) => path === part.path);
    const isWhole = recipe.wrapped !== undefined && part.path === footerPath(root, recipe.wrapped);
    const runs: Run[] = isWhole ? [{ kind: 'added', bytes: content }] : runsOfEdits(content, done?.edits ?? []);
    return {
      ...{ path: part.path, kind: kindOf(part), text: readLoosely(content, part) },
      runs: runs.map(({ kind, bytes }) => ({ kind, text: readLoosely(bytes, part) })),
      change: isWhole ? 'whole' : changeOf(done),
      rewritten: done?.rewritten ?? null,
    };
  });
}

function kindOf({ type }: MimePart): ChangedText['kind'] {
  if (type === AMP) return 'amp';
  return type === 'text/html' ? 'html' : 'plain';
}

function footerPath({ children }: MimePart, wrapped: 'before' | 'after'): string {
  return wrapped === 'before' ? '1' : String(children?.length ?? 0);
}

function changeOf(done: Recipe['parts'][number] | undefined): ChangedText['change'] {
  if (!done || done.edits.length === 0) return 'none';
  return done.edits.some(({ removed }) => removed === undefined) ? 'footer' : 'placeholders';
}

function asText(runs: readonly Run[]): TextRun[] {
  return runs.map(({ kind, bytes }) => ({ kind, text: readLoosely(bytes, { parameters: new Map() }) }));
}
