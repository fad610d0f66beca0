import { z } from 'zod';

/** What a spam filter said of a mail. */
export interface SpamScore {
  readonly program: 'SpamAssassin' | 'Rspamd';
  readonly score: number;
  /** From here on it would be spam. */
  readonly limit: number;
  /** What cost points, the dearest first, in the filter's own words. */
  readonly rules: readonly { readonly points: number; readonly name: string; readonly words: string }[];
}

const MOST_RULES = 12;

/** Reads the report of `spamassassin --test-mode`; null when there is none. */
export function readSpamAssassin(report: string): SpamScore | null {
  const head = /^Content analysis details:\s+\((-?\d+\.\d+) points, (-?\d+\.\d+) required\)$/m.exec(report);
  if (!head) return null;
  const rules: { points: number; name: string; words: string }[] = [];
  for (const line of report.slice(head.index).split('\n')) {
    const rule = /^\s*(-?\d+\.\d) ([A-Z][A-Z0-9_]+)\s+(.*)$/.exec(line);
    const more = /^ {20,}(\S.*)$/.exec(line)?.[1];
    const last = rules.at(-1);
    if (rule) rules.push({ points: Number(rule[1]), name: rule[2] ?? '', words: rule[3] ?? '' });
    else if (more !== undefined && last) last.words = `${last.words} ${more}`;
  }
  return { program: 'SpamAssassin', score: Number(head[1]), limit: Number(head[2]), rules: dearest(rules) };
}

const rspamd = z.object({
  score: z.number(),
  required_score: z.number(),
  symbols: z.record(
    z.string(),
    z.object({ score: z.number().default(0), description: z.string().max(500).optional() }),
  ),
});

/** Reads what `rspamc --json` prints; null when that is no result. */
export function readRspamd(output: string): SpamScore | null {
  let parsed: unknown;
  try {
    parsed = JSON.parse(output.slice(Math.max(0, output.indexOf('{'))));
  } catch {
    return null;
  }
  const result = rspamd.safeParse(parsed);
  if (!result.success) return null;
  const { score, required_score: limit, symbols } = result.data;
  const rules = Object.entries(symbols).map(([name, symbol]) => ({
    points: symbol.score,
    name,
    words: symbol.description ?? '',
  }));
  return { program: 'Rspamd', score, limit, rules: dearest(rules) };
}

function dearest(rules: readonly SpamScore['rules'][number][]): SpamScore['rules'] {
  return rules
    .filter(({ points }) => points >= 0.05)
    .sort((a, b) => b.points - a.points)
    .slice(0, MOST_RULES);
}
