import type { Tag } from './nodes.js';

/** What a selector looks at; id and classes in lower case, since a page without a doctype does not tell cases apart. */
export interface Styled {
  readonly tag: string;
  readonly id: string;
  readonly classes: readonly string[];
  readonly attributes: ReadonlyMap<string, string>;
}

/** What selectors look at of an element. */
export function toStyled(element: Tag): Styled {
  const attributes = new Map(element.attrs.map(({ name, value }) => [name, value]));
  return {
    tag: element.tagName,
    id: (attributes.get('id') ?? '').toLowerCase(),
    classes: (attributes.get('class') ?? '').toLowerCase().split(/\s+/),
    attributes,
  };
}

/** A CSS selector, read once. */
export interface Selector {
  /** What an element must have to be met: `#id`, `.class` or `tag`, in lower case; null: any may be met. */
  readonly key: string | null;
  /** So many elements may have to be looked at, at most, to tell. */
  readonly steps: number;
  /**
   * Could it match the first of `chain` (an element, its parent, and so on up to html)? A yes may be wrong, a no is not: states such as :hover, siblings and
   * functions such as :not() count as met. Pseudo-elements never match.
   */
  readonly mayMatch: (chain: readonly Styled[]) => boolean;
  /** The pseudo-element that it leads to; null when it leads to an element. */
  readonly pseudo: Pseudo | null;
}

/** The name of a pseudo-element, and the selector of the element that it belongs to. */
export interface Pseudo {
  readonly name: string;
  readonly owner: string;
}

/** What is longer is not read: it counts as met. */
const MAX_LENGTH = 500;

/** Of sheets that come again and again, with each mail of a sender. */
const known = new Map<string, Selector>();
const MAX_KNOWN = 2_000;

/** Reads one selector, of no list. Never throws. */
export function readSelector(text: string): Selector {
  const found = known.get(text);
  if (found) return found;
  const selector = { ...read(text), pseudo: pseudoOf(text) };
  if (known.size >= MAX_KNOWN) known.clear();
  if (text.length <= MAX_LENGTH) known.set(text, selector);
  return selector;
}

function read(selector: string): Omit<Selector, 'pseudo'> {
  if (selector.length > MAX_LENGTH) return { key: null, steps: 1, mayMatch: () => true };
  if (pseudoOf(selector)) return { key: null, steps: 0, mayMatch: () => false };
  const bare = withoutArguments(selector);
  if (/[()]/.test(bare)) return { key: null, steps: 1, mayMatch: () => true };
  const steps = bare
    .replace(/ ?([>+~]) ?/g, '$1')
    .split(/(?=[\s>+~])(?![^[(]*[\])])/)
    .reverse();
  const compounds = steps.map(readCompound);
  const combinators = steps.map((step) => step[0] ?? '');
  return {
    key: keyOf(steps[0] ?? ''),
    steps: steps.length,
    mayMatch: (chain) =>
      chain[0] !== undefined && compounds[0]?.(chain[0]) === true && areMet(compounds, combinators, chain),
  };
}

function pseudoOf(selector: string): Pseudo | null {
  const isLong = selector.length > MAX_LENGTH;
  const blank = isLong ? selector : selector.replace(/\[[^\]]*\]/g, (attribute) => '_'.repeat(attribute.length));
  const found = /::([\w-]+)|:(before|after|first-line|first-letter)\b/i.exec(blank);
  if (!found) return null;
  const owner = isLong ? '' : selector.slice(0, found.index);
  return {
    name: (found[1] ?? found[2] ?? '').toLowerCase(),
    owner: /(?:^|[\s>+~])$/.test(owner) ? `${owner}*` : owner,
  };
}

// What functions ask for counts as met, however deep they are nested.
function withoutArguments(selector: string): string {
  let bare = selector;
  for (let depth = 0; depth < 10 && bare.includes('('); depth += 1) bare = bare.replace(/\([^()]*\)/g, '');
  return bare;
}

type Test = (element: Styled) => boolean;

/** The nearest that fits is taken: in doubt, all are met. */
function areMet(compounds: readonly Test[], combinators: readonly string[], chain: readonly Styled[]): boolean {
  let at = 1;
  for (let i = 1; i < compounds.length; i += 1) {
    const combinator = combinators[i - 1];
    if (combinator === '+' || combinator === '~') return true;
    const test = compounds[i];
    while (at < chain.length && test?.(chain[at] as Styled) !== true) at += 1;
    if (at === chain.length) return false;
    at += 1;
  }
  return true;
}

function simplesOf(step: string): readonly string[] {
  return step.replace(/^[\s>+~]+/, '').match(/\[[^\]]*\]|:[\w-]+(?:\([^)]*\))?|[.#]?[^.#:[\s]+/g) ?? [];
}

function readCompound(step: string): Test {
  const tests = simplesOf(step).map(readSimple);
  return (element) => tests.every((test) => test(element));
}

function keyOf(step: string): string | null {
  const named = simplesOf(step).filter((simple) => /^[.#]?[\w-]+$/.test(simple));
  const best = named.find((one) => one.startsWith('#')) ?? named.find((one) => one.startsWith('.')) ?? named[0];
  return best?.toLowerCase() ?? null;
}

function readSimple(simple: string): Test {
  // `&` is what a rule around this one has chosen.
  if (simple.startsWith(':') || simple.startsWith('&')) return () => true;
  const name = simple.slice(1).toLowerCase();
  if (simple.startsWith('.')) return (element) => element.classes.includes(name);
  if (simple.startsWith('#')) return (element) => element.id === name;
  if (simple.startsWith('[')) return readAttribute(simple);
  if (simple === '*' || simple.includes('|')) return () => true;
  const tag = simple.toLowerCase();
  return (element) => element.tag === tag;
}

function readAttribute(simple: string): Test {
  const [, name = '', mark = '', value = ''] = /^\[\s*([\w:-]+)\s*([~|^$*]?=)?\s*["']?([^"'\]]*)/.exec(simple) ?? [];
  const attribute = name.toLowerCase();
  // The reader of style sheets writes _ where a string holds what could be taken for structure.
  const isAny = mark === '' || value.includes('_');
  const wanted = value.trim().toLowerCase();
  return ({ attributes }) => {
    const actual = attributes.get(attribute);
    return actual !== undefined && (isAny || actual.toLowerCase().includes(wanted));
  };
}
