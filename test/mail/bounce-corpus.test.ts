import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { classify } from '../../server/mail/bounce.js';
import type { Verdict } from '../../server/mail/bounce-verdict.js';
import { describeWithShared } from '../support/shared.js';

interface Sample {
  readonly file: string;
  readonly hasReport: boolean;
  readonly isNoBounce: boolean;
  readonly fits: ((verdict: Verdict) => boolean) | null;
  readonly verdict: Verdict;
}

const FAILED = ['hard', 'soft', 'policy'];

/** What each project of the corpus expects, in our words; "soft" only means "not hard" there. First that fits. */
const EXPECTATIONS: readonly (readonly [RegExp, (verdict: Verdict) => boolean])[] = [
  [/^#1 .*? class=hard\b/, ({ action }) => action === 'hard'],
  [/^#1 .*? class=soft\b/, ({ kind, action }) => kind === 'bounce' && ['soft', 'policy', 'delayed'].includes(action)],
  [/^#1 .*? class=delivered\b/, ({ action }) => action === 'delivered'],
  [/^#1 .*? class=autoreply\b/, ({ kind }) => kind === 'autoreply'],
  [/^#1 .*? class=complaint\b|^ARF|^complaint/, ({ kind }) => kind === 'complaint'],
  [/is_bounce=(?:0|false)/, ({ kind }) => kind !== 'bounce'],
  [/TEMPORARY/, ({ action }) => action === 'soft' || action === 'delayed'],
  [/over_quota/, ({ action }) => action === 'soft'],
  [/std_reason=(?:spam|message_too_large)/, ({ action }) => action === 'policy' || action === 'soft'],
  [/PERMANENT|user_unknown|domain_error|code=5\./, ({ action }) => FAILED.includes(action)],
  [/is_bounce|DSN/, ({ kind }) => kind === 'bounce'],
];

describeWithShared('mails that came back to others', ['corpus', 'bounces'], function (folder) {
  this.timeout(60_000);
  let samples: Sample[];

  before(() => {
    samples = rowsOf(folder).map(({ file, exercises, expected }) => ({
      file,
      hasReport: /\b(?:dsn|arf)\b/.test(exercises),
      isNoBounce: /is_bounce=(?:0|false)/.test(expected),
      fits: EXPECTATIONS.find(([pattern]) => pattern.test(expected))?.[1] ?? null,
      verdict: classify(readFileSync(join(folder, file))),
    }));
    expect(samples.length).to.be.greaterThan(550);
  });

  it('are told as they are, at least 97 of 100 that have a machine-readable report', () => {
    const told = samples.filter(({ hasReport, fits }) => hasReport && fits !== null);

    expect(told.length).to.be.greaterThan(250);
    expect(shareThatFits(told)).to.be.at.least(0.97);
  });

  it('are told as they are, at least 90 of 100 of all', () => {
    const told = samples.filter(({ fits }) => fits !== null);

    expect(told.length).to.be.greaterThan(500);
    expect(shareThatFits(told)).to.be.at.least(0.9);
  });

  it('are never a hard bounce when they are no bounce', () => {
    const none = samples.filter(({ isNoBounce }) => isNoBounce);

    expect(none.length).to.be.greaterThan(5);
    for (const { file, verdict } of none) expect(verdict.action, file).not.to.equal('hard');
  });

  it('name at least one recipient where a report is whole', () => {
    const whole = samples.filter(({ verdict, hasReport }) => hasReport && verdict.kind === 'bounce');
    const named = whole.filter(({ verdict }) => verdict.recipients.length > 0);

    expect(named.length / whole.length).to.be.at.least(0.95);
  });
});

for (const kind of ['mime', 'templates', 'dkim']) {
  describeWithShared(`mails of the ${kind} corpus`, ['corpus', kind], function (folder) {
    this.timeout(60_000);

    it('are no hard bounces, but for those few that report one', () => {
      const hard = rowsOf(folder)
        .map(({ file }) => ({ file, raw: readFileSync(join(folder, file)) }))
        .filter(({ raw }) => classify(raw).action === 'hard')
        .filter(({ raw }) => !/message\/(?:global-)?delivery-status/i.test(raw.toString('latin1')));

      expect(hard.map(({ file }) => file)).to.deep.equal([]);
    });
  });
}

function shareThatFits(samples: readonly Sample[]): number {
  return samples.filter(({ fits, verdict }) => fits?.(verdict)).length / samples.length;
}

function rowsOf(folder: string): { file: string; exercises: string; expected: string }[] {
  const [head = '', ...lines] = readFileSync(join(folder, 'INDEX.tsv'), 'utf8').trimEnd().split('\n');
  const columns = head.split('\t');
  const place = (name: string): number => columns.indexOf(name);
  return lines
    .map((line) => line.split('\t'))
    .filter((row) => ['message', 'template'].includes(row[place('kind')] ?? ''))
    .map((row) => ({
      file: row[place('path')] ?? '',
      exercises: row[place('exercises')] ?? '',
      expected: row[place('expected')] ?? '',
    }));
}
