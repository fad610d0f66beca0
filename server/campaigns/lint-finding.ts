/** How a finding is meant: good, worth a look, or the mail does not leave like this. */
export type Sign = 'good' | 'look' | 'stop';

/** Something that the check of a campaign found; each code has its words on the check page. */
export interface Finding {
  readonly code: string;
  readonly sign: Sign;
  /** In the uploaded file, from 1; none where no line is to blame. */
  readonly lines: readonly number[];
  /** What of the mail it is about: an address, a word; '' where that is said. */
  readonly detail: string;
  readonly count: number;
}

/** A finding about one thing. */
export function finding(code: string, sign: Sign, about: Partial<Omit<Finding, 'code' | 'sign'>> = {}): Finding {
  return { code, sign, lines: [], detail: '', count: 1, ...about };
}

const MOST_LINES = 8;
/** So many things are looked for in the file. */
const MOST_THINGS = 50;
const MOST_DETAIL = 80;

/**
 * A finding about several things at once, each told by what stands in the uploaded file, which may have been compiled since. Null when there are none.
 */
export function findingAbout(code: string, sign: Sign, source: string, things: readonly string[]): Finding | null {
  const [first] = things;
  if (first === undefined) return null;
  const sought = [...new Set(things)].slice(0, MOST_THINGS);
  const lines = [...new Set(sought.flatMap((thing) => linesOf(source, thing)))].sort((a, b) => a - b);
  const detail = first.length > MOST_DETAIL ? `${first.slice(0, MOST_DETAIL - 1)}…` : first;
  return { code, sign, detail, count: things.length, lines: lines.slice(0, MOST_LINES) };
}

/** Leaves out what is not there. */
export function present(findings: readonly (Finding | null)[]): Finding[] {
  return findings.filter((one) => one !== null);
}

/** The lines on which a text stands in a file, from 1; as it is or as HTML writes it. */
function linesOf(source: string, text: string): number[] {
  const lines: number[] = [];
  // What is long is found by its beginning.
  const plain = text.slice(0, 200);
  const needles = new Set([plain, plain.replaceAll('&', '&amp;')].filter((one) => one !== ''));
  for (const needle of needles)
    for (let at = source.indexOf(needle); at >= 0 && lines.length < MOST_LINES; at = source.indexOf(needle, at + 1))
      lines.push(source.slice(0, at).split('\n').length);
  return lines;
}
