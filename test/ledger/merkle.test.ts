import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createHash } from 'node:crypto';
import { expect } from 'chai';
import fc from 'fast-check';
import { appendLeaves, EMPTY_FRONTIER, frontierRoot, type TileRoot } from '../../server/ledger/frontier.js';
import {
  EMPTY_ROOT,
  leafHash,
  nodeHash,
  rootOf,
  verifyConsistency,
  verifyFromEmpty,
  verifyInclusion,
} from '../../server/ledger/merkle.js';
import { consistencyProof, frontierAt, inclusionProof, type ReadHashes } from '../../server/ledger/prove.js';
import { itWithShared, itWithVectors } from '../support/shared.js';

interface Rfc6962 {
  hasher: { hex: string }[];
  leaves_hex: string[];
  roots_by_size: string[];
  node_hashes_by_level: string[][];
  inclusion_published_zero_based: { index: number; size: number; proof: string[] }[];
  consistency_published: { size1: number; size2: number; proof: string[] }[];
  inclusion_all_sizes_1_to_8_derived: { index: number; size: number; proof: string[] }[];
  consistency_all_sizes_1_to_8_derived: { size1: number; size2: number; proof: string[] }[];
}
interface Probes {
  inclusion: {
    file: string;
    leafIdx: number;
    treeSize: number;
    root_b64: string;
    leafHash_b64: string;
    proof_b64: string[];
    must_fail: boolean;
  }[];
  consistency: {
    file: string;
    size1: number;
    size2: number;
    root1_b64: string;
    root2_b64: string;
    proof_b64: string[];
    must_fail: boolean;
  }[];
}
interface Accumulated {
  published_subtree: { hash_sha256: string; inclusion_sha256: string };
  derived_full_tree: { roots: { sha256: string } };
}
interface CorpusCase {
  leafIdx: number;
  treeSize?: number;
  start?: number;
  end?: number;
  size?: number;
  size1?: number;
  size2?: number;
  root: string;
  root1: string;
  root2: string;
  leafHash: string;
  proof: string[] | null;
  wantErr: boolean;
}
interface SigstoreBundle {
  verificationMaterial: {
    tlogEntries: {
      canonicalizedBody: string;
      inclusionProof?: { logIndex: string; treeSize: string; rootHash: string; hashes: string[] };
    }[];
  };
}

const hex = (text: string) => Buffer.from(text, 'hex');
const base64 = (text: string) => Buffer.from(text, 'base64');
const toHex = (bytes: Buffer) => bytes.toString('hex');
const oneByteLeaves = (count: number) => Array.from({ length: count }, (_, at) => leafHash(Buffer.from([at])));

/** A log in memory that holds what the database would: leaf hashes and tile roots. It notes how much each read took. */
function memoryLog(leafHashes: readonly Buffer[]) {
  const { frontier, tileRoots } = appendLeaves(EMPTY_FRONTIER, leafHashes);
  const reads: number[] = [];
  const read: ReadHashes = async (level, start, end) => {
    reads.push(end - start);
    if (level === 0) return Promise.resolve(leafHashes.slice(start, end));
    const ofLevel = tileRoots.filter((root) => root.level === level && root.index >= start && root.index < end);
    return Promise.resolve(ofLevel.map((root) => root.hash));
  };
  return { frontier, tileRoots, reads, read };
}

describe('the tree of RFC 6962', () => {
  itWithVectors('has the published hashes and roots', 'rfc6962_merkle', (vectors) => {
    const { hasher, leaves_hex, roots_by_size, node_hashes_by_level } = vectors as Rfc6962;
    const leaves = leaves_hex.map((leaf) => leafHash(hex(leaf)));

    expect(
      [
        EMPTY_ROOT,
        leafHash(Buffer.alloc(0)),
        leafHash(Buffer.from('L123456')),
        nodeHash(Buffer.from('N123'), Buffer.from('N456')),
      ].map(toHex),
    ).to.deep.equal(hasher.map((each) => each.hex));
    roots_by_size.forEach((root, size) => {
      expect(toHex(rootOf(leaves.slice(0, size)))).to.equal(root);
      expect(toHex(frontierRoot(appendLeaves(EMPTY_FRONTIER, leaves.slice(0, size)).frontier))).to.equal(root);
    });
    node_hashes_by_level.forEach((nodes, level) => {
      nodes.forEach((node, at) => {
        expect(toHex(rootOf(leaves.slice(at * 2 ** level, (at + 1) * 2 ** level)))).to.equal(node);
      });
    });
  });

  itWithVectors('has the published and derived proofs', 'rfc6962_merkle', async (vectors) => {
    const tree = vectors as Rfc6962;
    const leaves = tree.leaves_hex.map((leaf) => leafHash(hex(leaf)));
    const root = (size: number) => hex(tree.roots_by_size[size]!);
    const { read } = memoryLog(leaves);

    for (const { index, size, proof } of [
      ...tree.inclusion_published_zero_based,
      ...tree.inclusion_all_sizes_1_to_8_derived,
    ]) {
      expect((await inclusionProof(read, index, size)).map(toHex)).to.deep.equal(proof);
      const claim = { index, size, leafHash: leaves[index]!, root: root(size), proof: proof.map(hex) };
      expect(verifyInclusion(claim)).to.equal(true);
    }
    for (const { size1, size2, proof } of [
      ...tree.consistency_published,
      ...tree.consistency_all_sizes_1_to_8_derived,
    ]) {
      expect((await consistencyProof(read, size1, size2)).map(toHex)).to.deep.equal(proof);
      const claim = { size1, size2, root1: root(size1), root2: root(size2), proof: proof.map(hex) };
      expect(verifyConsistency(claim)).to.equal(true);
    }
  });

  itWithVectors('answers every probe, bent ones too', 'merkle_proof_probes', (vectors) => {
    const { inclusion, consistency } = vectors as Probes;

    for (const probe of inclusion) {
      const claim = {
        index: probe.leafIdx,
        size: probe.treeSize,
        leafHash: base64(probe.leafHash_b64),
        root: base64(probe.root_b64),
        proof: probe.proof_b64.map(base64),
      };
      expect(verifyInclusion(claim), probe.file).to.equal(!probe.must_fail);
    }
    for (const probe of consistency) {
      const claim = {
        size1: probe.size1,
        size2: probe.size2,
        root1: base64(probe.root1_b64),
        root2: base64(probe.root2_b64),
        proof: probe.proof_b64.map(base64),
      };
      expect(verifyConsistency(claim), probe.file).to.equal(!probe.must_fail);
    }
  });

  itWithVectors('reproduces the rolling hashes', 'merkle_accumulated', async (vectors) => {
    const { published_subtree, derived_full_tree } = vectors as Accumulated;
    const leaves = oneByteLeaves(256);
    const [subtrees, subtreePaths, roots] = Array.from({ length: 3 }, () => createHash('sha256'));

    for (let end = 0; end <= 130; end += 1) {
      for (let start = 0; start <= end; start += 1) {
        // The empty ranges are listed too.
        const width = start === end ? 1 : 2 ** Math.ceil(Math.log2(end - start));
        if (start % width !== 0) continue;
        const part = leaves.slice(start, end);
        subtrees!.update(`[${start}, ${end}) ${toHex(rootOf(part))}\n`);
        const log = memoryLog(part);
        for (let at = start; at < end; at += 1) {
          const proof = (await inclusionProof(log.read, at - start, end - start)).map((hash) => ` ${toHex(hash)}`);
          subtreePaths!.update(`${at} [${start}, ${end})${proof.join('')}\n`);
        }
      }
    }
    for (let size = 0; size <= 256; size += 1) {
      roots!.update(`${size} ${toHex(rootOf(leaves.slice(0, size)))}\n`);
    }

    expect(subtrees!.digest('hex')).to.equal(published_subtree.hash_sha256);
    expect(roots!.digest('hex')).to.equal(derived_full_tree.roots.sha256);
    expect(subtreePaths!.digest('hex')).to.equal(published_subtree.inclusion_sha256);
  });

  itWithShared('agrees with the cases of transparency-dev', ['corpus', 'merkle', 'transparency-dev+merkle'], (path) => {
    const counts = { inclusion: 0, consistency: 0 };

    for (const { file, probe } of corpusCases(path)) {
      const proof = (probe.proof ?? []).map(base64);
      if (file.includes('inclusion/')) {
        const claim = {
          index: probe.leafIdx,
          size: probe.treeSize ?? probe.end ?? 0,
          leafHash: base64(probe.leafHash),
          root: base64(probe.root),
          proof,
        };
        expect(verifyInclusion(claim), file).to.equal(!probe.wantErr);
        counts.inclusion += 1;
      } else {
        const claim = {
          size1: probe.size1 ?? probe.end ?? 0,
          size2: probe.size2 ?? probe.size ?? 0,
          root1: base64(probe.root1),
          root2: base64(probe.root2),
          proof,
        };
        expect(verifyConsistency(claim), file).to.equal(!probe.wantErr);
        counts.consistency += 1;
      }
    }

    expect(counts.inclusion).to.be.greaterThan(40);
    expect(counts.consistency).to.be.greaterThan(40);
  });

  itWithShared(
    'verifies entries of real logs of 23 and 75 million leaves',
    ['corpus', 'merkle', 'sigstore+sigstore-conformance', 'bundle-verify'],
    (path) => {
      let entries = 0;
      for (const folder of readdirSync(path)) {
        const file = join(path, folder, 'bundle.sigstore.json');
        if (!existsSync(file)) continue;
        const bundle = JSON.parse(readFileSync(file, 'utf8')) as SigstoreBundle;
        for (const { canonicalizedBody, inclusionProof: proof } of bundle.verificationMaterial.tlogEntries) {
          if (proof === undefined) continue;
          const claim = {
            index: Number(proof.logIndex),
            size: Number(proof.treeSize),
            leafHash: leafHash(base64(canonicalizedBody)),
            root: base64(proof.rootHash),
            proof: proof.hashes.map(base64),
          };
          expect(verifyInclusion(claim), folder).to.equal(folder !== 'invalid-inclusion-proof_fail');
          entries += 1;
        }
      }
      expect(entries).to.be.greaterThan(8);
    },
  );

  it('treats the empty tree apart', () => {
    const root = leafHash(Buffer.of());

    expect(verifyFromEmpty(1, root, [])).to.equal(true);
    expect(verifyFromEmpty(0, EMPTY_ROOT, [])).to.equal(true);
    expect(verifyFromEmpty(0, root, [])).to.equal(false);
    expect(verifyFromEmpty(1, root, [root])).to.equal(false);
    expect(verifyConsistency({ size1: 0, size2: 1, root1: EMPTY_ROOT, root2: root, proof: [] })).to.equal(false);
  });
});

describe('the frontier and the tiles', () => {
  const leaves = Array.from({ length: 65537 }, (_, at) => leafHash(Buffer.from(String(at))));
  const log = memoryLog(leaves);

  for (const size of [1, 2, 255, 256, 257, 65535, 65536, 65537]) {
    it(`agree with the plain root at ${size} leaves`, async () => {
      const root = rootOf(leaves.slice(0, size));

      expect(frontierRoot(appendLeaves(EMPTY_FRONTIER, leaves.slice(0, size)).frontier)).to.deep.equal(root);
      expect(frontierRoot(await frontierAt(log.read, size))).to.deep.equal(root);
      for (const index of [0, size >> 1, size - 1]) {
        const proof = await inclusionProof(log.read, index, size);
        expect(verifyInclusion({ index, size, leafHash: leaves[index]!, root, proof })).to.equal(true);
      }
      for (const size1 of [1, (size + 1) >> 1, size]) {
        const proof = await consistencyProof(log.read, size1, size);
        const root1 = rootOf(leaves.slice(0, size1));
        expect(verifyConsistency({ size1, size2: size, root1, root2: root, proof })).to.equal(true);
      }
    });
  }

  it('name each tile root once, when it is complete', () => {
    const byLevel = (level: number) => log.tileRoots.filter((root) => root.level === level);

    expect(byLevel(1).map((root) => root.index)).to.deep.equal(Array.from({ length: 256 }, (_, at) => at));
    expect(byLevel(1)[3]!.hash).to.deep.equal(rootOf(leaves.slice(768, 1024)));
    expect(byLevel(2).map((root) => root.hash)).to.deep.equal([rootOf(leaves.slice(0, 65536))]);
    expect(log.tileRoots.length).to.equal(257);
  });

  it('never read more than one tile at once, nor a tile twice', async () => {
    log.reads.length = 0;

    await inclusionProof(log.read, 300, 65537);

    expect(Math.max(...log.reads)).to.equal(256);
    expect(log.reads.length).to.be.lessThan(6);
  });

  it('fail loudly when the store has holes', async () => {
    const read: ReadHashes = async (level, start, end) => (await log.read(level, start, end)).slice(1);

    const failure = await inclusionProof(read, 5, 1000).catch((error: unknown) => error);

    expect(failure).to.be.instanceOf(RangeError);
  });

  it('refuse leaves and sizes that do not exist', async () => {
    for (const [index, size] of [
      [5, 5],
      [-1, 5],
      [0.5, 5],
      [0, 0],
    ] as const) {
      expect(await inclusionProof(log.read, index, size).catch((error: unknown) => error)).to.be.instanceOf(RangeError);
    }
    expect(await consistencyProof(log.read, 6, 5).catch((error: unknown) => error)).to.be.instanceOf(RangeError);
    expect(await consistencyProof(log.read, 0, 5)).to.deep.equal([]);
  });

  it('grow the same in any batches', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(300), { maxLength: 6 }), (batches) => {
        let frontier = EMPTY_FRONTIER;
        const tileRoots: TileRoot[] = [];
        for (const count of batches) {
          const grown = appendLeaves(frontier, leaves.slice(frontier.size, frontier.size + count));
          frontier = grown.frontier;
          tileRoots.push(...grown.tileRoots);
        }

        const atOnce = appendLeaves(EMPTY_FRONTIER, leaves.slice(0, frontier.size));

        expect(frontier).to.deep.equal(atOnce.frontier);
        expect(tileRoots).to.deep.equal(atOnce.tileRoots);
        expect(frontierRoot(frontier)).to.deep.equal(rootOf(leaves.slice(0, frontier.size)));
      }),
      { numRuns: 30 },
    );
  });

  it('prove any leaf and any older tree, and nothing after one bit changed', async () => {
    const pair = fc.integer({ min: 1, max: 3000 }).chain((size) => fc.tuple(fc.constant(size), fc.nat(size - 1)));
    await fc.assert(
      fc.asyncProperty(pair, fc.nat(), async ([size, index], flip) => {
        const [root, root1] = [rootOf(leaves.slice(0, size)), rootOf(leaves.slice(0, index + 1))];
        const inclusion = { index, size, leafHash: leaves[index]!, root };
        const consistency = { size1: index + 1, size2: size, root1, root2: root };
        const path = await inclusionProof(log.read, index, size);
        const older = await consistencyProof(log.read, index + 1, size);

        expect(verifyInclusion({ ...inclusion, proof: path })).to.equal(true);
        expect(verifyConsistency({ ...consistency, proof: older })).to.equal(true);
        if (path.length > 0) expect(verifyInclusion({ ...inclusion, proof: bend(path, flip) })).to.equal(false);
        if (older.length > 0) expect(verifyConsistency({ ...consistency, proof: bend(older, flip) })).to.equal(false);
      }),
      { numRuns: 150 },
    );
  });

  it('verify beyond 32 bits', () => {
    const index = 2 ** 40;
    const sibling = leafHash(Buffer.from('left of it'));
    const leaf = leafHash(Buffer.from('the last'));

    const claim = { index, size: index + 1, leafHash: leaf, root: nodeHash(sibling, leaf), proof: [sibling] };

    expect(verifyInclusion(claim)).to.equal(true);
    expect(verifyInclusion({ ...claim, index: index - 1 })).to.equal(false);
  });
});

function bend(proof: readonly Buffer[], flip: number): Buffer[] {
  const at = flip % proof.length;
  return proof.map((hash, position) => {
    if (position !== at) return hash;
    const bent = Buffer.from(hash);
    bent[flip % 32]! ^= 1 << (flip % 8);
    return bent;
  });
}

// Subtree cases that begin at leaf 0 are ordinary trees; the others belong to another draft.
function corpusCases(path: string): { file: string; probe: CorpusCase }[] {
  return readdirSync(path, { recursive: true, encoding: 'utf8' })
    .filter((file) => /(inclusion|consistency)\/.*\.json$/.test(file))
    .map((file) => ({ file, probe: JSON.parse(readFileSync(join(path, file), 'utf8')) as CorpusCase }))
    .filter(({ probe }) => (probe.start ?? 0) === 0);
}
