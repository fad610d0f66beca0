import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { ROOT } from '../../server/config.js';
import { Refusal } from '../../server/errors.js';
import { injectFooter, prepareMessage, type Injection } from '../../server/mail/footer-engine.js';
import { CLI } from '../support/process.js';
import { hasPython } from '../support/python.js';
import { describeWithShared } from '../support/shared.js';
import { BOUNDARY, FOOTER, HEADERS, LINKS, undone } from './footers.js';

interface Result {
  readonly file: string;
  readonly outcome: 'injected' | 'wrapped' | 'headers' | 'refused';
  readonly reason: string | null;
}

describeWithShared('real messages, with a footer', ['corpus', 'mime'], function (source) {
  this.timeout(120_000);
  const messages = readFileSync(join(source, 'INDEX.tsv'), 'utf8')
    .split('\n')
    .slice(1)
    .map((line) => line.split('\t'))
    .flatMap(([file, kind, , , , , , , exercises = '']) => (file && kind === 'message' ? [{ file, exercises }] : []));
  let folder: string;
  let results: Map<string, Result>;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'zgoda-inject-'));
    const links = ['--unsubscribe', LINKS.unsubscribe, '--preferences', LINKS.preferences];
    await promisify(execFile)(process.execPath, [CLI, 'inject', '--batch', source, '--out', folder, ...links]);
    const lines = readFileSync(join(folder, 'results.jsonl'), 'utf8').trim().split('\n');
    results = new Map(lines.map((line) => JSON.parse(line) as Result).map((one) => [one.file, one]));
  });
  after(() => rmSync(folder, { recursive: true }));

  it('have an outcome each, and a reason where they are refused', () => {
    expect(messages.length).to.be.greaterThan(600);
    for (const { file } of messages) {
      const { outcome, reason } = results.get(file) ?? { outcome: 'none', reason: '' };
      expect(outcome, file).to.be.oneOf(['injected', 'wrapped', 'headers', 'refused']);
      if (outcome === 'refused') expect(reason, file).to.match(/^The message is refused: .+\.$/);
    }
  });

  it('get it or are wrapped, at least 98 of 100 that are well formed', () => {
    const good = messages.filter(({ exercises }) => !/defect:|\bnul\b/.test(exercises));
    const done = good.filter(({ file }) => results.get(file)?.outcome !== 'refused');

    expect(done.length / good.length).to.be.at.least(0.98);
  });

  it('keep every other part and header, for a parser that is not ours', function () {
    if (!hasPython()) this.skip();
    const files = messages.flatMap(({ file }) => {
      const outcome = results.get(file)?.outcome ?? 'refused';
      return outcome === 'refused' ? [] : [{ file, outcome, in: join(source, file), out: join(folder, file) }];
    });

    const { stdout, stderr, status } = spawnSync('python3', [join(ROOT, 'test', 'mail', 'compare.py')], {
      input: JSON.stringify({ links: Object.values(LINKS), files }),
      ...{ encoding: 'utf8', maxBuffer: 1 << 26 },
    });

    expect(status, stderr).to.equal(0);
    const said = JSON.parse(stdout) as { wellFormed: number; complaints: [string, string][] };
    expect(said.wellFormed).to.be.greaterThan(450);
    // A boundary that is folded inside its quotes: Python keeps the line end in it.
    expect(said.complaints.filter(([file]) => !file.endsWith('multi-simple.msg'))).to.deep.equal([]);
  });

  it('are given back when the recorded ranges are cut', () => {
    let texts = 0;
    for (const { file } of messages) {
      const raw = readFileSync(join(source, file));
      for (const lines of ['keep', 'crlf'] as const) {
        const prepared = orRefused(() => prepareMessage(raw, { signed: 'wrap', lines }));
        if (!prepared) continue;
        const injection: Injection = injectFooter(prepared, { footer: FOOTER, headers: HEADERS, boundary: BOUNDARY });
        texts += undone(file, prepared, injection);
      }
    }
    expect(texts).to.be.greaterThan(700);
  });
});

function orRefused<T>(work: () => T): T | null {
  try {
    return work();
  } catch (error) {
    if (error instanceof Refusal) return null;
    throw error;
  }
}
