import type { DefaultTreeAdapterTypes } from 'parse5';
import { parseDeclarations, parseRules, type Declarations, type Rule } from './css.js';
import { INHERITED_STYLES, judgeStyle, withoutPrefix, type Verdict } from './hiding-styles.js';
import { attributeOf, nodesOf, textOf, type Tag } from './nodes.js';
import { whyPseudoHides } from './pseudo.js';
import { mayMatch, toStyled, type Styled } from './selector.js';

/** The rules of all <style> elements of a document. */
export function styleRules(document: DefaultTreeAdapterTypes.Document): Rule[] {
  const rules: Rule[] = [];
  for (const node of nodesOf(document)) {
    if (node.nodeName === 'style' && 'tagName' in node) rules.push(...parseRules(textOf(node)));
  }
  return rules;
}

/**
 * Why text inside the first element of `chain` is not seen, in words a marketer understands; null when it is. Looks at
 * element kinds, attributes, inline styles and style sheets. In doubt it is hidden: a rule in @media counts always.
 */
export function whyHidden(chain: readonly Tag[], rules: readonly Rule[]): string | null {
  if (chain.length > MAX_DEPTH) return 'it is nested too deep';
  const styled = chain.map(toStyled);
  const looks = chain.map((element, i) => lookOf(element, styled.slice(i), rules));
  for (const [i, element] of chain.entries()) {
    if (UNSEEN.has(element.tagName)) return `it stands inside <${element.tagName}>`;
    const attribute = hidingAttribute(element);
    if (attribute) return `it stands inside <${element.tagName} ${attribute}>`;
    const hiding = (looks[i] ?? []).find(({ hides }) => hides === 'always');
    if (hiding) return `${hiding.words} on <${element.tagName}> hides it`;
  }
  return whyInheritedHidden(chain, looks) ?? whyPseudoHides(styled, rules);
}

interface Look {
  readonly property: string;
  readonly hides: Verdict;
  readonly words: string;
}

/** Mail programs give up long before. */
const MAX_DEPTH = 256;

const UNSEEN = new Set(
  `audio canvas datalist dialog head iframe marquee math noembed noframes noscript object optgroup option
  rp script select style svg template textarea title video xmp`.split(/\s+/),
);

function hidingAttribute(element: Tag): string | null {
  const has = (name: string) => attributeOf(element, name) !== null;
  if (has('hidden')) return 'hidden';
  if (attributeOf(element, 'aria-hidden')?.toLowerCase() === 'true') return 'aria-hidden="true"';
  if (element.tagName === 'details' && !has('open')) return 'closed';
  return has('inert') ? 'inert' : null;
}

/** Properties that a child can set anew: the nearest element that says something decides. */
function whyInheritedHidden(chain: readonly Tag[], looks: readonly (readonly Look[])[]): string | null {
  for (const property of INHERITED_STYLES) {
    const at = looks.findIndex((look) => look.some((one) => one.property === property || one.property === 'all'));
    const look = looks[at]?.find((one) => one.property === property && one.hides === 'inherited');
    if (look) return `${look.words} on <${chain[at]?.tagName ?? ''}> hides it`;
  }
  return null;
}

function lookOf(element: Tag, chain: readonly Styled[], rules: readonly Rule[]): Look[] {
  const inline = parseDeclarations(attributeOf(element, 'style') ?? '');
  const sheets = rules.filter((rule) => rule.selectors.some((selector) => mayMatch(selector, chain)));
  // What one rule says may hide only together with what another says: overflow here, height there.
  const all = new Map([...sheets.flatMap(({ declarations }) => [...declarations]), ...inline]);
  const looks = looksOf(inline, all);
  const reset = inline.get('all');
  const everything = reset?.value === 'initial' || reset?.value === 'unset' ? reset : undefined;
  for (const { declarations } of sheets) {
    // An inline style beats a sheet, unless only the sheet is important.
    const winning = new Map(
      [...declarations].filter(([property, { important }]) => {
        const own = inline.get(property) ?? everything;
        return own === undefined || (important && !own.important);
      }),
    );
    looks.unshift(...looksOf(winning, all).filter(({ hides }) => hides !== 'no'));
  }
  return looks;
}

function looksOf(declarations: Declarations, fallback: Declarations): Look[] {
  const value = (property: string) => (declarations.get(property) ?? fallback.get(property))?.value ?? '';
  return [...declarations.keys()].map((property) => ({
    property: property === 'font' ? 'font-size' : withoutPrefix(property),
    hides: judgeStyle(property, value),
    words: `the style "${property}: ${value(property).slice(0, 40)}"`,
  }));
}
