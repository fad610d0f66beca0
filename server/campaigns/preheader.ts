import { parse, type DefaultTreeAdapterTypes } from 'parse5';
import { escapeHtml } from '../mail/escape.js';
import { whyHidden } from '../mail/hidden.js';
import { chainOf, nodesOf } from '../mail/nodes.js';
import { isUnconditional, sheetsOf } from '../mail/sheets.js';
import type { Becomes, ForeignTag } from './becomes.js';
import { FILLER, UNREAD } from './lint-preheader.js';
import { refuseTemplate, type ProblemReason } from './problem.js';
import { resolveTags, unmark } from './resolve-tags.js';

type Element = DefaultTreeAdapterTypes.Element;
type Document = DefaultTreeAdapterTypes.Document;

const MAX_PREHEADER = 250;
/** What is longer, or holds more than words, is a part of the mail that only some devices show. */
const MAX_OWN = 500;
const MORE_THAN_WORDS = new Set(['a', 'img', 'table', 'ul', 'ol', 'video', 'picture', 'form', 'svg']);

/** The words that a mail has for the inbox alone, hidden in it before all others, with their tags; '' when it has none. */
export function ownPreheader(html: string): string {
  return ownElements(parse(html, { sourceCodeLocationInfo: true }))
    .map(wordsOf)
    .join(' ')
    .trim();
}

/** Puts words for the inbox into the HTML of a mail, instead of those that it has; empty: takes them out. Everything else stays byte for byte. `mapping`: what tags of other systems in them become. Throws `template-refused`. */
export function setPreheader(
  html: string,
  given: string,
  mapping: ReadonlyMap<string, Becomes> = new Map(),
): { readonly html: string; readonly foreign: readonly ForeignTag[] } {
  const { words, foreign } = readWords(given, mapping);
  const document = parse(html, { sourceCodeLocationInfo: true });
  const changes = ownElements(document).map((element) => ({ ...placeOf(element), text: '' }));
  if (words !== '') changes.unshift({ ...startOfBody(document), text: hiddenLine(words) });
  let [done, text] = [0, ''];
  // Where the markup is crossed, one place can stand for several elements.
  for (const change of changes.filter(({ start }, i) => i === 0 || start >= (changes[i - 1]?.end ?? 0))) {
    text += html.slice(done, change.start) + change.text;
    done = change.end;
  }
  return { html: text + html.slice(done), foreign };
}

function readWords(
  given: string,
  mapping: ReadonlyMap<string, Becomes>,
): { words: string; foreign: readonly ForeignTag[] } {
  const line = given.trim();
  const refuse = (reason: ProblemReason, message: string) => refuseTemplate([{ line: null, reason, message }]);
  if (/[\p{Cc}\p{Cs}\u2028\u2029\u202a-\u202e\u2066-\u2069\ufdd0\ufdd1]/u.test(line))
    throw refuse('preheader-controls', 'The preview text contains a line break or another control character.');
  if (line.length > MAX_PREHEADER)
    throw refuse('preheader-long', `The preview text is longer than ${MAX_PREHEADER} characters.`);
  const { marked, marks, foreign, problems } = resolveTags(line, mapping);
  if (problems.length > 0) throw refuseTemplate(problems.map((problem) => ({ ...problem, line: null })));
  return {
    words: unmark(escapeHtml(marked), marks),
    foreign: foreign.map((tag) => ({ ...tag, lines: [] })),
  };
}

/** So much do inboxes show: what is behind the words is filled up, so that the beginning of the mail does not follow them. */
const SHOWN = 110;

function hiddenLine(words: string): string {
  const filler = '&#847;&zwnj;&nbsp;'.repeat(Math.max(0, SHOWN - words.length));
  return `<div style="display:none;max-height:0;overflow:hidden;mso-hide:all;">${words}${filler}</div>`;
}

/** Nobody writes more of them. */
const MAX_ELEMENTS = 20;

/** The first hidden elements that hold nothing but words, before the first word that is seen. */
function ownElements(document: Document): Element[] {
  const sheets = sheetsOf(document, isUnconditional);
  const found: Element[] = [];
  for (const node of nodesOf(document)) {
    if (node.nodeName !== '#text' || !('value' in node) || node.value.replace(FILLER, '').trim() === '') continue;
    const chain = chainOf(node);
    if (chain.some(({ tagName }) => UNREAD.has(tagName))) continue;
    const hidden = chain.findLast((_, i) => whyHidden(chain.slice(i), sheets) !== null);
    if (!hidden || !isOnlyWords(hidden)) break;
    if (!found.includes(hidden)) found.push(hidden);
    if (found.length === MAX_ELEMENTS) break;
  }
  return found;
}

function isOnlyWords(element: Element): boolean {
  const inside = [...nodesOf(element)];
  const hasMore = inside.some((node) => 'tagName' in node && MORE_THAN_WORDS.has(node.tagName));
  return !hasMore && element.sourceCodeLocation?.endTag !== undefined && wordsOf(element).length <= MAX_OWN;
}

function wordsOf(element: Element): string {
  const texts = [...nodesOf(element)].map((node) => (node.nodeName === '#text' && 'value' in node ? node.value : ''));
  return texts.join('').replace(FILLER, '').replace(/\s+/g, ' ').trim();
}

function placeOf({ sourceCodeLocation: at }: Element): { start: number; end: number } {
  return { start: at?.startOffset ?? 0, end: at?.endOffset ?? 0 };
}

/** Behind `<body>`; where nobody wrote it, before what stands in it. */
function startOfBody(document: Document): { start: number; end: number } {
  const body = [...nodesOf(document)].find((node): node is Element => 'tagName' in node && node.tagName === 'body');
  const first = body?.childNodes[0];
  const at = body?.sourceCodeLocation?.startTag?.endOffset ?? first?.sourceCodeLocation?.startOffset ?? 0;
  return { start: at, end: at };
}
