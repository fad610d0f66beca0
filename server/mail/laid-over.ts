import type { DefaultTreeAdapterTypes } from 'parse5';
import { parseDeclarations, type Declarations } from './css.js';
import { attributeOf, chainOf, nodesOf } from './nodes.js';
import { isHeavy, makeSheets, type Sheets } from './sheets.js';

type Document = DefaultTreeAdapterTypes.Document;
type Element = DefaultTreeAdapterTypes.Element;

/** The highest there is: what is higher counts as this. */
const TOP = 2_147_483_647;

/**
 * Why a box that comes after the footer may lie over it; null when none does. The footer lies as high as can be, so only a box as high that comes later can. What
 * a condition may bring counts. `box`: the footer.
 */
export function whyLaidOver(document: Document, box: Element, sheets: Sheets): string | null {
  const high = makeSheets(sheets.rules.filter(({ declarations }) => isTop(declarations)));
  if (high.rules.length > 0 && isHeavy(document, high)) return 'a box that comes after it may lie over it';
  const mine = new Set<unknown>(nodesOf(box));
  let isAfter = false;
  for (const node of nodesOf(document)) {
    if (node === box) isAfter = true;
    if (!isAfter || mine.has(node) || !('tagName' in node)) continue;
    if (isLaidOver(node, high)) return `a box that comes after it, <${node.tagName}>, may lie over it`;
  }
  return null;
}

function isLaidOver(element: Element, high: Sheets): boolean {
  if (isTop(parseDeclarations(attributeOf(element, 'style') ?? ''))) return true;
  return high.rules.length > 0 && high.matching(chainOf(element), 0).length > 0;
}

// Whether it has a position too, or stands in a flex box, another rule may say.
function isTop(declarations: Declarations): boolean {
  const value = declarations.get('z-index')?.value ?? '';
  return Number.parseFloat(value) >= TOP || /^[a-z-]+\(/.test(value);
}
