import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { CLI } from '../support/process.js';
import { abuseReport, deliveryReport } from '../support/reports.js';

describe('zgoda bounce', () => {
  it('says in one line of JSON what a mail on standard input means', () => {
    const { status, stdout, stderr } = bounce([], deliveryReport({}));

    expect([status, stderr]).to.deep.equal([0, '']);
    expect(stdout).to.equal(
      '{"kind":"bounce","action":"hard","status":"5.1.1","reason":"user-unknown","recipients":["ada@example.org"]}\n',
    );
  });

  it('says it of a mail of any size, and of one that is none', () => {
    const large = bounce([], deliveryReport({}) + 'x'.repeat(3_000_000));

    expect(JSON.parse(large.stdout)).to.include({ kind: 'bounce', action: 'hard' });
    expect(JSON.parse(bounce([], '').stdout)).to.deep.equal({
      ...{ kind: 'none', action: 'none', status: null, reason: null },
      recipients: [],
    });
  });

  it('goes through a folder, a line a file', () => {
    const folder = mkdtempSync(join(tmpdir(), 'zgoda-bounce-'));
    mkdirSync(join(folder, 'deep'));
    writeFileSync(join(folder, 'a.eml'), deliveryReport({ status: '5.2.2', diagnostic: 'smtp; 552 5.2.2 full' }));
    writeFileSync(join(folder, 'deep', 'b.eml'), abuseReport());

    const { status, stdout } = bounce(['--batch', folder], '');

    expect(status).to.equal(0);
    const said = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(said.map(({ file, kind, action }) => [file, kind, action])).to.deep.equal([
      ['a.eml', 'bounce', 'soft'],
      ['deep/b.eml', 'complaint', 'none'],
    ]);
    rmSync(folder, { recursive: true });
  });

  it('exits 64 where it is used wrongly, and 1 where a folder is not there', () => {
    expect(bounce(['in.eml'], '').status).to.equal(64);
    expect(bounce(['--batch', join(tmpdir(), 'zgoda-not-there')], '').status).to.equal(1);
  });
});

function bounce(args: readonly string[], input: string) {
  return spawnSync(process.execPath, [CLI, 'bounce', ...args], { input, encoding: 'utf8' });
}
