import { parseDeclarations, type Declarations, type Rule } from './css.js';
import { INHERITED_STYLES, judgeStyle, withoutPrefix, type Verdict } from './hiding-styles.js';
import { attributeOf, type Tag } from './nodes.js';
import { whyPseudoHides } from './pseudo.js';
import type { Sheets } from './sheets.js';

/**
 * Why text inside the first element of `chain` is not seen, in words a marketer understands; null when it is. Looks at
 * element kinds, attributes, inline styles and style sheets. In doubt it is hidden: a rule in @media counts always.
 */
export function whyHidden(chain: readonly Tag[], sheets: Sheets): string | null {
  if (chain.length > MAX_DEPTH) return 'it is nested too deep';
  if (sheets.isTooLong) return 'the style sheets of the mail are too long to look through';
  const { outright, inherited } = standingOf(chain, sheets);
  return outright ?? inherited.find((why) => why !== null) ?? whyPseudoHides(chain, sheets);
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

/** What an element and those around it mean for its text. */
interface Standing {
  /** Why it is hidden, whatever stands further in. */
  readonly outright: string | null;
  /** For each property that a child can set anew: why it hides, as the nearest element has it that says something. */
  readonly inherited: readonly (string | null)[];
}

/** Of elements that were looked at, as long as their page is. */
const seen = new WeakMap<Sheets, WeakMap<Tag, Standing>>();
const OUTSIDE: Standing = { outright: null, inherited: INHERITED_STYLES.map(() => null) };

function standingOf(chain: readonly Tag[], sheets: Sheets): Standing {
  const known = seen.get(sheets) ?? new WeakMap<Tag, Standing>();
  seen.set(sheets, known);
  const first = chain.findIndex((element) => known.has(element));
  const nearest = chain[first];
  let standing = (nearest && known.get(nearest)) ?? OUTSIDE;
  for (let at = (first < 0 ? chain.length : first) - 1; at >= 0; at -= 1) {
    const element = chain[at];
    if (!element) continue;
    standing = stand(element, makeLooks(attributeOf(element, 'style') ?? '', sheets.matching(chain, at)), standing);
    known.set(element, standing);
  }
  return standing;
}

/** How an element stands inside another. */
function stand(element: Tag, looks: readonly Look[], around: Standing): Standing {
  const on = (look: Look): string => `the style "${look.value}" on <${element.tagName}> hides it`;
  const always = looks.find(({ hides }) => hides === 'always');
  return {
    outright: whyUnseen(element) ?? (always ? on(always) : around.outright),
    inherited:
      looks.length === 0
        ? around.inherited
        : INHERITED_STYLES.map((property, i) => {
            const said = looks.filter((one) => one.property === property || one.property === 'all');
            const hiding = said.find((one) => one.property === property && one.hides === 'inherited');
            return hiding ? on(hiding) : said.length > 0 ? null : (around.inherited[i] ?? null);
          }),
  };
}

function whyUnseen(element: Tag): string | null {
  if (UNSEEN.has(element.tagName)) return `it stands inside <${element.tagName}>`;
  const attribute = hidingAttribute(element);
  return attribute === null ? null : `it stands inside <${element.tagName} ${attribute}>`;
}

function makeLooks(style: string, rules: readonly Rule[]): readonly Look[] {
  return rules.length === 0 ? inlineLooks(style) : cascadedLooks(style, rules);
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

function cascadedLooks(style: string, rules: readonly Rule[]): readonly Look[] {
  const inline = parseDeclarations(style);
  const reset = inline.get('all');
  const everything = reset?.value === 'initial' || reset?.value === 'unset' ? reset : undefined;
  // An inline style beats a sheet, unless only the sheet is important.
  const winning = rules.map(({ declarations }) =>
    [...declarations].filter(([property, { important }]) => {
      const own = inline.get(property) ?? everything;
      return own === undefined || (important && !own.important);
    }),
  );
  if (everything?.important === true && winning.every((one) => one.length === 0)) return inlineLooks(style);
  // What one rule says may hide only together with what another says: overflow here, height there.
  const all = new Map([...rules.flatMap(({ declarations }) => [...declarations]), ...inline]);
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
