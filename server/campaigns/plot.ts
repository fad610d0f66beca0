/** What a plot shows: for each place on the axis one number a series, stood on each other. */
export interface PlotData {
  readonly places: readonly { readonly label: string; readonly values: readonly number[] }[];
  /** From this place on a bar stands for something longer; absent: all stand for the same. */
  readonly longerFrom?: number;
}

/** A plot as a template draws it: numbers for SVG attributes only, since our pages allow no style in them. */
export interface Plot {
  readonly width: number;
  readonly height: number;
  readonly left: number;
  readonly right: number;
  readonly base: number;
  readonly bars: readonly {
    readonly x: number;
    readonly y: number;
    readonly width: number;
    readonly height: number;
    /** 0 for the first series. */
    readonly series: number;
  }[];
  /** Of the upright axis. */
  readonly lines: readonly { readonly y: number; readonly value: number }[];
  /** Where bars begin to stand for something longer; null: nowhere. */
  readonly border: { readonly x: number; readonly top: number } | null;
  /** Of the axis below, as many as can be read. */
  readonly labels: readonly { readonly x: number; readonly text: string }[];
}

const SIZE = { width: 640, height: 220, left: 72, right: 632, top: 12, base: 190 };
/** Few things are drawn as few, not as one broad bar. */
const LEAST_PLACES = 6;
const MOST_LABELS = 8;

/** Bars for a plot of 640 by 220 units. */
export function plotOf({ places, longerFrom }: PlotData): Plot {
  const step = (SIZE.right - SIZE.left) / Math.max(LEAST_PLACES, places.length);
  const width = round(Math.max(1, Math.min(step * 0.8, 48)));
  const most = Math.max(1, ...places.map(({ values }) => values.reduce((all, value) => all + value, 0)));
  const ticks = ticksTo(most);
  const top = ticks.at(-1) ?? most;
  const heightOf = (value: number): number => (value / top) * (SIZE.base - SIZE.top);
  const every = Math.ceil(places.length / MOST_LABELS);
  return {
    ...{ width: SIZE.width, height: SIZE.height, left: SIZE.left, right: SIZE.right, base: SIZE.base },
    bars: places.flatMap(({ values }, place) => stack(values, heightOf, SIZE.left + place * step, width)),
    lines: ticks.map((value) => ({ value, y: round(SIZE.base - heightOf(value)) })),
    border:
      longerFrom !== undefined && longerFrom < places.length
        ? { x: round(SIZE.left + longerFrom * step - (step - width) / 2), top: SIZE.top }
        : null,
    labels: places.flatMap(({ label }, place) =>
      place % every === 0 ? [{ x: round(SIZE.left + place * step + width / 2), text: label }] : [],
    ),
  };
}

function stack(
  values: readonly number[],
  heightOf: (value: number) => number,
  x: number,
  width: number,
): Plot['bars'][number][] {
  let y = SIZE.base;
  return values.flatMap((value, series) => {
    if (value <= 0) return [];
    // One of a million is seen too.
    const height = Math.max(1.5, heightOf(value));
    y -= height;
    return [{ x: round(x), y: round(y), width, height: round(height), series }];
  });
}

/** 0 and up to four whole steps of 1, 2 or 5 times a power of ten, the last not below `most`. */
function ticksTo(most: number): number[] {
  const raw = most / 4;
  const power = 10 ** Math.floor(Math.log10(Math.max(1, raw)));
  const step = Math.max(1, [1, 2, 5, 10].map((times) => times * power).find((one) => one >= raw) ?? 10 * power);
  return Array.from({ length: Math.ceil(most / step) + 1 }, (_, place) => place * step);
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
