/** Does a declaration hide text: for good, unless a child sets it anew, or not at all? */
export type Verdict = 'always' | 'inherited' | 'no';

/** The verdict on one property of an element, given the values of all its properties. What cannot be reckoned here counts as hiding. */
export function judgeStyle(property: string, valueOf: (property: string) => string): Verdict {
  const name = withoutPrefix(property);
  const judge = HIDES.get(name) ?? (name.startsWith('margin') ? margin : undefined);
  const verdict = judge?.(valueOf(property), valueOf) ?? 'no';
  if (!judge || verdict !== 'no' || !/\b(?:var|env|attr|if)\(/.test(valueOf(property))) return verdict;
  return INHERITED_STYLES.includes(name) ? 'inherited' : 'always';
}

/** Properties that a child can set anew. */
export const INHERITED_STYLES: readonly string[] = [
  ...['visibility', 'font-size', 'text-indent', 'color', 'pointer-events'],
  ...['text-fill-color', 'font-size-adjust', 'text-security'],
];

/** `-webkit-mask` is `mask` to whoever knows it. */
export function withoutPrefix(property: string): string {
  return property.replace(/^-(?:webkit|moz|ms|o)-/, '');
}

type Judge = (value: string, valueOf: (property: string) => string) => Verdict;

const always = (test: boolean): Verdict => (test ? 'always' : 'no');
const inherited = (test: boolean): Verdict => (test ? 'inherited' : 'no');
/** Is a property set to something else than what it is by itself? */
const set: Judge = (value) => always(!/^(?:none|normal|auto|initial|unset|revert|)$/.test(value));
const clips = (other: (property: string) => string): boolean =>
  ['overflow', 'overflow-x', 'overflow-y'].some((one) => /hidden|clip|scroll|auto/.test(other(one)));
const cuts = (other: (property: string) => string): boolean =>
  ['overflow', 'overflow-y'].some((one) => /hidden|clip/.test(other(one)));
// Too wide, it is shown somewhere to the side.
const narrow: Judge = (value, other) => always((isTiny(value) && clips(other)) || /^\d{4,}/.test(value));
const low: Judge = (value, other) => always((isTiny(value) && clips(other)) || (isLength(value) && cuts(other)));
const faraway: Judge = (value, other) =>
  always(/absolute|fixed|relative/.test(other('position')) && value.split(' ').some(isFar));
const margin: Judge = (value) => always(value.split(' ').some(isFar));

const HIDES: ReadonlyMap<string, Judge> = new Map(
  Object.entries<Judge>({
    display: (value) => always(/^(?:none|table-column(?:-group)?)$/.test(value)),
    'mso-hide': (value) => always(value === 'all'),
    'content-visibility': (value) => always(value === 'hidden'),
    content: (value) => always(/url|image/.test(value)),
    opacity: (value) => always(portion(value) < 0.3),
    filter: (value) =>
      always(/(?:blur|brightness|contrast|invert|url)\(/.test(value) || portion(opacityIn(value)) < 0.3),
    visibility: (value) => inherited(value === 'hidden' || value === 'collapse'),
    'font-size': (value) => inherited(isTiny(value)),
    'font-size-adjust': (value) => inherited(portion(value.split(' ').at(-1) ?? '') < 0.3),
    font: (value) => inherited(isTiny(/(?:^|.* )([\d.]+[a-z%]*)(?:\/| )/.exec(value)?.[1] ?? '')),
    'text-indent': (value) => inherited(isFar(value)),
    'text-security': (value) => inherited(value !== 'none'),
    color: (value) => inherited(isClear(value)),
    'text-fill-color': (value) => inherited(isClear(value)),
    'pointer-events': (value) => inherited(value === 'none'),
    overflow: (_, other) =>
      always(
        (clips(other) && ['height', 'max-height', 'width', 'max-width'].some((side) => isTiny(other(side)))) ||
          (cuts(other) && ['height', 'max-height'].some((side) => isLength(other(side)))),
      ),
    height: low,
    'max-height': low,
    'block-size': low,
    'max-block-size': low,
    width: narrow,
    'max-width': (value, other) => always(isTiny(value) && clips(other)),
    'min-width': narrow,
    columns: set,
    'column-width': set,
    'line-clamp': set,
    left: faraway,
    right: faraway,
    top: faraway,
    bottom: faraway,
    inset: faraway,
    clip: (value) => always(/^rect\(\s*[01](?:px)?[\s,]/.test(value)),
    'clip-path': set,
    mask: set,
    'mask-image': set,
    'mask-box-image': set,
    'mask-border-source': set,
    'mix-blend-mode': set,
    animation: (value) => always(!/^(?:.* )?none(?: .*)?$/.test(value)),
    'animation-name': set,
    zoom: (value) => always(portion(value) < 0.5),
    scale: (value) => always(value.split(' ').some((one) => portion(one) < 0.5)),
    rotate: set,
    translate: (value) => always(value.split(' ').some(isFar)),
    transform: (value) =>
      always(/(?:scale\w*|matrix\w*|rotate[xy3]\w*|skew\w*|perspective)\(/.test(value) || isMovedFar(value)),
  }),
);

/** A share of one: `0.3`, `30%`. What is no number counts as 1. */
function portion(value: string): number {
  const number = Number.parseFloat(value) / (value.endsWith('%') ? 100 : 1);
  return Number.isNaN(number) ? (/^(?:calc|min|max|clamp)\(/.test(value) ? 0 : 1) : number;
}

function opacityIn(filter: string): string {
  return /opacity\( ?([\d.]+%?|calc\()/.exec(filter)?.[1] ?? '1';
}

function isMovedFar(transform: string): boolean {
  return [...transform.matchAll(/translate\w*\(([^)]*)/g)].some(([, to = '']) => to.split(/[ ,]+/).some(isFar));
}

/** Too small to be seen: up to 3 pixels. */
function isTiny(value: string): boolean {
  const [, number = '', unit = ''] = /^(-?[\d.]+)(px|pt|em|rem|%|vw|vh)?$/.exec(value) ?? [];
  if (number === '') return /^(?:calc|min|max|clamp)\( ?-?0(?![\d.])/.test(value);
  return Number.parseFloat(number) <= (unit.endsWith('em') ? 0.2 : 3);
}

/** A height that does not grow with what is in it; a percentage of an unknown height is none. */
function isLength(value: string): boolean {
  return /^-?[\d.]+(?!.*%)|^(?:calc|min|max|clamp)\(/.test(value);
}

function isFar(value: string): boolean {
  return (
    /^-\d{3,}/.test(value) ||
    /^\d{4,}/.test(value) ||
    /^-\d{2,}(?:r?em|%|[sld]?v[wh]|vmax|vmin|in|cm|pc|r?lh|r?ex|r?ch|q)/.test(value) ||
    /^\d{3,}(?:r?em|%|[sld]?v[wh]|vmax|vmin|in|cm|pc|r?lh|r?ex|r?ch|q)/.test(value) ||
    /^(?:calc|min|max|clamp)\( ?-?\d{3,}/.test(value)
  );
}

/** A colour whose alpha is below 0.3: `transparent`, `rgba(0,0,0,.1)`, `rgb(0 0 0 / 10%)`, `#0000`, `#0000001a`. */
function isClear(colour: string): boolean {
  if (colour === 'transparent') return true;
  const hex = /^#[0-9a-f]{3}(?:([0-9a-f])|[0-9a-f]{3}([0-9a-f]{2}))$/.exec(colour);
  if (hex) return Number.parseInt(hex[1]?.repeat(2) ?? hex[2] ?? 'ff', 16) < 77;
  const [, alpha = '1', percent = ''] =
    /^[a-z]+\((?:[^,]+,){3} ?([\d.]+)(%?) ?\)$/.exec(colour) ?? /\/ ?([\d.]+)(%?) ?\)$/.exec(colour) ?? [];
  return Number.parseFloat(alpha) / (percent === '' ? 1 : 100) < 0.3;
}
