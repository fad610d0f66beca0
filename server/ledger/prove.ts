import type { Frontier } from './frontier.js';
import { rootOf, splitPoint } from './merkle.js';
import { TILE_WIDTH } from './tiles.js';

/**
 * Hashes `start` to `end` (exclusive) of a tile level, 32 bytes each: level 0 leaf hashes, level L roots of 256^L leaves.
 * Asked for whole tiles only, cut at the size of the tree: 256 hashes at most, and each tile once a proof.
 */
export type ReadHashes = (tileLevel: number, start: number, end: number) => Promise<Buffer[]>;

/** Audit path of a leaf, from its sibling upwards. RFC 6962 2.1.1. Throws RangeError when the tree has no such leaf. */
export async function inclusionProof(read: ReadHashes, index: number, size: number): Promise<Buffer[]> {
  if (!isBelow(index, size)) throw new RangeError(`no leaf ${index} in a tree of ${size}`);
  return hashesOf(read, size, auditPath(index, 0, size));
}

/** Proof that the tree of `size2` begins with that of `size1`. RFC 6962 2.1.2. Empty from size 0 (P-26). Throws RangeError when it shrank. */
export async function consistencyProof(read: ReadHashes, size1: number, size2: number): Promise<Buffer[]> {
  if (!isBelow(size1, size2 + 1)) throw new RangeError(`a tree of ${size2} does not begin with ${size1} leaves`);
  return size1 === 0 ? [] : hashesOf(read, size2, subProof(size1, { start: 0, end: size2 }, true));
}

/** The frontier of the first `size` leaves: to go on after a start, or to compute an older root. */
export async function frontierAt(read: ReadHashes, size: number): Promise<Frontier> {
  if (!isBelow(size, size + 1)) throw new RangeError(`no tree has the size ${size}`);
  return { size, hashes: await hashesOf(read, size, perfectSubtrees(size)) };
}

interface Subtree {
  readonly start: number;
  readonly end: number;
}

// PATH(m, D[n]) of RFC 6962, as the subtrees whose roots it lists.
function auditPath(index: number, start: number, end: number): Subtree[] {
  if (end - start === 1) return [];
  const middle = start + splitPoint(end - start);
  return index < middle
    ? [...auditPath(index, start, middle), { start: middle, end }]
    : [...auditPath(index, middle, end), { start, end: middle }];
}

// SUBPROOF(m, D[n], b) of RFC 6962; `known`: the verifier has this subtree's root already.
function subProof(size1: number, { start, end }: Subtree, known: boolean): Subtree[] {
  if (size1 === end) return known ? [] : [{ start, end }];
  const middle = start + splitPoint(end - start);
  return size1 <= middle
    ? [...subProof(size1, { start, end: middle }, known), { start: middle, end }]
    : [...subProof(size1, { start: middle, end }, false), { start, end: middle }];
}

function perfectSubtrees(size: number): Subtree[] {
  const subtrees: Subtree[] = [];
  let start = 0;
  while (start < size) {
    const width = splitPoint(size - start + 1);
    subtrees.push({ start, end: start + width });
    start += width;
  }
  return subtrees;
}

async function hashesOf(read: ReadHashes, size: number, subtrees: readonly Subtree[]): Promise<Buffer[]> {
  const readTile = tileCache(read, size);
  return Promise.all(subtrees.map(async (subtree) => subtreeRoot(readTile, subtree)));
}

/** All hashes that a tile has in this tree. */
type ReadTile = (level: number, tile: number) => Promise<Buffer[]>;

function tileCache(read: ReadHashes, size: number): ReadTile {
  const tiles = new Map<string, Promise<Buffer[]>>();
  return async (level, tile) => {
    const start = tile * TILE_WIDTH;
    const end = Math.min(start + TILE_WIDTH, Math.floor(size / TILE_WIDTH ** level));
    const key = `${level}/${tile}`;
    const hashes = tiles.get(key) ?? readExactly(read, level, { start, end });
    tiles.set(key, hashes);
    return hashes;
  };
}

async function readExactly(read: ReadHashes, level: number, { start, end }: Subtree): Promise<Buffer[]> {
  const hashes = await read(level, start, end);
  if (hashes.length !== end - start) throw new RangeError(`tile level ${level} lacks hashes from ${start} to ${end}`);
  return hashes;
}

// The largest tile roots that fit, then what is left over one level below, and so on: at most 255 hashes a level.
async function subtreeRoot(readTile: ReadTile, { start, end }: Subtree): Promise<Buffer> {
  let level = 0;
  while (TILE_WIDTH ** (level + 1) <= end - start) level += 1;
  const levels: Buffer[][] = [];
  for (let at = start; level >= 0 && at < end; level -= 1) {
    const unit = TILE_WIDTH ** level;
    const from = at / unit;
    const count = Math.floor((end - at) / unit);
    if (count === 0) continue;
    const tile = Math.floor(from / TILE_WIDTH);
    const inTile = from - tile * TILE_WIDTH;
    levels.push((await readTile(level, tile)).slice(inTile, inTile + count));
    at += count * unit;
  }
  return levels.reduceRight<Buffer[]>((below, hashes) => [rootOf([...hashes, ...below])], [])[0] ?? rootOf([]);
}

function isBelow(value: number, limit: number): boolean {
  return Number.isSafeInteger(value) && Number.isSafeInteger(limit) && value >= 0 && value < limit;
}
