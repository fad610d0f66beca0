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
    if (hiding) return `${inWords(hiding)} on <${element.tagName}> hides it`;
  }
  return whyInheritedHidden(chain, looks) ?? whyPseudoHides(styled, rules);
}

/** A declaration that hides, or that says anew what would be inherited. */
interface Look {
  readonly property: string;
  readonly hides: Verdict;
  readonly value: string;
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
    if (look) return `${inWords(look)} on <${chain[at]?.tagName ?? ''}> hides it`;
  }
  return null;
}

function lookOf(element: Tag, chain: readonly Styled[], rules: readonly Rule[]): readonly Look[] {
  const style = attributeOf(element, 'style') ?? '';
  const sheets = rules.filter((rule) => rule.selectors.some((selector) => mayMatch(selector, chain)));
  return sheets.length === 0 ? inlineLooks(style) : cascadedLooks(style, sheets);
}

/** Of styles that come again and again, as the footer's own. */
const known = new Map<string, readonly Look[]>();
const MAX_KNOWN = 100;

function inlineLooks(style: string): readonly Look[] {
  const found = known.get(style);
  if (found) return found;
  const inline = parseDeclarations(style);
  const looks = looksOf(inline, inline);
  if (known.size >= MAX_KNOWN) known.clear();
  if (style.length <= 2_000) known.set(style, looks);
  return looks;
}

function cascadedLooks(style: string, sheets: readonly Rule[]): readonly Look[] {
  const inline = parseDeclarations(style);
  const reset = inline.get('all');
  const everything = reset?.value === 'initial' || reset?.value === 'unset' ? reset : undefined;
  // An inline style beats a sheet, unless only the sheet is important.
  const winning = sheets.map(({ declarations }) =>
    [...declarations].filter(([property, { important }]) => {
      const own = inline.get(property) ?? everything;
      return own === undefined || (important && !own.important);
    }),
  );
  if (everything?.important === true && winning.every((one) => one.length === 0)) return inlineLooks(style);
  // What one rule says may hide only together with what another says: overflow here, height there.
  const all = new Map([...sheets.flatMap(({ declarations }) => [...declarations]), ...inline]);
  const looks = looksOf(inline, all);
  for (const declarations of winning)
    looks.unshift(...looksOf(new Map(declarations), all).filter(({ hides }) => hides !== 'no'));
  return looks;
}

function looksOf(declarations: Declarations, fallback: Declarations): Look[] {
  const valueOf = (property: string) => (declarations.get(property) ?? fallback.get(property))?.value ?? '';
  const looks: Look[] = [];
  for (const given of declarations.keys()) {
    const property = given === 'font' ? 'font-size' : withoutPrefix(given);
    const hides = judgeStyle(given, valueOf);
    if (hides !== 'no' || property === 'all' || INHERITED_STYLES.includes(property))
      looks.push({ property, hides, value: `${given}: ${valueOf(given).slice(0, 40)}` });
  }
  return looks;
}

function inWords({ value }: Look): string {
  return `the style "${value}"`;
}
