import type { Queryable } from '../database/connect.js';
import { readLogKeys } from './log-keys.js';
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
  /** Of the head before it; null on heads from before that was noted. */
  readonly previousSize: number | null;
}

/** Public checkpoints change on this tick only, so that nobody can time a single sign-up by them (T2). In ms. */
export const PUBLIC_TICK_MS = 60_000;

interface Row {
  size: string;
  root: Buffer;
  frontier: Buffer;
  note: string;
  signed_at: Date;
  previous_size: string | null;
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

/** The first checkpoint of at least `from` leaves that covers a leaf, or null while there is none. */
export async function checkpointCovering(on: Queryable, leafIndex: number, from = 0): Promise<StoredCheckpoint | null> {
  return first(
    await on.query<Row>('select * from log_checkpoint where size > $1 and size >= $2 order by size limit 1', [
      ...[leafIndex, from],
    ]),
  );
}

/** The checkpoint of exactly this size, or null. */
export async function checkpointAt(on: Queryable, size: number): Promise<StoredCheckpoint | null> {
  return first(await on.query<Row>('select * from log_checkpoint where size = $1', [size]));
}

/**
 * Reads tile hashes for proofs: leaves at level 0, roots of full tiles above. Ranges that are asked for at the same moment share a statement, so that a proof
 * in a big log costs little more than one in a small log.
 */
export function hashReader(on: Queryable): ReadHashes {
  let next: { ranges: Range[]; found: Promise<Buffer[][]> } | null = null;
  return async (level, start, end) => {
    if (!next) {
      const ranges: Range[] = [];
      const found = Promise.resolve().then(async () => {
        next = null;
        return readRanges(on, ranges);
      });
      next = { ranges, found };
    }
    const { ranges, found } = next;
    const place = ranges.push({ level, start, end }) - 1;
    return (await found)[place] ?? [];
  };
}

interface Range {
  readonly level: number;
  readonly start: number;
  readonly end: number;
}

// A tile is one value, not a row for each of its hashes.
async function readRanges(on: Queryable, ranges: readonly Range[]): Promise<Buffer[][]> {
  const rows = await on.query<{ hashes: Buffer | null }>(
    `select case t.level
         when 0 then (select string_agg(l.leaf_hash, '' order by l.leaf_index) from log_leaf l where l.leaf_index >= t.first and l.leaf_index < t.past)
         else (select string_agg(n.hash, '' order by n.node_index) from log_node n where n.level = t.level and n.node_index >= t.first and n.node_index < t.past)
       end as hashes
     from unnest($1::smallint[], $2::bigint[], $3::bigint[]) with ordinality as t (level, first, past, place) order by t.place`,
    [ranges.map(({ level }) => level), ranges.map(({ start }) => start), ranges.map(({ end }) => end)],
  );
  return rows.map(({ hashes }) => (hashes ? hashesIn(hashes) : []));
}

function hashesIn(bytes: Buffer): Buffer[] {
  return Array.from({ length: Math.floor(bytes.length / 32) }, (_, place) =>
    bytes.subarray(place * 32, (place + 1) * 32),
  );
}

/** Leaf data of leaves `start` to `end` (exclusive): what an entry bundle holds. */
export async function readEntries(on: Queryable, start: number, end: number): Promise<Buffer[]> {
  const rows = await on.query<{ commitment: Buffer | null; data: string | null }>(
    `select e.commitment, l.data from log_leaf l left join consent_event e on e.sign_up_id = l.sign_up_id and e.id = l.event_id
     where l.leaf_index >= $1 and l.leaf_index < $2 order by l.leaf_index`,
    [start, end],
  );
  return rows.flatMap(({ commitment, data }) => {
    if (data !== null) return [Buffer.from(data)];
    return commitment ? [leafData(commitment)] : [];
  });
}

/** A log by its name: the key that signs now, and those that signed earlier under this name (P-25): they verify for ever what they signed. */
export interface LogFacts {
  readonly origin: string;
  readonly vkey: string;
  readonly formerVkeys: readonly string[];
  /** Of the first tree that was signed under this name; 0 unless the log was continued under it. */
  readonly firstSize: number;
}

/**
 * The log under the name that it has now; or, for something that was proven earlier, under the name in which trees of `size` leaves were signed. As it stands in
 * the database, which may be newer than what this process started with.
 */
export async function logFacts(ctx: Pick<Context, 'keyring' | 'logOrigin' | 'db'>, size = Infinity): Promise<LogFacts> {
  const all = await readLogKeys(ctx.db, ctx.keyring);
  const origin = all.filter((key) => key.firstSize <= size).at(-1)?.key.name ?? ctx.logOrigin;
  const keys = all.filter((key) => key.key.name === origin);
  const vkey = keys.at(-1)?.vkey ?? logVkey(ctx);
  const formerVkeys = [...new Set(keys.map((key) => key.vkey))].filter((former) => former !== vkey);
  return { origin, vkey, formerVkeys, firstSize: keys[0]?.firstSize ?? 0 };
}

/** Keys with which the log signed earlier under its name, oldest first. */
export async function formerVkeys(ctx: Pick<Context, 'keyring' | 'logOrigin' | 'db'>): Promise<readonly string[]> {
  return (await logFacts(ctx)).formerVkeys;
}

/** The key that verifies this log, as everybody pins it. c2sp signed-note. */
export function logVkey(ctx: Pick<Context, 'keyring' | 'logOrigin'>): string {
  return formatVkey(verifierKey(ctx.logOrigin, ctx.keyring.logPublic));
}

/** A frontier from its stored form: hashes of the perfect subtrees behind each other, largest first. */
export function frontierOf(size: number, stored: Buffer): Frontier {
  return { size, hashes: hashesIn(stored) };
}

function first(rows: readonly Row[]): StoredCheckpoint | null {
  const row = rows[0];
  if (!row) return null;
  const size = Number(row.size);
  return {
    size,
    root: row.root,
    frontier: frontierOf(size, row.frontier),
    note: row.note,
    signedAt: row.signed_at,
    previousSize: row.previous_size === null ? null : Number(row.previous_size),
  };
}
