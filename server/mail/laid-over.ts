import type { DefaultTreeAdapterTypes } from 'parse5';
import { parseDeclarations, type Declarations, type Rule } from './css.js';
import { attributeOf, chainOf, nodesOf, type Tag } from './nodes.js';
import { mayMatch, toStyled } from './selector.js';

type Document = DefaultTreeAdapterTypes.Document;
type Element = DefaultTreeAdapterTypes.Element;

/** The highest there is: what is higher counts as this. */
const TOP = 2_147_483_647;

/**
 * Why a box that comes after the footer may lie over it; null when none does. The footer lies as high as can be, so only a box as high that comes later can. What
 * a condition may bring counts. `box`: the footer.
 */
export function whyLaidOver(document: Document, box: Element, rules: readonly Rule[]): string | null {
  const high = rules.filter(({ declarations }) => isTop(declarations));
  const mine = new Set<unknown>(nodesOf(box));
  let isAfter = false;
  for (const node of nodesOf(document)) {
    if (node === box) isAfter = true;
    if (!isAfter || mine.has(node) || !('tagName' in node)) continue;
    if (isLaidOver(node, high)) return `a box that comes after it, <${node.tagName}>, may lie over it`;
  }
  return null;
}

function isLaidOver(element: Element, high: readonly Rule[]): boolean {
  if (isTop(parseDeclarations(attributeOf(element, 'style') ?? ''))) return true;
  if (high.length === 0) return false;
  const chain = chainOf(element).map((one: Tag) => toStyled(one));
  return high.some(({ selectors }) => selectors.some((selector) => mayMatch(selector, chain)));
}

// Whether it has a position too, or stands in a flex box, another rule may say.
function isTop(declarations: Declarations): boolean {
  const value = declarations.get('z-index')?.value ?? '';
  return Number.parseFloat(value) >= TOP || /^[a-z-]+\(/.test(value);
}
