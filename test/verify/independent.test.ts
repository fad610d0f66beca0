import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect } from 'chai';
import { ROOT } from '../../server/config.js';
import { verifyReceipt } from '../../server/verify/verify.js';
import { BROKEN, receipt, SCENES, vkey } from '../support/receipts.js';
import { itWithVectors } from '../support/shared.js';

const PROGRAM = join(ROOT, 'test', 'verify', 'independent.py');

describe('A second verifier, in Python', () => {
  before(function () {
    const found = spawnSync('python3', ['--version']).status === 0;
    if (!found && process.env['CI']) throw new Error('no python3: CI needs it');
    if (!found) this.skip();
  });

  it('says the same of every receipt, whole or broken', async () => {
    const scenes = [...SCENES, ...BROKEN.map(([title, , scene]) => [title, scene] as const)];
    const cases = await Promise.all(
      scenes.map(async ([title, scene]) => ({ title, receipt: await receipt(scene), vkeys: [vkey] })),
    );
    const [whole] = cases;
    cases.push({ ...whole!, title: 'no pinned key', vkeys: [] });

    const answers = python('--batch', cases);

    const ours = cases.map((one) => verifyReceipt(one.receipt, { vkeys: one.vkeys }).exitCode);
    expect(cases.map(({ title }, at) => `${title}: ${String(answers[at])}`)).to.deep.equal(
      cases.map(({ title }, at) => `${title}: ${String(ours[at])}`),
    );
    expect(new Set(ours)).to.deep.equal(new Set([0, 1, 2, 3]));
  });

  it('says the same of a receipt in which one byte was changed', async () => {
    const text = await receipt();
    const places = Array.from({ length: 150 }, (_, at) => Math.floor((text.length * at) / 150));
    const cases = places.map((place) => {
      const by = text[place] === 'A' ? 'B' : 'A';
      return { receipt: text.slice(0, place) + by + text.slice(place + 1), vkeys: [vkey] };
    });

    const answers = python('--batch', cases);

    cases.forEach((one, at) => {
      const ours = verifyReceipt(one.receipt, { vkeys: one.vkeys }).exitCode;
      expect(answers[at] === 0, `character ${places[at]}`).to.equal(ours === 0);
    });
  });

  itWithVectors('agrees with the signatures of RFC 8032, and refuses what it refuses', 'ed25519', (vectors) => {
    const { rfc8032, wycheproof_negative: negative } = vectors as Signatures;
    const cases = [
      ...rfc8032.map((one) => ({ key: one.public_hex, message: one.message_hex, signature: one.signature_hex })),
      ...negative.tests.map(({ pk, msg, sig }) => ({ key: pk, message: msg, signature: sig })),
    ];

    const answers = python('--ed25519', cases);

    expect(answers).to.deep.equal([...rfc8032.map(() => true), ...negative.tests.map(() => false)]);
  });
});

interface Signatures {
  rfc8032: { public_hex: string; message_hex: string; signature_hex: string }[];
  wycheproof_negative: { tests: { pk: string; msg: string; sig: string }[] };
}

function python(mode: string, cases: readonly object[]): unknown[] {
  const input = cases.map((one) => `${JSON.stringify(one)}\n`).join('');
  const { stdout, stderr, status } = spawnSync('python3', [PROGRAM, mode], {
    input,
    encoding: 'utf8',
    timeout: 50_000,
  });
  expect(status, stderr).to.equal(0);
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);
}
