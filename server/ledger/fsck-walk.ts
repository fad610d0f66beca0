import { setImmediate } from 'node:timers/promises';
import type { Context } from '../context.js';
import { isSealed } from '../keys/seal.js';
import { appendLeaves, frontierRoot, EMPTY_FRONTIER, type Frontier, type TileRoot } from './frontier.js';
import { checkLeaf, erasedAmong, readLeafRows, type HeadRow, type LeafRow } from './fsck-leaf.js';
import { headParts } from './grow.js';
import { keyAt, type LogKey } from './log-keys.js';
import { isSignedHead } from './standing.js';
import { frontierOf } from './store.js';

/** Where a walk along the leaves is, and what it counted: all that it needs to go on. */
export interface Walk {
  /** The leaf that comes next. */
  readonly next: number;
  /** Of all leaves before it; of fewer where some are missing, until a signed head is met that tells it. */
  readonly frontier: Frontier;
  /** Size of the tree head that was met last. */
  readonly lastHead: number;
  /** Seals were met on leaves, on heads: from there on all have them. */
  readonly sealedLeaves: boolean;
  readonly sealedHeads: boolean;
  readonly records: number;
  readonly erased: number;
}

/** The walk before its first step. */
export const WALK_START: Walk = {
  ...{ next: 0, frontier: EMPTY_FRONTIER, lastHead: 0, sealedLeaves: false, sealedHeads: false },
  ...{ records: 0, erased: 0 },
};

/** Takes what is wrong: words that name it by index. */
export type Fault = (text: string) => void;

const PAGE = 500;
/** After so many leaves others get their turn. */
const BREATH = 50;

/**
 * Walks on to leaf `end` (exclusive): every leaf against its event and record, every tile and tree head against the tree rebuilt from the leaves. One page is
 * held at a time. Ends before `end` where no leaves are left. A walk in parts ends each at a tree head.
 */
export async function walkOn(
  ctx: Context,
  { keys, from, end }: { keys: readonly LogKey[]; from: Walk; end: number },
  fault: Fault,
  onProgress: (leaves: number) => void = () => undefined,
): Promise<Walk> {
  let walk = from;
  let tiles: readonly TileRoot[] = [];
  while (walk.next < end) {
    const rows = await readLeafRows(ctx.db, { from: walk.next, end, most: PAGE });
    if (rows.length === 0) break;
    const erased = await erasedAmong(ctx, rows);
    for (const [place, row] of rows.entries()) {
      if (place % BREATH === 0) await setImmediate();
      const stepped = await step(ctx, walk, row, { erased, fault });
      walk = stepped.walk;
      tiles = [...tiles, ...stepped.tiles];
      if (row.root === null) continue;
      const head = checkHead(ctx, keys, walk, row as HeadRow & LeafRow & { root: Buffer }, fault);
      if (head.follows) await checkTiles(ctx, tiles, fault);
      walk = head.walk;
      tiles = [];
    }
    onProgress(walk.next);
  }
  return walk;
}

async function step(
  ctx: Context,
  walk: Walk,
  row: LeafRow,
  { erased, fault }: { erased: ReadonlySet<string>; fault: Fault },
): Promise<{ walk: Walk; tiles: readonly TileRoot[] }> {
  const index = Number(row.leaf_index);
  if (index > walk.next) fault(missing(walk.next, index - 1));
  const found = await checkLeaf(ctx, row, { mustBeSealed: walk.sealedLeaves, erased });
  for (const text of found.faults) fault(`leaf ${index}: ${text}`);
  // Past a missing leaf nothing can be rebuilt before the next head.
  const grown = walk.frontier.size === index ? appendLeaves(walk.frontier, [found.hash]) : null;
  return {
    walk: {
      ...walk,
      next: index + 1,
      frontier: grown?.frontier ?? walk.frontier,
      sealedLeaves: walk.sealedLeaves || row.leaf_seal !== null,
      records: walk.records + (found.record === 'matches' ? 1 : 0),
      erased: walk.erased + (found.record === 'erased' ? 1 : 0),
    },
    tiles: grown?.tileRoots ?? [],
  };
}

function missing(first: number, last: number): string {
  return first === last ? `leaf ${first} is missing` : `leaves ${first} to ${last} are missing`;
}

function checkHead(
  ctx: Context,
  keys: readonly LogKey[],
  walk: Walk,
  row: HeadRow & { root: Buffer },
  fault: Fault,
): { walk: Walk; follows: boolean } {
  const size = walk.next;
  const say = (text: string): void => fault(`the tree head of size ${size} ${text}`);
  const key = keyAt(keys, size, ctx.keyring);
  const head = { size, root: row.root, note: row.note ?? '', frontier: frontierOf(size, row.frontier ?? EMPTY) };
  const isSigned = key !== null && isSignedHead(head, key);
  const isWhole = walk.frontier.size === size;
  const follows = isWhole && frontierRoot(walk.frontier).equals(row.root);
  const previous = row.previous_size === null ? null : Number(row.previous_size);
  if (!isSigned) say("is not signed by this log's key");
  if (isWhole && !follows) say(`does not follow from the leaves ${walk.lastHead} to ${size - 1}`);
  if (!frontierRoot(head.frontier).equals(row.root)) say('has another frontier than its root');
  const isOurs = isHeadOurs(ctx, walk, row, previous);
  if (!isOurs) say('was changed, or put there by somebody else');
  if (isOurs && previous !== null && previous > walk.lastHead) fault(`the tree head of size ${previous} is missing`);
  // A signed head says what the tree was: from here on what follows is judged by itself.
  const isKnown = isSigned && frontierRoot(head.frontier).equals(row.root);
  return {
    follows,
    walk: {
      ...walk,
      frontier: !follows && isKnown ? head.frontier : walk.frontier,
      lastHead: size,
      sealedHeads: walk.sealedHeads || row.head_seal !== null,
    },
  };
}

const EMPTY = Buffer.alloc(0);

function isHeadOurs(ctx: Context, walk: Walk, row: HeadRow, previousSize: number | null): boolean {
  if (row.head_seal === null) return !walk.sealedHeads;
  const parts = headParts({
    size: walk.next,
    note: row.note ?? '',
    signedAt: row.signed_at ?? new Date(0),
    previousSize,
  });
  return isSealed(ctx.keyring, 'log_checkpoint', parts, row.head_seal);
}

async function checkTiles(ctx: Context, tiles: readonly TileRoot[], fault: Fault): Promise<void> {
  if (tiles.length === 0) return;
  const rows = await ctx.db.query<{ level: number; node_index: string; hash: Buffer | null }>(
    `select row.level, row.node_index, n.hash from unnest($1::smallint[], $2::bigint[]) as row (level, node_index)
     left join log_node n on n.level = row.level and n.node_index = row.node_index`,
    [tiles.map((tile) => tile.level), tiles.map((tile) => tile.index)],
  );
  for (const { level, node_index: index, hash } of rows) {
    const made = tiles.find((tile) => tile.level === level && tile.index === Number(index));
    if (hash === null) fault(`tile hash ${index} of level ${level} is missing`);
    else if (!made?.hash.equals(hash)) fault(`tile hash ${index} of level ${level} does not follow from its leaves`);
  }
}
