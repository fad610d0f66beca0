import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect } from 'chai';
import { ROOT } from '../../server/config.js';

const PROGRAM = join(ROOT, 'test', 'verify', 'independent.py');

/** Is Python here? In CI that it is not is a mistake, and throws. */
export function hasPython(): boolean {
  const isHere = spawnSync('python3', ['--version']).status === 0;
  if (!isHere && process.env['CI']) throw new Error('no python3: CI needs it');
  if (!isHere) console.warn('      python3 is not installed: the verifier in Python is not asked');
  return isHere;
}

/** What the verifier in Python answers to each question. */
export function python(mode: '--batch' | '--vectors', questions: readonly object[]): unknown[] {
  const input = questions.map((one) => `${JSON.stringify(one)}\n`).join('');
  const { stdout, stderr, status } = spawnSync('python3', [PROGRAM, mode], {
    ...{ input, encoding: 'utf8', timeout: 100_000, maxBuffer: 1 << 26 },
  });
  expect(status, stderr).to.equal(0);
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);
}
