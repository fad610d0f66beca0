import type { DefaultTreeAdapterTypes } from 'parse5';
import { parseRules, type Declarations, type Rule } from './css.js';
import { nodesOf, textOf, type Tag } from './nodes.js';
import { readSelector, toStyled, type Selector, type Styled } from './selector.js';

/**
 * What the style sheets of a page may say of its elements. It is remembered for each element, so that a page must not change, nor an element stand elsewhere,
 * while it is asked.
 */
export interface Sheets {
  /** In order. */
  readonly rules: readonly Rule[];
  /** Rules that may match an element: the one at place `at` of a chain (an element, its parent, and so on up to html); in order. */
  matching(chain: readonly Tag[], at: number): readonly Rule[];
  /** Rules for pseudo-elements of such an element. */
  pseudo(chain: readonly Tag[], at: number): readonly PseudoRule[];
  /** They have more rules than anybody waits for (T11): not all are here. */
  readonly isTooLong: boolean;
  /** So many steps it takes at most to find what holds for an element. */
  readonly steps: number;
}

/** What a rule says of a pseudo-element. */
export interface PseudoRule {
  /** `before`, `after`, `first-line` and so on. */
  readonly name: string;
  readonly declarations: Declarations;
}

/** Those of large newsletters have 100,000 letters, and take 2,500 steps. */
const MAX_LENGTH = 1_000_000;
const MAX_STEPS = 20_000;
/** A large newsletter takes 300,000 steps for all of its elements. */
const MAX_IN_ALL = 3_000_000;

/** Would it take too long to find what holds for all elements of a page (T11)? */
export function isHeavy(document: DefaultTreeAdapterTypes.Document, sheets: Sheets): boolean {
  let elements = 0;
  for (const node of nodesOf(document)) if ('tagName' in node) elements += 1;
  return sheets.isTooLong || elements * sheets.steps > MAX_IN_ALL;
}

/** The style sheets of a page; `keeps`: which of their rules count. */
export function sheetsOf(document: DefaultTreeAdapterTypes.Document, keeps?: (rule: Rule) => boolean): Sheets {
  const texts: string[] = [];
  for (const node of nodesOf(document)) if (node.nodeName === 'style' && 'tagName' in node) texts.push(textOf(node));
  return readSheets(texts, keeps);
}

/** Rules that count whatever the window, the device or the theme. */
export function isUnconditional({ conditional }: Rule): boolean {
  return !conditional;
}

/** Style sheets from their texts. */
export function readSheets(texts: readonly string[], keeps: (rule: Rule) => boolean = () => true): Sheets {
  const length = texts.reduce((sum, text) => sum + text.length, 0);
  return length > MAX_LENGTH ? { ...makeSheets([]), isTooLong: true } : makeSheets(rulesIn(texts, keeps));
}

function* rulesIn(texts: readonly string[], keeps: (rule: Rule) => boolean): Generator<Rule> {
  for (const text of texts) for (const rule of parseRules(text)) if (keeps(rule)) yield rule;
}

/** Rules, ready to be asked. */
export function makeSheets(given: Iterable<Rule>): Sheets {
  const styled = new WeakMap<Tag, Styled>();
  const stylesOf = (chain: readonly Tag[], at: number): Styled[] =>
    chain.slice(at).map((element) => {
      const known = styled.get(element) ?? toStyled(element);
      styled.set(element, known);
      return known;
    });
  const [own, pseudo] = [new Index<Rule>(stylesOf), new Index<PseudoRule>(stylesOf)];
  const rules: Rule[] = [];
  let steps = 0;
  for (const rule of given) {
    rules.push(rule);
    steps += rule.declarations.size;
    for (const text of rule.selectors) {
      const selector = readSelector(text);
      const { pseudo: found } = selector;
      steps += own.add(selector, rule);
      if (found) steps += pseudo.add(readSelector(found.owner), { name: found.name, declarations: rule.declarations });
      if (steps > MAX_STEPS) break;
    }
    if (steps > MAX_STEPS) break;
  }
  return {
    ...{ rules, steps, isTooLong: steps > MAX_STEPS },
    matching: (chain, at) => own.matching(chain, at),
    pseudo: (chain, at) => pseudo.matching(chain, at),
  };
}

interface Entry<T> {
  readonly place: number;
  readonly selector: Selector;
  readonly value: T;
}

/** Finds values by what their selectors need at least, as browsers do. */
class Index<T> {
  readonly #stylesOf: (chain: readonly Tag[], at: number) => Styled[];
  readonly #byKey = new Map<string | null, Entry<T>[]>();
  readonly #known = new WeakMap<Tag, readonly T[]>();
  #size = 0;

  constructor(stylesOf: (chain: readonly Tag[], at: number) => Styled[]) {
    this.#stylesOf = stylesOf;
  }

  /** Says how many steps that adds. */
  add(selector: Selector, value: T): number {
    if (selector.steps === 0) return 0;
    const same = this.#byKey.get(selector.key) ?? [];
    if (same.length === 0) this.#byKey.set(selector.key, same);
    same.push({ place: this.#size, selector, value });
    this.#size += 1;
    return selector.steps;
  }

  /** Each value once, in the order in which they came. */
  matching(chain: readonly Tag[], at: number): readonly T[] {
    const element = chain[at];
    if (!element || this.#size === 0) return [];
    const known = this.#known.get(element);
    if (known) return known;
    const styled = this.#stylesOf(chain, at);
    const met = this.#candidates(styled[0]).filter(({ selector }) => selector.mayMatch(styled));
    const values = [...new Set(met.sort((a, b) => a.place - b.place).map(({ value }) => value))];
    this.#known.set(element, values);
    return values;
  }

  #candidates(element: Styled | undefined): Entry<T>[] {
    if (!element) return [];
    const keys = [null, element.tag, `#${element.id}`, ...new Set(element.classes.map((name) => `.${name}`))];
    return keys.flatMap((key) => this.#byKey.get(key) ?? []);
  }
}
