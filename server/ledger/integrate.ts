import { setImmediate } from 'node:timers/promises';
import type { Context } from '../context.js';
import type { Tx } from '../database/connect.js';
import { isSealed } from '../keys/seal.js';
import { openCheckpoint, signCheckpoint } from './checkpoint.js';
import { appendLeaves, EMPTY_FRONTIER, frontierRoot } from './frontier.js';
import { leafHash } from './merkle.js';
import { leafData } from './record.js';
import { verifierKey } from './note.js';
import { latestCheckpoint, type StoredCheckpoint } from './store.js';

/** Whoever holds it writes leaves. */
const LOCK = 8_021_965;
const MOST = 2000;

interface Waiting {
  event_id: string;
  sign_up_id: string;
  /** Null where the queue names an event that is not there. */
  kind: string | null;
  commitment: Buffer;
  happened_at: Date;
  seal: Buffer;
  has_leaf: boolean;
}

/**
 * Gives waiting events their leaves and signs the tree head, all in one transaction (P-20, P-22): dense indices, no sequence. It takes whatever has no leaf
 * yet, never "what came after the last", since transactions commit out of order. Returns how many leaves were added.
 */
export async function integrate(ctx: Context): Promise<number> {
  const leaves = await ctx.db.transaction(async (tx) => {
    const waiting = await tx.query<Waiting>(
      // Each looked up by its key, whatever the planner thinks of the sizes: the queue is short, the log is long.
      `select q.event_id, q.sign_up_id, e.kind, e.commitment, e.happened_at, e.seal,
         (select true from log_leaf l where l.event_id = q.event_id limit 1) is not null as has_leaf
       from (select event_id, sign_up_id from log_queue limit $1) q
       left join lateral (select * from consent_event e where e.sign_up_id = q.sign_up_id and e.id = q.event_id limit 1) e on true
       order by e.happened_at, q.event_id`,
      [MOST],
    );
    if (waiting.length === 0) return NONE;
    const ours = waiting.filter((event) => isOurEvent(ctx, event));
    if (ours.length < waiting.length)
      ctx.logger.error(
        { events: waiting.length - ours.length },
        'events that we did not write, or that have their leaf, get none',
      );
    return grow(ctx, tx, waiting, ours);
  }, LOCK);
  if (leaves.size > 0) {
    written.set(ctx, leaves);
    ctx.bell.ring('checkpoint');
  }
  return leaves.size;
}

const NONE: ReadonlyMap<string, string> = new Map();

/** Leaf index by event of what this process integrated last: whoever waits for one of these need not ask the database. */
const written = new WeakMap<Context, ReadonlyMap<string, string>>();

/**
 * Resolves once a persisted checkpoint covers the leaves of these events, or after `ms`: a confirmation mail may leave only then (T1). Returns the leaf index
 * of each event that has one.
 */
export async function waitForLeaves(
  ctx: Context,
  eventIds: readonly string[],
  ms: number,
): Promise<ReadonlyMap<string, string>> {
  if (eventIds.length === 0) return new Map();
  const end = Date.now() + ms;
  for (;;) {
    const left = end - Date.now();
    if (left > 0 && !fromWritten(ctx, eventIds)) await ctx.bell.wait('checkpoint', Math.min(left, 100));
    const known = fromWritten(ctx, eventIds);
    if (known) return known;
    // Leaf and checkpoint are written by one transaction: where there is a leaf, a checkpoint covers it.
    const leaves = await leavesOf(ctx, eventIds);
    if (leaves.size === eventIds.length || left <= 0) return leaves;
  }
}

function fromWritten(ctx: Context, eventIds: readonly string[]): ReadonlyMap<string, string> | null {
  const latest = written.get(ctx);
  if (!latest || !eventIds.every((id) => latest.has(id))) return null;
  return new Map(eventIds.map((id) => [id, latest.get(id) ?? '']));
}

const next = new WeakMap<Context, { ids: Set<string>; found: Promise<ReadonlyMap<string, string>> }>();

/** Leaf indices by event. A checkpoint wakes all who wait at once: they look with one statement. */
async function leavesOf(ctx: Context, eventIds: readonly string[]): Promise<ReadonlyMap<string, string>> {
  let look = next.get(ctx);
  if (!look) {
    const ids = new Set<string>();
    look = {
      ids,
      found: setImmediate().then(async () => {
        next.delete(ctx);
        const rows = await ctx.db.query<{ event_id: string; leaf_index: string }>(
          'select event_id, leaf_index from log_leaf where event_id = any($1::uuid[])',
          [[...ids]],
        );
        return new Map(rows.map((row) => [row.event_id, row.leaf_index]));
      }),
    };
    next.set(ctx, look);
  }
  for (const id of eventIds) look.ids.add(id);
  const found = await look.found;
  return new Map(eventIds.flatMap((id) => (found.has(id) ? [[id, found.get(id) ?? '']] : [])));
}

function isOurEvent(ctx: Context, event: Waiting): boolean {
  if (event.has_leaf || event.kind === null) return false;
  return isSealed(
    ctx.keyring,
    'consent_event',
    [event.event_id, event.sign_up_id, event.kind, event.commitment, event.happened_at],
    event.seal,
  );
}

function isOurHead(ctx: Context, head: StoredCheckpoint): boolean {
  const opened = openCheckpoint(head.note, [verifierKey(ctx.logOrigin, ctx.keyring.logPublic)]);
  return opened.size === head.size && opened.root.equals(head.root) && frontierRoot(head.frontier).equals(head.root);
}

/** Takes events off the queue, and gives those that are ours their leaves; returns the leaf index of each. */
async function grow(
  ctx: Context,
  tx: Tx,
  waiting: readonly Waiting[],
  events: readonly Waiting[],
): Promise<ReadonlyMap<string, string>> {
  const taken = waiting.map((event) => event.event_id);
  if (events.length === 0) {
    await tx.query('delete from log_queue where event_id = any($1)', [taken]);
    return NONE;
  }
  const last = await latestCheckpoint(tx);
  // We sign a bigger tree only on top of one that we signed: else whoever writes SQL could have us sign leaves of their own (T6).
  if (last && !isOurHead(ctx, last))
    throw new Error(`the tree head of size ${last.size} is not ours: the log does not grow`);
  const hashes = events.map((event) => leafHash(leafData(event.commitment)));
  const { frontier, tileRoots } = appendLeaves(last?.frontier ?? EMPTY_FRONTIER, hashes);
  const root = frontierRoot(frontier);
  const note = signCheckpoint({ origin: ctx.logOrigin, size: frontier.size, root }, ctx.keyring.logPrivate);
  const first = last?.size ?? 0;
  await tx.query(
    `with leaves as (
       insert into log_leaf (leaf_index, event_id, sign_up_id, leaf_hash)
       select $1::bigint + place - 1, event, chapter, hash from unnest($2::uuid[], $3::uuid[], $4::bytea[]) with ordinality as row (event, chapter, hash, place)),
     nodes as (
       insert into log_node (level, node_index, hash)
       select * from unnest($5::smallint[], $6::bigint[], $7::bytea[])),
     taken as (delete from log_queue where event_id = any($13::uuid[]))
     insert into log_checkpoint (size, root, frontier, note, signed_at) values ($8, $9, $10, $11, $12)`,
    [
      ...[first, events.map((event) => event.event_id), events.map((event) => event.sign_up_id), hashes],
      ...[tileRoots.map((node) => node.level), tileRoots.map((node) => node.index), tileRoots.map((node) => node.hash)],
      ...[frontier.size, root, Buffer.concat(frontier.hashes), note, ctx.now(), taken],
    ],
  );
  return new Map(events.map((event, place) => [event.event_id, String(first + place)]));
}
