import type { DefaultTreeAdapterTypes } from 'parse5';
import { parseDeclarations } from './css.js';
import { attributeOf } from './nodes.js';

type Element = DefaultTreeAdapterTypes.Element;

/**
 * Is a link's text written in the very colour of what lies behind it? The first of `chain` holds the text. Only what is set
 * inline or by `color` and `bgcolor` is compared; pictures behind the text count as another colour.
 */
export function backgroundSwallows(chain: readonly Element[]): string | null {
  const link = chain.findIndex(({ tagName }) => tagName === 'a');
  const ink = first(chain.slice(0, link + 1), inkOf);
  const paper = first(chain, paperOf) ?? 'ffffff';
  return ink !== null && ink === paper ? 'its letters have the colour of the background' : null;
}

function first(chain: readonly Element[], read: (element: Element) => string | null): string | null {
  for (const element of chain) {
    const found = read(element);
    if (found !== null) return found;
  }
  return null;
}

function inkOf(element: Element): string | null {
  const styles = parseDeclarations(attributeOf(element, 'style') ?? '');
  const text = styles.get('color')?.value ?? attributeOf(element, 'color');
  return text === null ? null : normalise(text);
}

function paperOf(element: Element): string | null {
  const styles = parseDeclarations(attributeOf(element, 'style') ?? '');
  const image = styles.get('background-image')?.value;
  if (image !== undefined && image !== 'none') return image;
  const text =
    styles.get('background-color')?.value ?? styles.get('background')?.value ?? attributeOf(element, 'bgcolor');
  if (text === null) return attributeOf(element, 'background');
  return /^(?:transparent|none|inherit|initial|unset)$/.test(text) ? null : normalise(text);
}

function normalise(colour: string): string {
  const text = colour.trim().toLowerCase();
  const [, short] = /^#([0-9a-f]{3})$/.exec(text) ?? [];
  if (short !== undefined) return short.replace(/./g, '$&$&');
  const rgb = /^rgba?\( ?(\d{1,3})[ ,]+(\d{1,3})[ ,]+(\d{1,3})(?:[ ,/]+1)? ?\)$/.exec(text);
  if (rgb)
    return rgb
      .slice(1, 4)
      .map((part) => Number(part).toString(16).padStart(2, '0'))
      .join('');
  return NAMED.get(text) ?? text.replace(/^#/, '');
}

const NAMED: ReadonlyMap<string, string> = new Map([
  ['white', 'ffffff'],
  ['black', '000000'],
  ['red', 'ff0000'],
  ['blue', '0000ff'],
  ['gray', '808080'],
  ['grey', '808080'],
  ['silver', 'c0c0c0'],
  ['whitesmoke', 'f5f5f5'],
]);
