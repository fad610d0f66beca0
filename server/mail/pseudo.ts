import type { Declarations } from './css.js';
import { judgeStyle } from './hiding-styles.js';
import type { Tag } from './nodes.js';
import type { Sheets } from './sheets.js';

/**
 * Why a pseudo-element hides the text inside the first of `chain`, in words; null when none does: a box that may be laid over it, or the look of a first
 * line. In doubt it is hidden.
 */
export function whyPseudoHides(chain: readonly Tag[], sheets: Sheets): string | null {
  for (const [i, { tagName }] of chain.entries()) {
    const matching = sheets.pseudo(chain, i);
    for (const name of ['before', 'after']) {
      if (isLaidOver(matching.filter((one) => one.name === name)))
        return `what ::${name} of <${tagName}> shows may cover it`;
    }
    // A line of an element further out is not this text's own.
    if (i < 2 && matching.some((one) => one.name.startsWith('first-l') && isFaint(one.declarations)))
      return `the style of the first line of <${tagName}> may hide it`;
  }
  return null;
}

function isLaidOver(rules: readonly { readonly declarations: Declarations }[]): boolean {
  const has = (property: string, value: RegExp): boolean =>
    rules.some(({ declarations }) => value.test(declarations.get(property)?.value ?? ''));
  return has('content', /^(?!none$|normal$)./) && has('position', /absolute|fixed|sticky|var\(/);
}

function isFaint(declarations: Declarations): boolean {
  const value = (property: string): string => declarations.get(property)?.value ?? '';
  return [...declarations.keys()].some(
    (property) => /color|^background|^font$/.test(property) || judgeStyle(property, value) !== 'no',
  );
}
