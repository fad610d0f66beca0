import { parseDeclarations, type Declarations } from './css.js';
import { attributeOf, type Tag } from './nodes.js';
import type { Sheets } from './sheets.js';

/**
 * Is a link's text written in the very colour of what lies behind it? The first of `chain` holds the text. Compared is what is set inline, by `color` and
 * `bgcolor`, and by style sheets of the mail; what a condition may bring counts too. Pictures behind the text count as another colour.
 */
export function backgroundSwallows(chain: readonly Tag[], sheets: Sheets): string | null {
  const link = chain.findIndex(({ tagName }) => tagName === 'a');
  const inks = possible(chain.slice(0, link + 1), { around: chain, sheets, read: inkOf, attributes: ['color'] });
  const papers = possible(chain, { around: chain, sheets, read: paperOf, attributes: ['bgcolor', 'background'] });
  if (!papers.isCertain) papers.colours.push('ffffff');
  const isSwallowed = inks.colours.some((ink) => papers.colours.includes(ink));
  return isSwallowed ? 'its letters have the colour of the background' : null;
}

/** The contrast (WCAG 2, 1 to 21) between a link's text, held by the first of `chain`, and what lies behind it, conditions left aside; null: a colour that cannot be read. */
export function leastContrast(chain: readonly Tag[], sheets: Sheets): number | null {
  const link = chain.findIndex(({ tagName }) => tagName === 'a');
  const inks = possible(chain.slice(0, link + 1), { around: chain, sheets, read: inkOf, attributes: ['color'] });
  const ink = inks.isCertain ? (inks.colours.at(-1) ?? LINK_BLUE) : LINK_BLUE;
  return contrast(ink, paperBehind(chain, sheets));
}

/** The colour behind an element, as six hex digits where it is a plain one. */
export function paperBehind(chain: readonly Tag[], sheets: Sheets): string {
  const papers = possible(chain, { around: chain, sheets, read: paperOf, attributes: ['bgcolor', 'background'] });
  return papers.isCertain ? (papers.colours.at(-1) ?? 'ffffff') : 'ffffff';
}

/** The contrast of two colours of six hex digits; null for another. */
export function contrast(one: string, other: string): number | null {
  const [a, b] = [luminance(one), luminance(other)];
  return a === null || b === null ? null : (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
}

/** Of links that say nothing of their colour. */
const LINK_BLUE = '0000ee';

function luminance(colour: string): number | null {
  if (!/^[0-9a-f]{6}$/.test(colour)) return null;
  const [red = 0, green = 0, blue = 0] = [0, 2, 4].map((at) => {
    const part = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
    return part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

interface Colour {
  readonly colour: string;
  readonly important: boolean;
}

interface Reading {
  readonly around: readonly Tag[];
  readonly sheets: Sheets;
  readonly read: (styles: Declarations) => Colour | null;
  /** What says the same in HTML. */
  readonly attributes: readonly string[];
}

/** The colours that may be seen, from the text outwards to the first that is sure. */
function possible(chain: readonly Tag[], reading: Reading): { colours: string[]; isCertain: boolean } {
  const colours: string[] = [];
  for (const [i, element] of chain.entries()) {
    const own = reading.read(parseDeclarations(attributeOf(element, 'style') ?? ''));
    const sheets = own?.important === true ? [] : sheetColours(i, reading);
    const [attribute = null] = reading.attributes.flatMap((name) => attributeOf(element, name) ?? []);
    const certain =
      own?.colour ??
      sheets.findLast(({ isConditional }) => !isConditional)?.colour ??
      (attribute === null ? null : normalise(attribute));
    colours.push(...sheets.map(({ colour }) => colour), ...(certain === null ? [] : [certain]));
    if (certain !== null) return { colours, isCertain: true };
  }
  return { colours, isCertain: false };
}

function sheetColours(at: number, { around, sheets, read }: Reading): (Colour & { isConditional: boolean })[] {
  return sheets.matching(around, at).flatMap(({ declarations, conditional }) => {
    const found = read(declarations);
    return found === null ? [] : [{ ...found, isConditional: conditional }];
  });
}

function inkOf(styles: Declarations): Colour | null {
  return colourOf(styles.get('color'));
}

function paperOf(styles: Declarations): Colour | null {
  const image = styles.get('background-image');
  if (image !== undefined && image.value !== 'none') return { colour: image.value, important: image.important };
  return colourOf(styles.get('background-color') ?? styles.get('background'));
}

function colourOf(declared: { value: string; important: boolean } | undefined): Colour | null {
  if (declared === undefined || KEPT.test(declared.value)) return null;
  return { colour: normalise(declared.value), important: declared.important };
}

/** Says nothing of its own. */
const KEPT = /^(?:transparent|none|inherit|initial|unset|currentcolor)$/;

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
