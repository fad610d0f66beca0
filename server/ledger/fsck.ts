import type { Context } from '../context.js';
import type { Queryable } from '../database/connect.js';
import { decryptField } from '../keys/field.js';
import { unwrapKey } from '../keys/subject-key.js';
import { isSealed } from '../keys/seal.js';
import { openCheckpoint } from './checkpoint.js';
import { namedAsErased } from './erasure.js';
import { appendLeaves, EMPTY_FRONTIER, frontierRoot, type Frontier } from './frontier.js';
import { leafHash } from './merkle.js';
import { verifierKey, type VerifierKey } from './note.js';
import { commit, leafData } from './record.js';

export interface FsckReport {
  readonly leaves: number;
  /** Records whose opening and text were there and matched. */
  readonly records: number;
  /** Records that were erased or purged, as an `erased` event says: their leaf stands, nothing can be read. */
  readonly erased: number;
  /** What is wrong, each by index where it has one. */
  readonly faults: readonly string[];
}

interface Row {
  leaf_index: string;
  event_id: string;
  sign_up_id: string;
  leaf_hash: Buffer;
  kind: string | null;
  commitment: Buffer;
  happened_at: Date;
  seal: Buffer;
  record: Buffer | null;
  evidence_key: Buffer | null;
  /** Of used proof that is kept of somebody who was erased. */
  restricted_key: Buffer | null;
  /** Of an `erased` event. */
  erasure_key: Buffer | null;
  root: Buffer | null;
  note: string | null;
}

const PAGE = 1000;
const MOST_FAULTS = 100;

/**
 * Checks the whole log against itself and against the records behind it (P-23): dense indices, every leaf from its event, every seal, every record against its
 * commitment, every tree head against the tree rebuilt from the leaves, and events without a leaf. Reads in pages; changes nothing.
 */
export async function fsck(ctx: Context, onProgress: (leaves: number) => void = () => undefined): Promise<FsckReport> {
  const faults: string[] = [];
  const fault = (text: string): void => {
    if (faults.length < MOST_FAULTS) faults.push(text);
  };
  const key = verifierKey(ctx.logOrigin, ctx.keyring.logPublic);
  const counts = { records: 0, erased: 0 };
  let frontier: Frontier = EMPTY_FRONTIER;
  let next = 0;
  // What is added meanwhile belongs to the next check: else a busy log would never be through.
  const end = await countLeaves(ctx.db);
  while (next < end) {
    const rows = await readLeaves(ctx.db, next, end);
    if (rows.length === 0) break;
    const missing: Row[] = [];
    for (const row of rows) {
      const index = Number(row.leaf_index);
      if (index > next)
        fault(index === next + 1 ? `leaf ${next} is missing` : `leaves ${next} to ${index - 1} are missing`);
      next = index + 1;
      checkLeaf(ctx, row, fault);
      if (!row.record || !keyOf(row)) missing.push(row);
      else if (matches(ctx, row, row.record)) counts.records += 1;
      else fault(`leaf ${index}: its record does not match its commitment`);
      frontier = appendLeaves(frontier, [row.leaf_hash]).frontier;
      // Past a missing leaf no root can be rebuilt.
      if (row.root && frontier.size === next) checkHead(row.root, row.note ?? '', frontier, key, fault);
    }
    counts.erased += await checkErased(ctx, missing, fault);
    onProgress(next);
  }
  await checkLost(ctx.db, fault);
  return { leaves: frontier.size, ...counts, faults };
}

function checkHead(
  root: Buffer,
  note: string,
  frontier: Frontier,
  key: VerifierKey,
  fault: (text: string) => void,
): void {
  if (!root.equals(frontierRoot(frontier)))
    fault(`the tree head of size ${frontier.size} does not follow from the leaves`);
  if (!isSigned(note, root, frontier.size, key))
    fault(`the tree head of size ${frontier.size} is not signed by this log's key`);
}

function isSigned(note: string, root: Buffer, size: number, key: VerifierKey): boolean {
  try {
    const opened = openCheckpoint(note, [key]);
    return opened.size === size && opened.root.equals(root);
  } catch {
    return false;
  }
}

/** One more than the highest index. */
async function countLeaves(db: Queryable): Promise<number> {
  const [row] = await db.query<{ n: string }>('select coalesce(max(leaf_index) + 1, 0) as n from log_leaf');
  return Number(row?.n ?? 0);
}

async function readLeaves(db: Queryable, from: number, end: number): Promise<Row[]> {
  return db.query<Row>(
    `select l.leaf_index, l.event_id, l.sign_up_id, l.leaf_hash, e.kind, e.commitment, e.happened_at, e.seal, b.record, u.evidence_key, r.evidence_key as restricted_key,
       x.evidence_key as erasure_key, k.root, k.note
     from log_leaf l
     left join consent_event e on e.sign_up_id = l.sign_up_id and e.id = l.event_id
     left join event_body b on b.sign_up_id = l.sign_up_id and b.event_id = l.event_id
     left join sign_up u on u.id = l.sign_up_id
     left join restricted_proof r on r.sign_up_id = l.sign_up_id
     left join erasure x on x.id = l.sign_up_id
     left join log_checkpoint k on k.size = l.leaf_index + 1
     where l.leaf_index >= $1 and l.leaf_index < $2 order by l.leaf_index limit ${PAGE}`,
    [from, end],
  );
}

function checkLeaf(ctx: Context, row: Row, fault: (text: string) => void): void {
  const name = `leaf ${row.leaf_index}`;
  if (row.kind === null) {
    fault(`${name}: its event is gone`);
    return;
  }
  if (!leafHash(leafData(row.commitment)).equals(row.leaf_hash))
    fault(`${name}: it was not made from its event's commitment`);
  const parts = [row.event_id, row.sign_up_id, row.kind, row.commitment, row.happened_at];
  if (!isSealed(ctx.keyring, 'consent_event', parts, row.seal))
    fault(`${name}: its event was changed after it was written`);
}

/** The key of a leaf's record, and where it lies: with its sign-up, restricted after an erasure, or with the erasure that it tells of. */
function keyOf(row: Row): { table: string; wrapped: Buffer } | null {
  if (row.evidence_key) return { table: 'sign_up', wrapped: row.evidence_key };
  if (row.restricted_key) return { table: 'restricted_proof', wrapped: row.restricted_key };
  return row.erasure_key ? { table: 'erasure', wrapped: row.erasure_key } : null;
}

function matches(ctx: Context, row: Row, sealed: Buffer): boolean {
  const found = keyOf(row);
  if (!found) return false;
  try {
    const place = { table: found.table, column: 'evidence_key', row: row.sign_up_id };
    const key = unwrapKey(ctx.keyring, place, found.wrapped);
    const text = decryptField(key, { table: 'event_body', column: 'record', row: row.event_id }, sealed).toString();
    const body = JSON.parse(text) as { opening: string; record: object };
    return commit(Buffer.from(body.opening, 'base64'), body.record).equals(row.commitment);
  } catch {
    return false;
  }
}

/** Counts the leaves of a page that were erased; those that no erasure names were lost. */
async function checkErased(ctx: Context, missing: readonly Row[], fault: (text: string) => void): Promise<number> {
  const events = missing.filter((row) => row.kind !== null).map((row) => ({ ...row, id: row.event_id }));
  const named = await namedAsErased(ctx, events);
  for (const { id, leaf_index: index } of events)
    if (!named.has(id)) fault(`leaf ${index}: its record is lost, no erasure names it`);
  return named.size;
}

// Each question is one statement, so that leaves and heads are of the same moment while the log goes on growing.
async function checkLost(db: Queryable, fault: (text: string) => void): Promise<void> {
  const lost = await db.query<{ id: string }>(
    `select e.id from consent_event e where not exists (select from log_leaf l where l.event_id = e.id and l.sign_up_id = e.sign_up_id)
     and not exists (select from log_queue q where q.event_id = e.id and q.sign_up_id = e.sign_up_id) limit ${MOST_FAULTS}`,
  );
  const heads = await db.query<{ size: string }>(
    `select size from log_checkpoint where size > (select coalesce(max(leaf_index) + 1, 0) from log_leaf) order by size limit ${MOST_FAULTS}`,
  );
  for (const head of heads) fault(`the tree head of size ${head.size} covers leaves that are not there`);
  for (const event of lost) fault(`event ${event.id} has neither a leaf nor a place in the queue`);
}
