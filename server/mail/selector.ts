/** What a selector looks at; id and classes in lower case, since a page without a doctype does not tell cases apart. */
export interface Styled {
  readonly tag: string;
  readonly id: string;
  readonly classes: readonly string[];
  readonly attributes: ReadonlyMap<string, string>;
}

/**
 * Could a CSS selector match the first of `chain` (an element, its parent, and so on up to html)? A yes may be wrong, a no
 * is not: states such as :hover, siblings and functions such as :not() count as met. Pseudo-elements never match.
 */
export function mayMatch(selector: string, chain: readonly Styled[]): boolean {
  if (selector.length > 500) return true;
  if (/::|:(?:before|after|first-line|first-letter)\b/.test(selector)) return false;
  const steps = selector.replace(/ ?([>+~]) ?/g, '$1').split(/(?=[\s>+~])(?![^[(]*[\])])/);
  const [last, ...before] = steps.reverse();
  const [self, ...ancestors] = chain;
  if (last === undefined || self === undefined || !matchesCompound(last, self)) return false;
  return matchesAncestors([last, ...before], ancestors);
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
  if (simple.startsWith(':')) return true;
  if (simple.startsWith('.')) return element.classes.includes(simple.slice(1).toLowerCase());
  if (simple.startsWith('#')) return element.id === simple.slice(1).toLowerCase();
  if (simple.startsWith('[')) return matchesAttribute(simple, element);
  return simple === '*' || simple.toLowerCase() === element.tag || simple.includes('|');
}

function matchesAttribute(simple: string, element: Styled): boolean {
  const [, name = '', mark = '', value = ''] = /^\[\s*([\w:-]+)\s*([~|^$*]?=)?\s*["']?([^"'\]]*)/.exec(simple) ?? [];
  const actual = element.attributes.get(name.toLowerCase());
  if (actual === undefined) return false;
  return mark === '' || actual.toLowerCase().includes(value.trim().toLowerCase());
}
