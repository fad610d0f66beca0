import { parse } from 'parse5';
import { escapeHtml } from './escape.js';
import { hasHole } from './hole.js';
import { attributeOf, nodesOf } from './nodes.js';

/** A link that leads to the web, and where it stands in the HTML. */
interface Position {
  readonly url: string;
  /** Of the whole attribute. */
  readonly start: number;
  readonly end: number;
}

/** The addresses of an HTML text to which one is led by a press, each once, as they are written. Not those that are filled for each recipient, and no pictures. */
export function linksIn(html: string): string[] {
  return [...new Set(positionsIn(html).map(({ url }) => url))];
}

/** The HTML with some of these addresses replaced, everything else as it is; null leaves one alone. */
export function replaceLinks(html: string, replace: (url: string) => string | null): string {
  let done = 0;
  let text = '';
  for (const { url, start, end } of positionsIn(html)) {
    const to = replace(url);
    if (to === null) continue;
    text += `${html.slice(done, start)}href="${escapeHtml(to)}"`;
    done = end;
  }
  return text + html.slice(done);
}

function positionsIn(html: string): Position[] {
  const found: Position[] = [];
  for (const node of nodesOf(parse(html, { sourceCodeLocationInfo: true }))) {
    if (!('tagName' in node) || (node.tagName !== 'a' && node.tagName !== 'area')) continue;
    const url = attributeOf(node, 'href')?.trim() ?? '';
    const at = node.sourceCodeLocation?.attrs?.['href'];
    if (at && /^https?:\/\//i.test(url) && !hasHole(url)) found.push({ url, start: at.startOffset, end: at.endOffset });
  }
  // One tag can stand for several elements, where the markup is crossed.
  const places = new Map(found.map((one) => [one.start, one]));
  return [...places.values()].sort((a, b) => a.start - b.start);
}
