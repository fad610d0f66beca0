import type { Tag } from './nodes.js';

/** A page whose end lies in its body and in nothing else. */
export interface SoundPage {
  /** Of `</body>`, in UTF-16 units. */
  readonly end: number;
  readonly html: Tag;
  readonly body: Tag;
  /** What its `<style>` elements say. */
  readonly sheets: readonly string[];
  /** The `<link>` elements. */
  readonly links: readonly Tag[];
}

/**
 * Reads a page that is written so plainly that every parser must read it the same: known elements, closed in the order in which they were opened, tables made of
 * rows and cells. null: it is not, which says nothing of what it is; then a whole parser must look. Never throws.
 */
export function readSoundHtml(html: string): SoundPage | null {
  if (html.length > MAX_LENGTH) return null;
  const reader: Reader = { html, at: 0, open: [], head: 'before', tags: new Map(), sheets: [], links: [] };
  while (reader.head !== 'over') if (!readNext(reader)) return null;
  const [root, body] = [reader.tags.get('html'), reader.tags.get('body')];
  const end = reader.at;
  if (!root || !body || !END.test(html.slice(end))) return null;
  return { end, html: root, body, sheets: reader.sheets, links: reader.links };
}

/** Gmail shows no more. */
const MAX_LENGTH = 200_000;

interface Reader {
  readonly html: string;
  at: number;
  /** Elements that are open inside of body. */
  readonly open: string[];
  head: 'before' | 'in' | 'after' | 'body' | 'over';
  readonly tags: Map<string, Tag>;
  readonly sheets: string[];
  readonly links: Tag[];
}

// Blanks as HTML has them: to a parser no other is one.
/** What may follow: the ends of body and of the page, comments, blanks. */
const END = /^<\/body[\t\n\f\r ]*>(?:[\t\n\f\r ]|<!--(?!-?>)(?:(?!--!?>)[^])*-->|<\/html[\t\n\f\r ]*>)*$/i;
const START_TAG =
  /<([a-z][a-z0-9]*)((?:[\t\n\f\r ]+[^\t\n\f\r "'<>/=]+(?:[\t\n\f\r ]*=[\t\n\f\r ]*(?:"[^"]*"|'[^']*'|[^\t\n\f\r "'=<>`]+))?){0,60})[\t\n\f\r ]*\/?>/iy;
const END_TAG = /<\/([a-z][a-z0-9]*)[\t\n\f\r ]*>/iy;
const ATTRIBUTE = /([^\t\n\f\r "'<>/=]+)(?:[\t\n\f\r ]*=[\t\n\f\r ]*(?:"([^"]*)"|'([^']*)'|([^\t\n\f\r "'=<>`]+)))?/g;
const ENDS = { style: /<\/style(?=[\t\n\f\r />])/gi, title: /<\/title(?=[\t\n\f\r />])/gi };

const words = (text: string): ReadonlySet<string> => new Set(text.split(' '));
const VOID = words('br hr img meta link wbr');
const BLOCKS = words('div center blockquote section article header footer main ul ol li table h1 h2 h3 h4 h5 h6 p hr');
const KNOWN = words(
  'div center blockquote section article header footer main ul ol li table tbody thead tfoot tr td th h1 h2 h3 h4 h5 h6 p span a b strong i em u s font small big sup sub',
);
/** What an element must stand in, where that matters; what it may hold and nothing else. */
const PARENTS: ReadonlyMap<string, ReadonlySet<string>> = new Map([
  ['tbody', words('table')],
  ['thead', words('table')],
  ['tfoot', words('table')],
  ['tr', words('table tbody thead tfoot')],
  ['td', words('tr')],
  ['th', words('tr')],
  ['li', words('ul ol')],
]);
const FRAMES = words('table tbody thead tfoot tr');

function readNext(reader: Reader): boolean {
  const { html, at } = reader;
  const tag = html.indexOf('<', at);
  if (tag === -1 || !mayHoldText(reader, html.slice(at, tag))) return false;
  reader.at = tag;
  const next = html.charCodeAt(tag + 1);
  if (next === 0x21 || next === 0x3f) return skipComment(reader);
  if (next === 0x2f) return readEnd(reader);
  return readStart(reader);
}

function mayHoldText({ head, open }: Reader, text: string): boolean {
  const isAnywhere = head === 'body' && !FRAMES.has(open.at(-1) ?? '');
  return isAnywhere || /^[\t\n\f\r ]*$/.test(text);
}

// Whatever is no comment of its own ends at the next bracket: a doctype, an instruction, the half of a conditional comment.
function skipComment(reader: Reader): boolean {
  const { html, at } = reader;
  const isComment = html.startsWith('<!--', at);
  const end = html.indexOf(isComment ? '-->' : '>', isComment ? at + 4 : at);
  if (end === -1) return false;
  if (isComment && (/^-?>/.test(html.slice(at + 4, at + 6)) || html.slice(at + 4, end).includes('--!>'))) return false;
  reader.at = end + (isComment ? 3 : 1);
  return true;
}

function readEnd(reader: Reader): boolean {
  END_TAG.lastIndex = reader.at;
  const found = END_TAG.exec(reader.html);
  const name = found?.[1]?.toLowerCase() ?? '';
  if (name === 'body' && reader.head === 'body' && reader.open.length === 0) {
    reader.head = 'over';
    return true;
  }
  reader.at += found?.[0].length ?? 0;
  if (name === 'head' && reader.head === 'in') {
    reader.head = 'after';
    return true;
  }
  return reader.head === 'body' && name !== '' && reader.open.pop() === name;
}

function readStart(reader: Reader): boolean {
  START_TAG.lastIndex = reader.at;
  const found = START_TAG.exec(reader.html);
  if (!found) return false;
  const name = (found[1] ?? '').toLowerCase();
  reader.at = START_TAG.lastIndex;
  if (name === 'html' || name === 'head' || name === 'body') return enter(reader, name, found[2] ?? '');
  if (name === 'style' || name === 'title') return readRaw(reader, name);
  if (name === 'link') reader.links.push(tagOf(name, found[2] ?? ''));
  return reader.head === 'body' ? open(reader, name) : reader.head === 'in' && (name === 'meta' || name === 'link');
}

// What is left out between them is implied.
function enter(reader: Reader, name: 'html' | 'head' | 'body', attributes: string): boolean {
  // Letters that stand for others would have to be read first.
  if (reader.tags.has(name) || reader.head === 'body' || attributes.includes('&')) return false;
  if (name === 'head' && reader.head !== 'before') return false;
  if (name === 'html' ? reader.tags.size > 0 : !reader.tags.has('html')) return false;
  reader.tags.set(name, tagOf(name, attributes));
  if (name !== 'html') reader.head = name === 'head' ? 'in' : 'body';
  return true;
}

function readRaw(reader: Reader, name: 'style' | 'title'): boolean {
  const isHere = reader.head === 'in' || (reader.head === 'body' && !FRAMES.has(reader.open.at(-1) ?? ''));
  const end = ENDS[name];
  end.lastIndex = reader.at;
  const found = end.exec(reader.html);
  if (!isHere || !found) return false;
  if (name === 'style') reader.sheets.push(reader.html.slice(reader.at, found.index).replace(/\r\n?/g, '\n'));
  END_TAG.lastIndex = found.index;
  if (!END_TAG.test(reader.html)) return false;
  reader.at = END_TAG.lastIndex;
  return true;
}

function open({ open: opened }: Reader, name: string): boolean {
  const parent = opened.at(-1) ?? 'body';
  if (!VOID.has(name) && !KNOWN.has(name)) return false;
  if (PARENTS.has(name) ? !PARENTS.get(name)?.has(parent) : FRAMES.has(parent)) return false;
  // A paragraph would end before it, a heading or a link in another one too.
  if (BLOCKS.has(name) && isIn(opened, 'p')) return false;
  if ((name === 'a' && opened.includes('a')) || (/^h[1-6]$/.test(name) && /^h[1-6]$/.test(parent))) return false;
  if (!VOID.has(name)) opened.push(name);
  return true;
}

/** Is an element open, as far as the nearest cell reaches? */
function isIn(opened: readonly string[], name: string): boolean {
  for (let at = opened.length - 1; at >= 0; at -= 1) {
    if (opened[at] === name) return true;
    if (opened[at] === 'td' || opened[at] === 'th') return false;
  }
  return false;
}

function tagOf(tagName: string, attributes: string): Tag {
  const attrs: { name: string; value: string }[] = [];
  for (const [, name = '', ...values] of attributes.matchAll(ATTRIBUTE)) {
    const value = values.join('');
    // Of two with the same name the first counts.
    if (!attrs.some((one) => one.name === name.toLowerCase())) attrs.push({ name: name.toLowerCase(), value });
  }
  return { tagName, attrs };
}
