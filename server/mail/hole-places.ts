import { parse, parseFragment, type DefaultTreeAdapterTypes, type Token } from 'parse5';
import { nodesOf } from './nodes.js';

type Node = DefaultTreeAdapterTypes.Node;
type Element = DefaultTreeAdapterTypes.Element;

/** Where a personal value must not stand (T11). */
export type WrongPlace = 'url' | 'style' | 'tag' | 'attribute' | 'unquoted' | 'torn';

export interface MisplacedHole {
  readonly name: string;
  readonly why: WrongPlace;
}

const HOLE = /\ufdd0(\w{1,40})\ufdd1/g;
/** Attributes that are words for people. */
const WORDS = new Set(['alt', 'title', 'aria-label', 'aria-description', 'summary', 'abbr', 'label']);
const RAW = new Set(['style', 'script', 'xmp', 'iframe', 'noembed', 'noframes', 'plaintext', 'template']);
/** What is one word for longer than this is taken for a URL. */
const MAX_WORD = 4_000;
const MAX_NESTED = 3;

/**
 * The holes of an HTML text that stand where no personal value may: in a URL, a style, a script, a tag; only text, and quoted attributes that are words, may hold one.
 * `isWatched`: which holes are looked at; each has a name of its own. What stands in comments is looked at too, since some programs show it.
 */
export function misplacedHoles(html: string, isWatched: (name: string) => boolean): MisplacedHole[] {
  if (!html.includes('\ufdd0')) return [];
  const walk: Walk = { html, isWatched, found: [], seen: new Set(), nested: 0 };
  visit(parse(html, { sourceCodeLocationInfo: true }), walk);
  // What a parser drops, another program may show.
  const unseen = [...new Set(holesIn(html, walk))].filter((name) => !walk.seen.has(name));
  return [...walk.found, ...unseen.map((name): MisplacedHole => ({ name, why: 'tag' }))];
}

/** The same for plain text, where only URLs are no place. */
export function holesInUrls(text: string, isWatched: (name: string) => boolean): MisplacedHole[] {
  return [...text.matchAll(HOLE)]
    .filter(({ 1: name = '', index }) => isWatched(name) && endsInUrl(text, index))
    .map(({ 1: name = '' }) => ({ name, why: 'url' }));
}

interface Walk {
  readonly html: string;
  readonly isWatched: (name: string) => boolean;
  readonly found: MisplacedHole[];
  readonly seen: Set<string>;
  readonly nested: number;
}

function visit(root: Node, walk: Walk): void {
  for (const node of nodesOf(root)) {
    if (node.nodeName === '#text' && 'value' in node) visitText(node, walk);
    else if (node.nodeName === '#comment' && 'data' in node) visitComment(node.data, walk);
    else if ('tagName' in node) visitElement(node, walk);
    if ('content' in node) visit(node.content, walk);
  }
}

function visitText(node: DefaultTreeAdapterTypes.TextNode, walk: Walk): void {
  const parent = node.parentNode && 'tagName' in node.parentNode ? node.parentNode.tagName : '';
  for (const { 1: name = '', index } of node.value.matchAll(HOLE)) {
    if (!walk.isWatched(name)) continue;
    walk.seen.add(name);
    if (RAW.has(parent)) walk.found.push({ name, why: 'style' });
    else if (endsInUrl(node.value, index)) walk.found.push({ name, why: 'url' });
    else if (isTorn(node, walk)) walk.found.push({ name, why: 'torn' });
  }
}

// Text between the rows of a table is shown before it, and so would be what depends on it.
function isTorn(node: DefaultTreeAdapterTypes.TextNode, { nested }: Walk): boolean {
  const siblings = node.parentNode?.childNodes ?? [];
  const next = siblings[siblings.indexOf(node) + 1]?.sourceCodeLocation?.startOffset;
  return nested === 0 && next !== undefined && next < (node.sourceCodeLocation?.endOffset ?? 0);
}

function visitComment(data: string, walk: Walk): void {
  if (!data.includes('\ufdd0')) return;
  const inside = data.replace(/^\[if [^\]]*\]>/i, '').replace(/<!\[endif\]$/i, '');
  if (walk.nested >= MAX_NESTED) return;
  visit(parseFragment(inside, { sourceCodeLocationInfo: true }), { ...walk, html: inside, nested: walk.nested + 1 });
}

function visitElement(element: Element, walk: Walk): void {
  for (const name of holesIn(element.tagName, walk)) walk.found.push({ name, why: 'tag' });
  for (const attribute of element.attrs) {
    for (const name of holesIn(attribute.name, walk)) walk.found.push({ name, why: 'tag' });
    for (const name of holesIn(attribute.value, walk)) {
      walk.seen.add(name);
      const why = whyNot(element, attribute, walk.html);
      if (why !== null) walk.found.push({ name, why });
    }
  }
}

function whyNot(element: Element, { name, value }: Token.Attribute, html: string): WrongPlace | null {
  if (name === 'style') return 'style';
  if (!WORDS.has(name))
    return /^(?:class|id|lang|dir|width|height|align|valign|bgcolor|color|border)$/.test(name) ? 'attribute' : 'url';
  const where = element.sourceCodeLocation?.attrs?.[name];
  const source = where ? html.slice(where.startOffset, where.endOffset) : '';
  if (!/^[^=]+=\s*["']/.test(source)) return 'unquoted';
  return [...value.matchAll(HOLE)].some(({ index }) => endsInUrl(value, index)) ? 'url' : null;
}

function holesIn(text: string, { isWatched }: Walk): string[] {
  if (!text.includes('\ufdd0')) return [];
  return [...text.matchAll(HOLE)].map(({ 1: name = '' }) => name).filter(isWatched);
}

// Also in plain text: mail programs make a link of it.
function endsInUrl(text: string, at: number): boolean {
  let start = at;
  while (start > 0 && at - start < MAX_WORD && !/[\s<>"']/.test(text[start - 1] ?? '')) start -= 1;
  return at - start >= MAX_WORD || /:\/\/|\b(?:www\.|mailto:|tel:)/i.test(text.slice(start, at));
}
