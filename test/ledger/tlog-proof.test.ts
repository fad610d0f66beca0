import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { openCheckpoint, parseCheckpoint } from '../../server/ledger/checkpoint.js';
import { Malformed } from '../../server/ledger/malformed.js';
import { leafHash, rootOf, verifyInclusion } from '../../server/ledger/merkle.js';
import { parseNote, parseVkey } from '../../server/ledger/note.js';
import { entryBundle, parseTilePath, tilePath, TILE_WIDTH, tileWidth } from '../../server/ledger/tiles.js';
import { formatProof, parseProof } from '../../server/ledger/tlog-proof.js';
import { itWithShared, itWithVectors } from '../support/shared.js';

interface ProofVectors {
  marshal: { index: number; extra_ascii?: string; hashes: string; checkpoint: string; text: string }[];
  must_reject: { why: string; text: string }[];
  derived_complete: { text: string };
}
interface Derived {
  commitment: { opening_r_hex: string };
  leaf: { leaf_utf8: string };
  single_leaf_tree: { log_vkey: string; checkpoint: string };
  receipt_tlog_proof: string;
}
interface TileVectors {
  index_paths: { n: number; path: string }[];
  tile_counts: Record<string, number>[];
}

const tesseraLog = ['corpus', 'merkle', 'transparency-dev+tessera', 'log'];

describe('a tlog-proof', () => {
  itWithVectors('is written and read as the vectors say', 'tlog_proof', (vectors) => {
    for (const { index, extra_ascii, hashes, checkpoint, text } of (vectors as ProofVectors).marshal) {
      const names = [...hashes.matchAll(/"(\w+)"/g)].map(([, name]) => name!);
      const proof = {
        index,
        hashes: names.map((name) => createHash('sha256').update(name).digest()),
        checkpoint,
        ...(extra_ascii === undefined ? {} : { extra: Buffer.from(extra_ascii) }),
      };

      expect(formatProof(proof)).to.equal(text);
      expect(parseProof(text)).to.deep.equal(proof);
    }
  });

  itWithVectors('is refused when it is malformed', 'tlog_proof', (vectors) => {
    for (const { why, text } of (vectors as ProofVectors).must_reject) {
      expect(() => parseProof(text), why).to.throw(Malformed);
    }
  });

  itWithShared('of the derived tree leads from leaf 5 to the signed root', ['vectors', 'vectors.json'], (path) => {
    const vectors = JSON.parse(readFileSync(path, 'utf8')) as {
      tlog_proof: ProofVectors;
      recommended_formats_derived: Derived;
    };
    const proof = parseProof(vectors.tlog_proof.derived_complete.text);
    const { log_vkey } = vectors.recommended_formats_derived.single_leaf_tree;

    const { size, root } = openCheckpoint(proof.checkpoint, [parseVkey(log_vkey)]);

    const claim = { index: proof.index, size, root, leafHash: leafHash(Buffer.from('40414243', 'hex')) };
    expect(verifyInclusion({ ...claim, proof: proof.hashes })).to.equal(true);
  });

  itWithVectors('of the derived receipt carries the opening', 'recommended_formats_derived', (vectors) => {
    const { commitment, leaf, single_leaf_tree, receipt_tlog_proof } = vectors as Derived;
    const extra = Buffer.from(commitment.opening_r_hex, 'hex');

    const text = formatProof({ index: 0, hashes: [], checkpoint: single_leaf_tree.checkpoint, extra });

    const { size, root } = openCheckpoint(parseProof(text).checkpoint, [parseVkey(single_leaf_tree.log_vkey)]);
    const claim = { index: 0, size, root, leafHash: leafHash(Buffer.from(leaf.leaf_utf8)), proof: [] };
    expect(text).to.equal(receipt_tlog_proof);
    expect(verifyInclusion(claim)).to.equal(true);
  });

  it('has one spelling', () => {
    const header = 'c2sp.org/tlog-proof@v1\n';
    const texts = [
      `${header}index 01\n\nc\n`,
      `${header}index 1 \n\nc\n`,
      `${header}index 1\nextra AA==\n\nc\n`,
      `${header}extra \nindex 1\n\nc\n`,
      `${header}extra AB==\nindex 1\n\nc\n`,
      `${header}index 1\n\n`,
      `${header}index 1\n`,
      '',
      `${header}index 1\n${`${Buffer.alloc(32).toString('base64')}\n`.repeat(65)}\nc\n`,
    ];

    for (const text of texts) expect(() => parseProof(text), text).to.throw(Malformed);
  });

  it('never fails in another way than Malformed', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (tail) => {
        try {
          expect(formatProof(parseProof(`c2sp.org/tlog-proof@v1\n${tail}`))).to.equal(
            `c2sp.org/tlog-proof@v1\n${tail}`,
          );
        } catch (error) {
          expect(error).to.be.instanceOf(Malformed);
        }
      }),
    );
  });
});

describe('a tile', () => {
  itWithVectors('has the path and the width of the vectors', 'tlog_tiles', (vectors) => {
    const { index_paths, tile_counts } = vectors as TileVectors;

    for (const { n, path } of index_paths) {
      const name = { level: 0, index: n, width: TILE_WIDTH };
      expect(tilePath(name)).to.equal(`tile/0/${path}`);
      expect(parseTilePath(`tile/0/${path}`)).to.deep.equal(name);
    }
    const [seventyThousand, fullTile] = tile_counts;
    expect(tileWidth({ level: 0, index: 272 }, 70000)).to.equal(TILE_WIDTH);
    expect(tileWidth({ level: 0, index: 273 }, 70000)).to.equal(seventyThousand!['level0_partial_width']);
    expect(tileWidth({ level: 1, index: 1 }, 70000)).to.equal(seventyThousand!['level1_partial_width']);
    expect(tileWidth({ level: 2, index: 0 }, 70000)).to.equal(seventyThousand!['level2_partial_width']);
    expect(tileWidth({ level: 1, index: 0 }, 256)).to.equal(fullTile!['level1_partial_width']);
    expect(tileWidth({ level: 0, index: 1 }, 256)).to.equal(0);
  });

  it('has one path', () => {
    const wrong = [
      '0/0000',
      '00/000',
      '0/x000/000',
      '0/000.p/0',
      '0/000.p/256',
      '0/000.p/05',
      'x/000',
      '64/000',
      '0/1',
    ];

    for (const path of wrong) expect(() => parseTilePath(`tile/${path}`), path).to.throw(Malformed);
    expect(parseTilePath('tile/entries/x001/000.p/5')).to.deep.equal({ level: null, index: 1000, width: 5 });
  });

  it('is found again from any path', () => {
    const names = fc.record({
      level: fc.option(fc.nat(63)),
      index: fc.nat(2 ** 31 - 1),
      width: fc.integer({ min: 1, max: TILE_WIDTH }),
    });
    fc.assert(
      fc.property(names, (name) => {
        expect(parseTilePath(tilePath(name))).to.deep.equal(name);
      }),
    );
  });

  itWithShared('of a real log holds its entries and leads to its checkpoints', tesseraLog, (path) => {
    const leaves: Buffer[] = [];
    for (let size = 1; size <= 15; size += 1) {
      const bundle = readFileSync(join(path, tilePath({ level: null, index: 0, width: size })));
      const entries = splitBundle(bundle);
      leaves.push(leafHash(entries.at(-1)!));

      const checkpoint = parseCheckpoint(parseNote(readFileSync(join(path, `checkpoint.${size}`))).text);

      expect(entryBundle(entries)).to.deep.equal(bundle);
      expect(Buffer.concat(leaves)).to.deep.equal(
        readFileSync(join(path, tilePath({ level: 0, index: 0, width: size }))),
      );
      expect({ size: checkpoint.size, root: checkpoint.root }).to.deep.equal({ size, root: rootOf(leaves) });
    }
    expect(readdirSync(path)).to.include('checkpoint');
  });
});

function splitBundle(bundle: Buffer): Buffer[] {
  const entries: Buffer[] = [];
  for (let at = 0; at < bundle.length; at += 2 + bundle.readUInt16BE(at)) {
    entries.push(bundle.subarray(at + 2, at + 2 + bundle.readUInt16BE(at)));
  }
  return entries;
}
