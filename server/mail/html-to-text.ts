import { parse, type DefaultTreeAdapterTypes } from 'parse5';
import { whyHidden } from './hidden.js';
import { attributeOf, chainOf } from './nodes.js';
import { isHeavy, isUnconditional, makeSheets, sheetsOf, type Sheets } from './sheets.js';
import { wrapText } from './wrap-text.js';

type Element = DefaultTreeAdapterTypes.Element;
type Node = DefaultTreeAdapterTypes.Node;

/**
 * Readable plain text for an HTML mail: headings and paragraphs apart, lists with their marks, cells in order, links as
 * `words <url>`, pictures as their alt text; nothing that the mail hides. Lines have at most 76 characters but for URLs,
 * and end in LF. `isLeftOut`: elements that are no part of it, with all that is in them.
 */
export function htmlToText(html: string, isLeftOut: (element: Element) => boolean = () => false): string {
  const document = parse(html);
  const sheets = sheetsOf(document, isUnconditional);
  const page: Page = {
    isLeftOut,
    // What nobody wrote for people is read without its style sheets.
    sheets: isHeavy(document, sheets) ? makeSheets([]) : sheets,
    blocks: [],
    inline: [],
    mark: null,
    items: new Map(),
  };
  visit(page, document, { indent: '', depth: 0 });
  flush(page, '');
  return page.blocks
    .join('\n')
    .replace(/\n{3,}/g, '\n\n')
    .replace(/^\n+|\n+$/g, '')
    .concat('\n');
}

interface Page {
  readonly isLeftOut: (element: Element) => boolean;
  readonly sheets: Sheets;
  /** Wrapped lines; an empty one is a gap. */
  readonly blocks: string[];
  /** What is not yet a block. */
  inline: string[];
  /** The mark of a list item that has no line yet, with its indent. */
  mark: string | null;
  /** The number of the next item of each list. */
  readonly items: Map<Node, number>;
}

interface Place {
  /** Before each line of a block. */
  readonly indent: string;
  readonly depth: number;
}

const MAX_DEPTH = 256;
const SKIPPED = new Set([
  'head',
  'script',
  'style',
  'title',
  'template',
  'noscript',
  'svg',
  'select',
  'iframe',
  'object',
]);
const BLOCKS = new Set(
  'address article aside body center div dd dl dt footer form header main nav section td th tr'.split(' '),
);
const APART = new Set('blockquote figure h1 h2 h3 h4 h5 h6 hr ol p pre table ul'.split(' '));

function visit(page: Page, node: Node, place: Place): void {
  if (node.nodeName === '#text' && 'value' in node) {
    if (node.value.trim() === '' || whyHidden(chainOf(node), page.sheets) === null)
      page.inline.push(node.value.replace(/\s+/g, ' '));
  } else if ('tagName' in node) visitElement(page, node, place);
  else visitChildren(page, node, place);
}

function visitElement(page: Page, element: Element, place: Place): void {
  const { tagName } = element;
  if (SKIPPED.has(tagName) || page.isLeftOut(element)) return;
  if (tagName === 'br') page.inline.push('\n');
  else if (tagName === 'img') visitImage(page, element);
  else if (tagName === 'a') visitLink(page, element, place);
  else if (tagName === 'li') visitItem(page, element, place);
  else if (APART.has(tagName)) visitBlock(page, element, place, isInList(element) ? '' : '\n');
  else if (BLOCKS.has(tagName)) visitBlock(page, element, place, '');
  else visitChildren(page, element, place);
}

function visitBlock(page: Page, element: Element, place: Place, gap: '' | '\n'): void {
  flush(page, place.indent);
  if (gap) page.blocks.push('');
  if (element.tagName === 'hr') page.inline = ['-'.repeat(40)];
  visitChildren(page, element, place);
  flush(page, place.indent);
  if (gap) page.blocks.push('');
}

function visitItem(page: Page, item: Element, place: Place): void {
  flush(page, place.indent);
  const list = item.parentNode;
  const number = (list && page.items.get(list)) ?? 1;
  if (list) page.items.set(list, number + 1);
  const mark = list?.nodeName === 'ol' ? `${number}. ` : '- ';
  const indent = place.indent + ' '.repeat(mark.length);
  page.mark = place.indent + mark;
  visitChildren(page, item, { indent, depth: place.depth });
  flush(page, indent);
  page.mark = null;
}

function visitChildren(page: Page, node: Node, { indent, depth }: Place): void {
  if (!('childNodes' in node) || depth > MAX_DEPTH) return;
  for (const child of node.childNodes) visit(page, child, { indent, depth: depth + 1 });
}

function visitImage(page: Page, image: Element): void {
  const alt = attributeOf(image, 'alt')?.trim() ?? '';
  if (alt !== '' && whyHidden(chainOf(image), page.sheets) === null) page.inline.push(alt);
}

function visitLink(page: Page, link: Element, place: Place): void {
  const blocks = page.blocks.length;
  const start = page.inline.length;
  visitChildren(page, link, place);
  const url = (attributeOf(link, 'href') ?? '').trim().replace(/\s/g, '%20');
  const isFlushed = page.blocks.length > blocks;
  const inside = page.inline.slice(isFlushed ? 0 : start).join('');
  const words = isFlushed ? '…' : inside.trim();
  if (!/^(?:https?:|mailto:|tel:|\ufdd0)/i.test(url) || words === '') return;
  page.inline.length = isFlushed ? 0 : start;
  page.inline.push(words === url ? `<${url}>` : `${inside.trimEnd()} <${url}>`);
}

function flush(page: Page, indent: string): void {
  const text = page.inline
    .join('')
    .replace(/ ?\n ?/g, '\n')
    .replace(/\n{3,}/g, '\n\n')
    .trim();
  page.inline = [];
  if (text === '') return;
  for (const line of text.split('\n')) {
    page.blocks.push(wrapText(line, page.mark ?? indent, indent));
    page.mark = null;
  }
}

function isInList(element: Element): boolean {
  return element.parentNode?.nodeName === 'li';
}
