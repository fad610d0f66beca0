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

/**
 * Could a CSS selector match the first of `chain` (an element, its parent, and so on up to html)? A yes may be wrong, a no
 * is not: states such as :hover, siblings and functions such as :not() count as met. Pseudo-elements never match.
 */
export function mayMatch(selector: string, chain: readonly Styled[]): boolean {
  if (SIMPLE.test(selector)) return chain[0] !== undefined && matchesSimple(selector, chain[0]);
  if (selector.length > 500) return true;
  if (pseudoElementOf(selector)) return false;
  const bare = withoutArguments(selector);
  if (/[()]/.test(bare)) return true;
  const steps = bare.replace(/ ?([>+~]) ?/g, '$1').split(/(?=[\s>+~])(?![^[(]*[\])])/);
  const [last, ...before] = steps.reverse();
  const [self, ...ancestors] = chain;
  if (last === undefined || self === undefined || !matchesCompound(last, self)) return false;
  return matchesAncestors([last, ...before], ancestors);
}

/** One name of a kind, class or id. */
const SIMPLE = /^[.#]?[\w-]+$/;

/** The pseudo-element that a selector leads to, and the selector of the element that it belongs to; null when it leads to an element. */
export function pseudoElementOf(selector: string): { readonly name: string; readonly owner: string } | null {
  const blank = selector.replace(/\[[^\]]*\]/g, (attribute) => '_'.repeat(attribute.length));
  const found = /::([\w-]+)|:(before|after|first-line|first-letter)\b/i.exec(blank);
  if (!found) return null;
  const owner = selector.slice(0, found.index);
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

function matchesAncestors(steps: readonly string[], chain: readonly Styled[]): boolean {
  let rest = chain;
  for (const [i, step] of steps.slice(1).entries()) {
    const combinator = steps[i]?.[0];
    if (combinator === '+' || combinator === '~') return true;
    const at = rest.findIndex((one) => matchesCompound(step, one));
    if (at < 0) return false;
    rest = rest.slice(at + 1);
  }
  return true;
}

function matchesCompound(step: string, element: Styled): boolean {
  const compound = step.replace(/^[\s>+~]+/, '');
  const simple = compound.match(/\[[^\]]*\]|:[\w-]+(?:\([^)]*\))?|[.#]?[^.#:[\s]+/g) ?? [];
  return simple.every((one) => matchesSimple(one, element));
}

function matchesSimple(simple: string, element: Styled): boolean {
  // `&` is what a rule around this one has chosen.
  if (simple.startsWith(':') || simple.startsWith('&')) return true;
  if (simple.startsWith('.')) return element.classes.includes(simple.slice(1).toLowerCase());
  if (simple.startsWith('#')) return element.id === simple.slice(1).toLowerCase();
  if (simple.startsWith('[')) return matchesAttribute(simple, element);
  return simple === '*' || simple.toLowerCase() === element.tag || simple.includes('|');
}

function matchesAttribute(simple: string, element: Styled): boolean {
  const [, name = '', mark = '', value = ''] = /^\[\s*([\w:-]+)\s*([~|^$*]?=)?\s*["']?([^"'\]]*)/.exec(simple) ?? [];
  const actual = element.attributes.get(name.toLowerCase());
  if (actual === undefined) return false;
  // The reader of style sheets writes it where a string holds what could be taken for structure.
  if (value.includes('_')) return true;
  return mark === '' || actual.toLowerCase().includes(value.trim().toLowerCase());
}
