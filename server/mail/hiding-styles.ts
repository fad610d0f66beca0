/** Does a declaration hide text: for good, unless a child sets it anew, or not at all? */
export type Verdict = 'always' | 'inherited' | 'no';

/** The verdict on one property of an element, given the values of all its properties. */
export function judgeStyle(property: string, valueOf: (property: string) => string): Verdict {
  return HIDES.get(property)?.(valueOf(property), valueOf) ?? 'no';
}

type Judge = (value: string, valueOf: (property: string) => string) => Verdict;

const always = (test: boolean): Verdict => (test ? 'always' : 'no');
const inherited = (test: boolean): Verdict => (test ? 'inherited' : 'no');
const clips = (other: (property: string) => string): boolean =>
  ['overflow', 'overflow-x', 'overflow-y'].some((one) => /hidden|clip|scroll|auto/.test(other(one)));
const clipped: Judge = (value, other) => always(isTiny(value) && clips(other));
const faraway: Judge = (value, other) => always(/absolute|fixed|relative/.test(other('position')) && isFar(value));

const HIDES: ReadonlyMap<string, Judge> = new Map(
  Object.entries<Judge>({
    display: (value) => always(value === 'none'),
    'mso-hide': (value) => always(value === 'all'),
    'content-visibility': (value) => always(value === 'hidden'),
    opacity: (value) => always(Number.parseFloat(value) / (value.endsWith('%') ? 100 : 1) < 0.3),
    filter: (value) => always(Number.parseFloat(/opacity\( ?([\d.]+)/.exec(value)?.[1] ?? '1') < 0.3),
    visibility: (value) => inherited(value === 'hidden' || value === 'collapse'),
    'font-size': (value) => inherited(isTiny(value)),
    font: (value) => inherited(isTiny(/(?:^|.* )([\d.]+[a-z%]*)(?:\/| )/.exec(value)?.[1] ?? '')),
    'text-indent': (value) => inherited(isFar(value)),
    color: (value) => inherited(value === 'transparent' || isClear(value)),
    'pointer-events': (value) => inherited(value === 'none'),
    overflow: (_, other) =>
      always(clips(other) && ['height', 'max-height', 'width', 'max-width'].some((side) => isTiny(other(side)))),
    height: clipped,
    'max-height': clipped,
    width: clipped,
    'max-width': clipped,
    left: faraway,
    right: faraway,
    top: faraway,
    bottom: faraway,
    'margin-left': (value) => always(isFar(value)),
    'margin-top': (value) => always(isFar(value)),
    clip: (value) => always(/^rect\(\s*[01](?:px)?[\s,]/.test(value)),
    'clip-path': (value) => always(/inset\(\s*(?:[5-9]\d|100)%|circle\(\s*0/.test(value)),
    zoom: (value) => always(/^0?\.?0*%?$/.test(value)),
    scale: (value) => always(/^0(?:\.0\d*)?(?: |$)/.test(value)),
    transform: (value) => always(/scale[xy]?\(\s*0(?:\.0\d*)?\s*[,)]|translate[xy]?\([^)]*-?\d{4}/.test(value)),
  }),
);

/** Too small to be seen: up to 3 pixels. */
function isTiny(value: string): boolean {
  const [, number = '', unit = ''] = /^(-?[\d.]+)(px|pt|em|rem|%|vw|vh)?$/.exec(value) ?? [];
  if (number === '') return false;
  return Number.parseFloat(number) <= (unit.endsWith('em') ? 0.2 : 3);
}

function isFar(value: string): boolean {
  return /^-\d{3,}/.test(value) || /^\d{4,}/.test(value) || /^-\d{2,}(?:r?em|%|vw|vh)/.test(value);
}

/** A colour whose alpha is below 0.3: `rgba(0,0,0,.1)`, `rgb(0 0 0 / 10%)`, `#0000`, `#0000001a`. */
function isClear(colour: string): boolean {
  const hex = /^#[0-9a-f]{3}(?:([0-9a-f])|[0-9a-f]{3}([0-9a-f]{2}))$/.exec(colour);
  if (hex) return Number.parseInt(hex[1]?.repeat(2) ?? hex[2] ?? 'ff', 16) < 77;
  const [, alpha = '1', percent = ''] =
    /^[a-z]+\((?:[^,]+,){3} ?([\d.]+)(%?) ?\)$/.exec(colour) ?? /\/ ?([\d.]+)(%?) ?\)$/.exec(colour) ?? [];
  return Number.parseFloat(alpha) / (percent === '' ? 1 : 100) < 0.3;
}
