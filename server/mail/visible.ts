import { parse, type DefaultTreeAdapterTypes } from 'parse5';
import { backgroundSwallows } from './colour.js';
import type { Rule } from './css.js';
import { styleRules, whyHidden } from './hidden.js';
import { attributeOf, chainOf, nodesOf } from './nodes.js';

type Document = DefaultTreeAdapterTypes.Document;
type Element = DefaultTreeAdapterTypes.Element;

/** How many links to the same URL are looked at. */
const MAX_LINKS = 50;

/**
 * Reads an HTML text as a browser does and says, for a URL, why no link to it can be seen; null when one can (F-12). A link
 * counts when it has words, lies in body, and nothing around it hides it: element, attribute, inline style or style
 * sheet of the mail. External sheets and things laid over the link are not looked at.
 */
export function proveLinks(html: string): (url: string) => string | null {
  const document = parse(html);
  const rules = styleRules(document);
  return (url) => {
    const links = linksTo(document, url);
    if (links.length === 0) return whySwallowed(document, url);
    const reasons = links.map((link) => whyLinkHidden(link, rules));
    return reasons.includes(null) ? null : (reasons[0] ?? null);
  };
}

function linksTo(document: Document, url: string): Element[] {
  const links: Element[] = [];
  for (const node of nodesOf(document)) {
    if ('tagName' in node && node.tagName === 'a' && attributeOf(node, 'href')?.trim() === url) links.push(node);
    if (links.length === MAX_LINKS) break;
  }
  return links;
}

function whyLinkHidden(link: Element, rules: readonly Rule[]): string | null {
  let reason = 'it has no words';
  for (const node of nodesOf(link)) {
    if (node.nodeName !== '#text' || !('value' in node) || !/[\p{L}\p{N}]/u.test(node.value)) continue;
    const chain = chainOf(node);
    if (!chain.some(({ tagName }) => tagName === 'body')) return 'it is not in the body';
    const hidden = whyHidden(chain, rules) ?? backgroundSwallows(chain);
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
