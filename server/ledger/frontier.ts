import { EMPTY_ROOT, nodeHash } from './merkle.js';

/** All that is needed to grow a tree: its size, and the roots of its perfect subtrees, largest first (32 bytes each). */
export interface Frontier {
  readonly size: number;
  readonly hashes: readonly Buffer[];
}

/** Root of 256^level leaves, the `index`-th of its level; it is an entry of the tile of this level. c2sp tlog-tiles. */
export interface TileRoot {
  /** In tiles: 1 or more. */
  readonly level: number;
  readonly index: number;
  readonly hash: Buffer;
}

/** The frontier of the empty tree. */
export const EMPTY_FRONTIER: Frontier = { size: 0, hashes: [] };

const TILE_HEIGHT = 8;

/** Appends leaf hashes, and names each tile root that they complete, in order of completion. */
export function appendLeaves(
  frontier: Frontier,
  leafHashes: readonly Buffer[],
): { readonly frontier: Frontier; readonly tileRoots: TileRoot[] } {
  const hashes = [...frontier.hashes];
  const tileRoots: TileRoot[] = [];
  let size = frontier.size;
  for (const leaf of leafHashes) {
    size += 1;
    tileRoots.push(...fold(hashes, leaf, size));
  }
  return { frontier: { size, hashes }, tileRoots };
}

/** Root of the tree; 32 bytes. RFC 6962 2.1. */
export function frontierRoot(frontier: Frontier): Buffer {
  const last = frontier.hashes.at(-1);
  if (last === undefined) return EMPTY_ROOT;
  return frontier.hashes.slice(0, -1).reduceRight((right, left) => nodeHash(left, right), last);
}

// Each trailing zero bit of the new size is a pair of equal subtrees that became one.
function fold(hashes: Buffer[], leaf: Buffer, size: number): TileRoot[] {
  const completed: TileRoot[] = [];
  let node = leaf;
  let height = 0;
  let count = size;
  while (count % 2 === 0) {
    const left = hashes.pop();
    if (left === undefined) throw new RangeError('the frontier has too few hashes for its size');
    node = nodeHash(left, node);
    height += 1;
    count /= 2;
    if (height % TILE_HEIGHT === 0) completed.push({ level: height / TILE_HEIGHT, index: count - 1, hash: node });
  }
  hashes.push(node);
  return completed;
}
