import { setImmediate } from 'node:timers/promises';
import type { Context } from '../context.js';
import type { Tx } from '../database/connect.js';
import { Refusal } from '../errors.js';
import { isSealed } from '../keys/seal.js';
import { growLog, LOG_LOCK, openLog, type OpenLog } from './grow.js';
import { keepHead, keptHead } from './kept-head.js';
import { leafData } from './record.js';
import { latestCheckpoint, type StoredCheckpoint } from './store.js';

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
 * yet, never "what came after the last", since transactions commit out of order. The head is kept outside the database too before anybody is told (P-21).
 * Returns how many leaves were added. Throws `log-refuses`: then everything waits.
 */
export async function integrate(ctx: Context): Promise<number> {
  const grown = await ctx.db
    .transaction(async (tx) => integrateIn(ctx, tx), LOG_LOCK)
    .catch((error: unknown) => {
      if (error instanceof Refusal && error.code === 'log-refuses') alarm(ctx, error.message);
      throw error;
    });
  if (!grown) return 0;
  await keepHead(ctx.config.dataDir, grown.head.note);
  written.set(ctx, grown.leaves);
  ctx.bell.ring('checkpoint');
  return grown.leaves.size;
}

interface Grown {
  readonly head: StoredCheckpoint;
  /** Leaf index by event. */
  readonly leaves: ReadonlyMap<string, string>;
}

async function integrateIn(ctx: Context, tx: Tx): Promise<Grown | null> {
  const waiting = await tx.query<Waiting>(
    // Each looked up by its key, whatever the planner thinks of the sizes: the queue is short, the log is long.
    `select q.event_id, q.sign_up_id, e.kind, e.commitment, e.happened_at, e.seal,
       (select true from log_leaf l where l.event_id = q.event_id limit 1) is not null as has_leaf
     from (select event_id, sign_up_id from log_queue limit $1) q
     left join lateral (select * from consent_event e where e.sign_up_id = q.sign_up_id and e.id = q.event_id limit 1) e on true
     order by e.happened_at, q.event_id`,
    [MOST],
  );
  if (waiting.length === 0) return null;
  const log = await openLog(ctx, tx);
  const ours = waiting.filter((event) => isOurEvent(ctx, event));
  if (ours.length < waiting.length)
    ctx.logger.error(
      { events: waiting.length - ours.length },
      'events that we did not write, or that have their leaf, get none',
    );
  return grow(ctx, tx, { log, waiting, events: ours });
}

const alarmed = new WeakMap<Context, string>();

// Once for each reason: the loop repeats its own complaint.
function alarm(ctx: Context, words: string): void {
  if (alarmed.get(ctx) === words) return;
  alarmed.set(ctx, words);
  ctx.logger.error({ alarm: 'log-refuses' }, words);
}

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
    if (leaves.size === eventIds.length || left <= 0) {
      await keepCovering(ctx, leaves);
      return leaves;
    }
  }
}

// Another process may have signed, and keeps the head elsewhere or not yet: what we are about to tell, this machine must know too.
async function keepCovering(ctx: Context, leaves: ReadonlyMap<string, string>): Promise<void> {
  if (leaves.size === 0) return;
  const biggest = Math.max(...[...leaves.values()].map(Number));
  const last = await latestCheckpoint(ctx.db);
  const kept = last && (await keptHead(ctx.config.dataDir, last.note.split('\n', 1)[0] ?? ''));
  if (last && (kept?.size ?? 0) <= biggest) await keepHead(ctx.config.dataDir, last.note);
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

/** Takes events off the queue, and gives those that are ours their leaves. */
async function grow(
  ctx: Context,
  tx: Tx,
  { log, waiting, events }: { log: OpenLog; waiting: readonly Waiting[]; events: readonly Waiting[] },
): Promise<Grown | null> {
  const taken = waiting.map((event) => event.event_id);
  if (events.length === 0) {
    await tx.query('delete from log_queue where event_id = any($1)', [taken]);
    return null;
  }
  const leaves = events.map((event) => ({
    event: event.event_id,
    chapter: event.sign_up_id,
    data: leafData(event.commitment),
  }));
  const head = await growLog(ctx, tx, { log, leaves, taken });
  const first = log.last?.size ?? 0;
  return { head, leaves: new Map(events.map((event, place) => [event.event_id, String(first + place)])) };
}
