import type { Queryable } from '../database/connect.js';
import { formatVkey, verifierKey } from './note.js';
import type { ReadHashes } from './prove.js';
import type { Frontier } from './frontier.js';
import { leafData } from './record.js';
import type { Context } from '../context.js';

/** A signed tree head as it is stored. */
export interface StoredCheckpoint {
  readonly size: number;
  readonly root: Buffer;
  readonly frontier: Frontier;
  /** The signed note. */
  readonly note: string;
  readonly signedAt: Date;
}

/** Public checkpoints change on this tick only, so that nobody can time a single sign-up by them (T2). In ms. */
export const PUBLIC_TICK_MS = 60_000;

interface Row {
  size: string;
  root: Buffer;
  frontier: Buffer;
  note: string;
  signed_at: Date;
}

/** The newest checkpoint, or null before the first event. */
export async function latestCheckpoint(on: Queryable): Promise<StoredCheckpoint | null> {
  return first(await on.query<Row>('select * from log_checkpoint order by size desc limit 1'));
}

/** The checkpoint that the public sees: the newest one at the last tick. */
export async function publicCheckpoint(on: Queryable, now: Date): Promise<StoredCheckpoint | null> {
  const tick = new Date(Math.floor(now.getTime() / PUBLIC_TICK_MS) * PUBLIC_TICK_MS);
  return first(
    await on.query<Row>('select * from log_checkpoint where signed_at <= $1 order by size desc limit 1', [tick]),
  );
}

/** The first checkpoint that covers a leaf, or null while there is none. */
export async function checkpointCovering(on: Queryable, leafIndex: number): Promise<StoredCheckpoint | null> {
  return first(await on.query<Row>('select * from log_checkpoint where size > $1 order by size limit 1', [leafIndex]));
}

/** Reads tile hashes for proofs: leaves at level 0, roots of full tiles above. */
export function hashReader(on: Queryable): ReadHashes {
  return async (level, start, end) => {
    const rows =
      level === 0
        ? await on.query<{ hash: Buffer }>(
            'select leaf_hash as hash from log_leaf where leaf_index >= $1 and leaf_index < $2 order by leaf_index',
            [start, end],
          )
        : await on.query<{ hash: Buffer }>(
            'select hash from log_node where level = $3 and node_index >= $1 and node_index < $2 order by node_index',
            [start, end, level],
          );
    return rows.map((row) => row.hash);
  };
}

/** Leaf data of leaves `start` to `end` (exclusive): what an entry bundle holds. */
export async function readEntries(on: Queryable, start: number, end: number): Promise<Buffer[]> {
  const rows = await on.query<{ commitment: Buffer }>(
    `select e.commitment from log_leaf l join consent_event e on e.sign_up_id = l.sign_up_id and e.id = l.event_id
     where l.leaf_index >= $1 and l.leaf_index < $2 order by l.leaf_index`,
    [start, end],
  );
  return rows.map((row) => leafData(row.commitment));
}

/** The key that verifies this log, as everybody pins it. c2sp signed-note. */
export function logVkey(ctx: Pick<Context, 'keyring' | 'logOrigin'>): string {
  return formatVkey(verifierKey(ctx.logOrigin, ctx.keyring.logPublic));
}

function first(rows: readonly Row[]): StoredCheckpoint | null {
  const row = rows[0];
  if (!row) return null;
  const hashes = Array.from({ length: row.frontier.length / 32 }, (_, place) =>
    row.frontier.subarray(place * 32, (place + 1) * 32),
  );
  const size = Number(row.size);
  return { size, root: row.root, frontier: { size, hashes }, note: row.note, signedAt: row.signed_at };
}
