import { parse, type DefaultTreeAdapterTypes } from 'parse5';
import { backgroundSwallows } from './colour.js';
import { importsOf } from './css.js';
import { whyHidden } from './hidden.js';
import { whyLaidOver } from './laid-over.js';
import { attributeOf, chainOf, nodesOf, textOf, type Tag } from './nodes.js';
import { readSheets, sheetsOf, type Sheets } from './sheets.js';
import type { SoundPage } from './sound-html.js';

type Document = DefaultTreeAdapterTypes.Document;
type Element = DefaultTreeAdapterTypes.Element;

/** How many links to the same URL are looked at. */
const MAX_LINKS = 50;

/** Why no link to a URL is seen. `style`: of the element that it must stand in. */
export type Proof = (url: string, style?: string) => string | null;

/**
 * Reads an HTML text as a browser does and says, for a URL, why no link to it can be seen; null when one can (F-12). A link
 * counts when it has words, lies in body, and nothing around it hides it: element, attribute, inline style or style
 * sheet of the mail, or one that it fetches. Of things laid over it, pseudo-elements are looked at, and boxes that come after a footer.
 */
export function proveLinks(html: string): Proof {
  const document = parse(html);
  const sheets = sheetsOf(document);
  const strange = strangeSheet(document);
  return (url, style) => {
    const links = linksTo(document, url);
    if (links.length === 0) return whySwallowed(document, url);
    const reasons = links.map(
      (link) => whyApart(link, style) ?? whyLinkHidden(link, sheets) ?? whyCovered(document, link, style, sheets),
    );
    return reasons.includes(null) ? strange : (reasons[0] ?? null);
  };
}

// The end of an open quotation or comment may swallow the box and leave the link: its styles guard it no more.
function whyApart(link: Element, style: string | undefined): string | null {
  const [, around] = chainOf(link);
  if (style === undefined || (around && attributeOf(around, 'style') === style)) return null;
  return 'something before it is not closed';
}

function whyCovered(document: Document, link: Element, style: string | undefined, sheets: Sheets) {
  const [, box] = chainOf(link);
  return style !== undefined && box ? whyLaidOver(document, box, sheets) : null;
}

/** Services whose style sheets name fonts and nothing else. */
export const FONTS =
  /^(?:https?:)?\/\/(?:fonts\.googleapis\.com|fonts\.bunny\.net|use\.typekit\.net|fonts\.cdnfonts\.com|api\.fontshare\.com)\//i;

/** Why a style sheet that the mail fetches could hide anything, at any time; null when it fetches none but fonts. */
function strangeSheet(document: Document): string | null {
  const tags = [...nodesOf(document)].filter((node) => 'tagName' in node);
  const sheets = tags.filter(({ tagName }) => tagName === 'style').map(textOf);
  return whyStrange(
    tags.filter(({ tagName }) => tagName === 'link'),
    sheets,
  );
}

function whyStrange(links: readonly Tag[], sheets: readonly string[]): string | null {
  const linked = links.filter((link) => /\bstylesheet\b/i.test(attributeOf(link, 'rel') ?? ''));
  const fetched = [...linked.map((link) => attributeOf(link, 'href') ?? ''), ...sheets.flatMap(importsOf)];
  const strange = fetched.find((url) => url !== '' && !FONTS.test(url.trim()));
  if (strange === undefined) return null;
  return `the style sheet "${strange.trim().slice(0, 60)}", which is not in the mail, could hide it`;
}

/** Why a link at the end of a sound page is not seen; null when it is. `inner`: the elements that will stand there, the link first (F-12). */
export function whyUnseenAtEnd(page: SoundPage, inner: readonly Tag[]): string | null {
  const sheets = readSheets(page.sheets);
  const chain = [...inner, page.body, page.html];
  return whyHidden(chain, sheets) ?? backgroundSwallows(chain, sheets) ?? whyStrange(page.links, page.sheets);
}

/** The first links of a page to a URL. */
export function linksTo(document: Document, url: string): Element[] {
  const links: Element[] = [];
  for (const node of nodesOf(document)) {
    if ('tagName' in node && node.tagName === 'a' && attributeOf(node, 'href')?.trim() === url) links.push(node);
    if (links.length === MAX_LINKS) break;
  }
  return links;
}

function whyLinkHidden(link: Element, sheets: Sheets): string | null {
  let reason = 'it has no words';
  for (const node of nodesOf(link)) {
    if (node.nodeName !== '#text' || !('value' in node) || !/[\p{L}\p{N}]/u.test(node.value)) continue;
    const chain = chainOf(node);
    if (!chain.some(({ tagName }) => tagName === 'body')) return 'it is not in the body';
    const hidden = whyHidden(chain, sheets) ?? backgroundSwallows(chain, sheets);
    if (hidden === null) return null;
    reason = hidden;
  }
  return reason;
}

/** Where a URL went that stands in no link. */
function whySwallowed(document: Document, url: string): string {
  for (const node of nodesOf(document)) {
    if (node.nodeName === '#comment' && 'data' in node && node.data.includes(url)) {
      return 'a comment before it is not closed (<!-- without -->)';
    }
    if (node.nodeName === '#text' && 'value' in node && node.value.includes(url)) {
      return `<${chainOf(node)[0]?.tagName ?? 'text'}> before it is not closed`;
    }
    if ('attrs' in node && node.attrs.some(({ value }) => value.includes(url) && value.trim() !== url)) {
      return `a quotation mark in <${node.tagName}> before it is not closed`;
    }
  }
  return 'the page has no place for it: an element before it is not closed';
}
