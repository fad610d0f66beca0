import { parse } from 'parse5';
import { hasHole, hole } from '../mail/hole.js';
import { misplacedHoles, type MisplacedHole } from '../mail/hole-places.js';
import { htmlToText } from '../mail/html-to-text.js';
import { nodesOf, textOf as wordsOf } from '../mail/nodes.js';
import { isPersonal } from '../mail/template-tag.js';
import type { Becomes, ForeignTag } from './becomes.js';
import { textFormat, type CampaignFormat } from './format.js';
import { inlineStyles } from './inline-styles.js';
import { compileApart } from './compile.js';
import { refuseComplex } from './complexity.js';
import { compileMjml } from './mjml.js';
import { PLACES, refuseTemplate, type Problem, type ProblemReason } from './problem.js';
import { resolveTags, unmark, type Mark } from './resolve-tags.js';
import { fetchedSheets } from './style-sheets.js';

/** A template as a mail's two parts, before the footer; tags such as `{{list}}` still stand in them. */
export interface Rendered {
  readonly format: Exclude<CampaignFormat, 'message' | 'zip'>;
  readonly html: string;
  readonly text: string;
  /** Of `<title>`, `mj-title` or the front matter; '' when there is none. */
  readonly title: string;
  /** Tags of other systems that were found, with what they became. */
  readonly foreign: readonly ForeignTag[];
}

/** An uploaded text above this is refused, in bytes. */
export const MAX_SOURCE_BYTES = 2_000_000;

/**
 * Reads an uploaded HTML, MJML or Markdown file. Nothing in it is executed: only the tags of mail/template-tag.ts are known, files are never included, and nothing is
 * fetched. `mapping`: what tags of other systems become. Throws `template-refused` with lines.
 */
export async function renderTemplate(
  fileName: string,
  source: string,
  mapping: ReadonlyMap<string, Becomes> = new Map(),
): Promise<Rendered> {
  const format = textFormat(fileName, source);
  const { marked, marks, foreign, problems } = resolveTags(source, mapping);
  if (problems.length > 0) throw refuseTemplate(problems);
  const compiled = await compile(format, marked);
  refuseComplex(compiled.html);
  const sheets = fetchedSheets(format === 'html' ? source : compiled.html);
  refuseAny(format === 'html' ? sheets : sheets.map((problem) => ({ ...problem, line: null })));
  const html = await inlineStyles(dropEmptyLinks(compiled.html));
  refuseAny(problemsOfPlaces(html, marks));
  const text = htmlToText(html);
  if (text.trim() === '' && !/<img\b/i.test(html))
    throw refuse('nothing-to-see', 'The file shows no text and no image.');
  const title = unmark(compiled.title ?? titleOf(compiled.html), marks);
  return { format, html: unmark(html, marks), text: unmark(text, marks), title, foreign };
}

/** The text of a file. Sizes first. Throws `template-refused`. */
export function readSource(bytes: Buffer): string {
  if (bytes.length > MAX_SOURCE_BYTES) throw refuse('too-large', 'The file is larger than 2 MB.');
  const source = decode(bytes);
  const control = /[\0-\x08\x0b\x0e-\x1f\x7f]/.exec(source);
  if (control || hasHole(source)) {
    const line = control ? source.slice(0, control.index).split('\n').length : null;
    throw refuseTemplate([{ line, reason: 'controls', message: 'There is a control character, which no text has.' }]);
  }
  return source;
}

function decode(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw refuse('not-utf8', 'The file is not UTF-8: save it as UTF-8 and upload it again.');
  }
}

async function compile(format: Rendered['format'], marked: string): Promise<{ html: string; title?: string }> {
  if (format === 'mjml') return { html: await compileMjml(marked) };
  if (format === 'html') return { html: marked };
  const answer = await compileApart({ kind: 'markdown', source: marked });
  if ('failed' in answer) throw refuse('markdown-broken', 'The Markdown of the file cannot be read.');
  return answer;
}

/** Where a tag became nothing, its words stay without a link. */
function dropEmptyLinks(html: string): string {
  return html.replace(/(<a\b[^<>]{0,2000}?)\shref=(?:""|'')/gi, '$1');
}

/** The text part of a page as it is kept, with its tags in it. Throws `template-refused` for a tag that is none. */
export function textOf(html: string): string {
  const { marked, marks } = resolveTags(html, new Map());
  return unmark(htmlToText(marked), marks);
}

/** Personal values and conditions that stand where none may (T11), and conditions that a compiler has dropped. */
function problemsOfPlaces(html: string, marks: ReadonlyMap<string, Mark>): Problem[] {
  const isWatched = (name: string): boolean => {
    const tag = marks.get(name)?.tag;
    return tag !== undefined && (tag.kind !== 'field' || isPersonal(tag.name));
  };
  const lost = [...marks].filter(([name, { tag }]) => tag.kind !== 'field' && !html.includes(hole(name)));
  return [
    ...misplacedHoles(html, isWatched).map((found) => problemOf(found, marks)),
    ...lost.map(([, { line }]): Problem => {
      return { line, reason: 'condition-lost', message: 'A condition must stand inside a text.' };
    }),
  ];
}

function problemOf({ name, why }: MisplacedHole, marks: ReadonlyMap<string, Mark>): Problem {
  return { line: marks.get(name)?.line ?? null, ...PLACES[why] };
}

function titleOf(html: string): string {
  for (const node of nodesOf(parse(html))) {
    if ('tagName' in node && node.tagName === 'title') return wordsOf(node).replace(/\s+/g, ' ').trim();
  }
  return '';
}

function refuseAny(problems: readonly Problem[]): void {
  if (problems.length > 0) throw refuseTemplate(problems.slice(0, 20));
}

function refuse(reason: ProblemReason, message: string) {
  return refuseTemplate([{ line: null, reason, message }]);
}
