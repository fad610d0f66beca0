import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect } from 'chai';
import { ROOT } from '../../server/config.js';
import type { TextRecord } from '../../server/mail/dkim-record.js';

const PROGRAM = join(ROOT, 'test', 'mail', 'dkimpy.py');
/** Debian's own: its packages are for no other. */
const PYTHON = '/usr/bin/python3';

/** Is dkimpy here (Debian: python3-dkim)? In CI that it is not is a mistake, and throws. */
export function hasDkimpy(): boolean {
  const isHere = spawnSync(PYTHON, ['-c', 'import dkim']).status === 0;
  if (!isHere && process.env['CI']) throw new Error('no python3-dkim: CI needs it');
  if (!isHere) console.warn('      python3-dkim is not installed: dkimpy is not asked');
  return isHere;
}

/** What dkimpy says of each signature of a mail, from the top. */
export function askDkimpy(mail: Buffer, records: readonly TextRecord[]): [algorithm: string, isGood: boolean][] {
  const input = JSON.stringify({
    mail: mail.toString('base64'),
    records: Object.fromEntries(records.map(({ name, text }) => [name, text])),
  });
  const { stdout, stderr, status } = spawnSync(PYTHON, [PROGRAM], { input, encoding: 'utf8', timeout: 60_000 });
  expect(status, stderr).to.equal(0);
  return JSON.parse(stdout) as [string, boolean][];
}
