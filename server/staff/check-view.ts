import type { Finding } from '../campaigns/lint-finding.js';
import type { SpamAnswer } from '../campaigns/spam-score.js';
import type { FindingPart, ReachPart, SpamPart } from './campaign-views.js';
import type { AudiencePart } from './views.js';

/** A finding as the page tells it. */
export function findingPart({ code, sign, detail, count, lines }: Finding): FindingPart {
  return {
    ...{ code, sign, detail, count },
    lines: lines.join(', '),
    isOneLine: lines.length === 1,
    isGood: sign === 'good',
  };
}

/** Numbers and bars of who gets a campaign and who does not. */
export function reachPart({ reached, isFew, left }: AudiencePart, language: string): ReachPart {
  const rows = [
    { reason: '', count: reached, isFew },
    ...left.map(({ name, ...counted }) => ({ reason: name, ...counted })).sort((a, b) => b.count - a.count),
  ];
  const all = rows.reduce((sum, { count }) => sum + count, 0);
  const format = new Intl.NumberFormat(language, { style: 'percent', maximumFractionDigits: 1 });
  return {
    ...{ reached, isFew, all },
    rows: rows.map((row) => ({
      ...row,
      share: all === 0 || row.isFew ? '' : format.format(row.count / all),
      // What is there is seen, however small.
      width: row.count === 0 || row.isFew ? 0 : Math.max(0.5, Math.round((row.count / all) * 1000) / 10),
    })),
  };
}

/** What a spam filter said; null: it was not asked. */
export function spamPart(answer: SpamAnswer | null, language: string): SpamPart | null {
  if (answer === null) return null;
  if (answer === 'none' || answer === 'failed') return { kind: answer, program: '', score: '', limit: '', rules: [] };
  const format = new Intl.NumberFormat(language, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
  const { program, score, limit, rules } = answer;
  return {
    kind: score >= limit ? 'spam' : score >= limit / 2 ? 'look' : 'good',
    program,
    score: format.format(score),
    limit: format.format(limit),
    rules: rules.map(({ points, name, words }) => ({ points: format.format(points), name, words })),
  };
}
