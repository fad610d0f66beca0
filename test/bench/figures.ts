/** What one slice of a measure did. */
export interface Slice {
  readonly count: number;
  readonly ms: number;
  /** How long each took, in ms; empty where one alone means nothing. */
  readonly latencies: readonly number[];
  /** Of the process under test. */
  readonly rssMb: number;
  readonly cpuMs: number;
}

/** A slice of which only the rate matters. */
export function bareSlice(count: number, ms: number): Slice {
  return { count, ms, latencies: [], rssMb: 0, cpuMs: 0 };
}

/** One line of the report. Rates are per second, `p50` and `p99` in ms. */
export interface Figure {
  readonly name: string;
  readonly rate: number;
  readonly p50: number | null;
  readonly p99: number | null;
  readonly rssMb: number | null;
  /** Processor time of the process under test for one, in ms: steadier than the rate on a machine with other work. */
  readonly cpuMs: number | null;
  readonly baseline: string | null;
  readonly baselineRate: number | null;
  readonly ratio: number | null;
  readonly target: number | null;
  /** A target that is no ratio to the baseline. */
  readonly limit?: Limit;
  readonly note?: string;
}

/** What was wanted of a figure, in words, and whether it was so. */
export interface Limit {
  readonly words: string;
  readonly reached: boolean;
}

/** Median over the rounds, in which measure and baseline took turns: one disturbed round changes little. */
export function toFigure(
  name: string,
  slices: readonly Slice[],
  against: { name: string; slices: readonly Slice[]; target: number | null } | null,
  note?: string,
): Figure {
  const rate = median(slices.map(rateOf));
  const baselineRate = against ? median(against.slices.map(rateOf)) : null;
  const latencies = slices.flatMap((slice) => slice.latencies).sort((a, b) => a - b);
  const cpuMs = sum(slices.map((slice) => slice.cpuMs)) / sum(slices.map((slice) => slice.count));
  const rssMb = Math.max(...slices.map((slice) => slice.rssMb));
  return {
    name,
    rate: round(rate),
    p50: quantile(latencies, 0.5),
    p99: quantile(latencies, 0.99),
    rssMb: rssMb > 0 ? rssMb : null,
    cpuMs: cpuMs > 0 ? round(cpuMs) : null,
    baseline: against?.name ?? null,
    baselineRate: baselineRate === null ? null : round(baselineRate),
    ratio: baselineRate === null ? null : Math.round((rate / baselineRate) * 100) / 100,
    target: against?.target ?? null,
    ...(note === undefined ? {} : { note }),
  };
}

/** The report as a table for people. */
export function formatTable(figures: readonly Figure[]): string {
  const head = [
    'measure',
    'rate/s',
    'p50 ms',
    'p99 ms',
    'RSS MB',
    'CPU ms',
    'baseline',
    'its rate/s',
    'ratio',
    'target',
    '',
  ];
  const rows = figures.map((one) => [
    one.name,
    text(one.rate),
    text(one.p50),
    text(one.p99),
    text(one.rssMb),
    text(one.cpuMs),
    one.baseline ?? '',
    text(one.baselineRate),
    one.ratio === null ? '' : one.ratio.toFixed(2),
    one.limit?.words ?? (one.target === null ? '' : `>= ${one.target}`),
    [verdict(one), one.note ?? ''].filter((part) => part !== '').join('; '),
  ]);
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => (row[column] ?? '').length)));
  const isWord = (column: number): boolean => [0, 6, 10].includes(column);
  return [head, ...rows]
    .map((row) =>
      row
        .map((cell, column) => (isWord(column) ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** Did every measure with a target reach it? */
export function missed(figures: readonly Figure[]): Figure[] {
  return figures.filter((one) => isReached(one) === false);
}

function verdict(one: Figure): string {
  const reached = isReached(one);
  return reached === null ? '' : reached ? 'reached' : 'MISSED';
}

/** Null where nothing was wanted. */
function isReached(one: Figure): boolean | null {
  if (one.limit) return one.limit.reached;
  return one.target === null || one.ratio === null ? null : one.ratio >= one.target;
}

function rateOf({ count, ms }: Slice): number {
  return count / (ms / 1000);
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const high = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? high : (high + (sorted[middle - 1] ?? high)) / 2;
}

function quantile(sorted: readonly number[], share: number): number | null {
  const value = sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
  return value === undefined ? null : round(value);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function round(value: number): number {
  return value >= 100 ? Math.round(value) : Math.round(value * 100) / 100;
}

function text(value: number | null): string {
  return value === null ? '' : value.toLocaleString('en');
}
