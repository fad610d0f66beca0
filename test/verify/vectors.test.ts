import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect } from 'chai';
import fc from 'fast-check';
import type { Browser, Page } from 'playwright-core';
import { ROOT } from '../../server/config.js';
import { leafHash, rootOf } from '../../server/ledger/merkle.js';
import { signNote } from '../../server/ledger/note.js';
import { inclusionProof } from '../../server/ledger/prove.js';
import { parts } from '../../server/verify/verify.js';
import { launchBrowser } from '../support/browser.js';
import { ed25519 } from '../support/keys.js';
import { hasPython, python } from '../support/python.js';
import { itWithShared, itWithVectors } from '../support/shared.js';
import { vkeyOf } from '../support/stamped-receipts.js';

/** What a verifier is asked about a part of it, by name, and arguments; null: an error. */
type Question = readonly [name: keyof typeof PROGRAM, ...unknown[]];

describe('Three verifiers, and what was published', function () {
  this.timeout(120_000);
  let browser: Browser | null = null;
  let page: Page | null = null;
  before(async () => {
    browser = await launchBrowser();
    page = (await browser?.newPage()) ?? null;
    await page?.goto(pathToFileURL(join(ROOT, 'public', 'verify.html')).href);
  });
  after(async () => browser?.close());

  async function expectAll(questions: readonly Question[], wanted: readonly unknown[]): Promise<void> {
    const program = questions.map(([name, ...rest]) =>
      orNull(() => (PROGRAM[name] as (...given: unknown[]) => unknown)(...rest)),
    );
    expect(program, 'the program').to.deep.equal(wanted);
    if (page) expect(await page.evaluate(`(${PAGE})(${JSON.stringify(questions)})`), 'the page').to.deep.equal(wanted);
    if (hasPython()) expect(python('--vectors', questions), 'Python').to.deep.equal(wanted);
  }

  itWithVectors(
    'verify the signatures of RFC 8032, and refuse those that Wycheproof bent',
    'ed25519',
    async (vectors) => {
      const { rfc8032, rfc8032_test1024: long, wycheproof_negative: negative } = vectors as Signatures;
      const good = [...rfc8032, long].map((one): Question => [
        'ed25519',
        one.public_hex,
        one.message_hex,
        one.signature_hex,
      ]);
      const bad = negative.tests.map(({ pk, msg, sig }): Question => ['ed25519', pk, msg, sig]);

      await expectAll([...good, ...bad], [...good.map(() => true), ...bad.map(() => false)]);
    },
  );

  itWithVectors('answer every probe of inclusion, bent ones too', 'merkle_proof_probes', async (vectors) => {
    // A leaf is hashed by the verifiers themselves: it cannot have another length.
    const inclusion = (vectors as { inclusion: Probe[] }).inclusion.filter((one) => one.leafHash_b64.length === 44);

    await expectAll(
      inclusion.map((one) => ['included', one.leafIdx, one.treeSize, one.leafHash_b64, one.root_b64, one.proof_b64]),
      inclusion.map((one) => !one.must_fail),
    );
  });

  itWithShared(
    'answer the cases of transparency-dev',
    ['corpus', 'merkle', 'transparency-dev+merkle'],
    async (folder) => {
      const cases = readdirSync(folder, { recursive: true, encoding: 'utf8' })
        .filter((file) => /inclusion\/.*\.json$/.test(file))
        .map((file) => JSON.parse(readFileSync(join(folder, file), 'utf8')) as CorpusCase)
        // Subtrees that begin at leaf 0 are ordinary trees; the others belong to another draft.
        .filter((one) => (one.start ?? 0) === 0 && one.leafHash.length === 44);

      await expectAll(
        cases.map((one) => [
          ...(['included', one.leafIdx, one.treeSize ?? one.end ?? 0, one.leafHash, one.root] as const),
          one.proof ?? [],
        ]),
        cases.map((one) => !one.wantErr),
      );
      expect(cases.length).to.be.greaterThan(60);
    },
  );

  itWithShared(
    'verify entries of real logs of 23 and 75 million leaves',
    ['corpus', 'merkle', 'sigstore+sigstore-conformance', 'bundle-verify'],
    async (folder) => {
      const entries = readdirSync(folder, { recursive: true, encoding: 'utf8' })
        .filter((file) => file.endsWith('bundle.sigstore.json'))
        .flatMap((file) => {
          const bundle = JSON.parse(readFileSync(join(folder, file), 'utf8')) as Bundle;
          return bundle.verificationMaterial.tlogEntries.map((entry) => ({ file, ...entry }));
        })
        .filter((entry) => entry.inclusionProof);

      await expectAll(
        entries.map(({ canonicalizedBody, inclusionProof: proof }) => [
          ...(['included', Number(proof!.logIndex), Number(proof!.treeSize)] as const),
          leafHash(Buffer.from(canonicalizedBody, 'base64')).toString('base64'),
          proof!.rootHash,
          proof!.hashes,
        ]),
        entries.map(({ file }) => !file.includes('invalid-inclusion-proof_fail')),
      );
      expect(entries.length).to.be.greaterThan(8);
    },
  );

  itWithVectors('read tlog-proofs, and refuse malformed ones', 'tlog_proof', async (vectors) => {
    const { marshal, must_reject: bad } = vectors as Proofs;
    const hashesOf = (names: string): string[] =>
      [...names.matchAll(/"(\w+)"/g)].map(([, name]) => createHash('sha256').update(name!).digest('base64'));

    await expectAll(
      [...marshal, ...bad].map(({ text }) => ['proof', text]),
      [
        ...marshal.map(({ extra_ascii: extra, index, hashes, checkpoint }) => [
          ...[extra === undefined ? null : Buffer.from(extra).toString('base64'), index, hashesOf(hashes), checkpoint],
        ]),
        ...bad.map(() => null),
      ],
    );
  });

  itWithVectors(
    'open a checkpoint with its cosignature, and no other under these keys',
    'tlog_cosignature_ed25519',
    async (vectors) => {
      const { log_vkey: log, witness_vkey: witness, checkpoint, checkpoint_body: body } = (vectors as Cosigned).derived;
      const [, size, root] = body.split('\n');
      const name = witness.split('+')[0];
      const bent = [...checkpoint.matchAll(/[0-9A-Za-z+/]{4}(?=[=\n])/g)].map(
        ({ index }) =>
          `${checkpoint.slice(0, index)}${checkpoint[index] === 'B' ? 'C' : 'B'}${checkpoint.slice(index + 1)}`,
      );

      await expectAll(
        [
          ['checkpoint', checkpoint, log, witness],
          ['checkpoint', checkpoint, log],
          ...bent.map((note): Question => ['checkpoint', note, log, witness]),
        ],
        [[Number(size), root, [name]], [Number(size), root, []], ...bent.map(() => null)],
      );
      expect(bent.length).to.be.greaterThan(2);
    },
  );

  itWithVectors('refuse checkpoints that are none, though they are signed', 'tlog_checkpoint', async (vectors) => {
    const { must_reject_body: bodies, marshal } = vectors as Checkpoints;
    const key = ed25519(1);
    const all = [
      ...bodies.filter((body) => body.endsWith('\n') && !body.startsWith('\n')),
      ...marshal.map(({ body }) => body),
    ];
    const named = (body: string): string => body.slice(0, body.indexOf('\n'));

    await expectAll(
      all.map((body) => ['checkpoint', signNote(body, named(body), key), vkeyOf(named(body), key, 1)]),
      all.map(() => null),
    );
  });

  itWithVectors('print JSON as RFC 8785 says', 'jcs', async (vectors) => {
    // Records hold no fractions: a file with one is refused before.
    const tests = (vectors as Jcs).tests.filter(({ input_utf8: input }) => !/\d[.eE]\d/.test(input));

    await expectAll(
      tests.map(({ input_utf8: input }) => ['canonical', input]),
      tests.map(({ output_utf8: output }) => output),
    );
    expect(tests.length).to.be.greaterThan(2);
  });

  itWithVectors('compute the commitment to a record', 'recommended_formats_derived', async (vectors) => {
    const { commitment, receipt_tlog_proof: proof, single_leaf_tree: tree, leaf } = vectors as Derived;
    const opening = Buffer.from(commitment.opening_r_hex, 'hex').toString('base64');
    const root = Buffer.from(tree.root_hex, 'hex').toString('base64');

    await expectAll(
      [
        ['committed', commitment.opening_r_hex, commitment.record],
        ['proof', proof],
        ['checkpoint', tree.checkpoint, tree.log_vkey],
        ['included', 0, 1, leafHash(Buffer.from(leaf.leaf_utf8)).toString('base64'), root, []],
      ],
      [commitment.commitment_hex, [opening, 0, [], tree.checkpoint], [1, root, []], true],
    );
  });

  it('find any leaf of any tree, and nothing after one bit changed', async () => {
    const leaves = Array.from({ length: 700 }, (_, at) => leafHash(Buffer.from(String(at))));
    const read = async (level: number, start: number, end: number): Promise<Buffer[]> =>
      Promise.resolve(
        Array.from({ length: end - start }, (_, at) =>
          rootOf(leaves.slice((start + at) * 256 ** level, (start + at + 1) * 256 ** level)),
        ),
      );
    const sizes = fc
      .integer({ min: 1, max: 700 })
      .chain((size) => fc.tuple(fc.nat(size - 1), fc.constant(size), fc.nat()));
    const questions: Question[] = [];
    for (const [index, size, flip] of fc.sample(sizes, 150)) {
      const path = await inclusionProof(read, index, size);
      const root = rootOf(leaves.slice(0, size));
      const ask = (hashes: Buffer[], at = index): Question => [
        ...(['included', at, size, leaves[index]!.toString('base64'), root.toString('base64')] as const),
        hashes.map((hash) => hash.toString('base64')),
      ];
      const bent = path.map((hash, at) =>
        at === flip % path.length
          ? Buffer.from(hash.map((byte, place) => (place === flip % 32 ? byte ^ 1 : byte)))
          : hash,
      );
      questions.push(ask(path), ask(path.length ? bent : [root]), ask(path, index + 1 < size ? index + 1 : size));
    }

    await expectAll(
      questions,
      questions.map((_, at) => at % 3 === 0),
    );
  });
});

function orNull(work: () => unknown): unknown {
  try {
    return work() ?? null;
  } catch {
    return null;
  }
}

const hex = (text: string): Buffer => Buffer.from(text, 'hex');
const base64 = (text: string): Buffer => Buffer.from(text, 'base64');

/** The parts of the program, asked as the others are. */
const PROGRAM = {
  ed25519: (key: string, message: string, signature: string): boolean =>
    parts.verifyEd25519(hex(key), hex(message), hex(signature)),
  included: (index: number, size: number, leaf: string, root: string, path: string[]): boolean =>
    path.every((hash) => base64(hash).length === 32) &&
    (parts.walkPath({ index, size, leaf: base64(leaf), path: path.map(base64) })?.root.equals(base64(root)) ?? false),
  proof: (text: string): unknown => {
    const found = parts.parseProof(text);
    return (
      found && [
        ...[found.opening?.toString('base64') ?? null, found.index, found.path.map((one) => one.toString('base64'))],
        found.checkpoint,
      ]
    );
  },
  checkpoint: (note: string, log: string, witness?: string): unknown => {
    const key = parts.parseVkey(log)!;
    const witnesses = witness === undefined ? [] : [parts.parseVkey(witness, 4)!];
    const found = parts.openCheckpoint(note, { pinned: [key], all: [key], witnesses, named: [] }, key.name);
    return typeof found === 'string' ? null : [found.size, found.root.toString('base64'), found.witnesses];
  },
  canonical: (text: string): string => parts.canonical(parts.parseJson(text)),
  committed: (opening: string, record: object): string =>
    parts
      .hmac(hex(opening), 'consentlog/commit/v1', parts.canonical(parts.parseJson(JSON.stringify(record))))
      .toString('hex'),
};

/** The same of the page, which knows its parts by other names. */
const PAGE = `(questions) => {
  const hex = (text) => Uint8Array.from(text.match(/../g) ?? [], (byte) => parseInt(byte, 16));
  const ask = {
    ed25519: (...given) => ed25519(...given.map(hex)),
    included: (index, size, leaf, root, path) => {
      const found = walk(index, size, unbase64(leaf), path.map(unbase64));
      return Boolean(found && base64(found.root) === root);
    },
    proof: (text) => {
      const { extra, index, path, note } = parseProof(text);
      return [extra && base64(extra), index, path.map(base64), note];
    },
    checkpoint: (note, log, witness) => {
      const key = parseVkey(log, 1);
      const witnesses = witness ? [parseVkey(witness, 4)] : [];
      const found = openNote(note, { pinned: [key], all: [key], witnesses, named: [] }, key.name);
      return typeof found === 'string' ? null : [found.size, base64(found.root), found.witnesses];
    },
    canonical: (text) => canonical(parseJson(text)),
    committed: (opening, record) => hexOf(tagged(hex(opening), 'consentlog/commit/v1', canonical(record))),
  };
  return questions.map(([name, ...given]) => { try { return ask[name](...given) ?? null; } catch { return null; } });
}`;

interface Signature {
  public_hex: string;
  message_hex: string;
  signature_hex: string;
}
interface Signatures {
  rfc8032: Signature[];
  rfc8032_test1024: Signature;
  wycheproof_negative: { tests: { pk: string; msg: string; sig: string }[] };
}
interface Probe {
  leafIdx: number;
  treeSize: number;
  leafHash_b64: string;
  root_b64: string;
  proof_b64: string[];
  must_fail: boolean;
}
interface CorpusCase {
  leafIdx: number;
  treeSize?: number;
  start?: number;
  end?: number;
  leafHash: string;
  root: string;
  proof: string[] | null;
  wantErr: boolean;
}
interface Bundle {
  verificationMaterial: {
    tlogEntries: {
      canonicalizedBody: string;
      inclusionProof?: { logIndex: string; treeSize: string; rootHash: string; hashes: string[] };
    }[];
  };
}
interface Proofs {
  marshal: { index: number; extra_ascii?: string; hashes: string; checkpoint: string; text: string }[];
  must_reject: { text: string }[];
}
interface Cosigned {
  derived: { log_vkey: string; witness_vkey: string; checkpoint: string; checkpoint_body: string };
}
interface Checkpoints {
  must_reject_body: string[];
  marshal: { body: string }[];
}
interface Jcs {
  tests: { input_utf8: string; output_utf8: string }[];
}
interface Derived {
  commitment: { record: object; opening_r_hex: string; commitment_hex: string };
  leaf: { leaf_utf8: string };
  single_leaf_tree: { root_hex: string; checkpoint: string; log_vkey: string };
  receipt_tlog_proof: string;
}
