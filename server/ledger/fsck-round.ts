import { z } from 'zod';
import type { Context } from '../context.js';
import type { Queryable } from '../database/connect.js';
import type { Keyring } from '../keys/keyring.js';
import { isSealed, seal } from '../keys/seal.js';
import { checkEvents, checkRest, FIRST_EVENT } from './fsck-rest.js';
import { walkOn, WALK_START, type Walk } from './fsck-walk.js';
import { countLeaves, gatherFaults, MOST_FAULTS } from './fsck.js';
import { readLogKeys } from './log-keys.js';

/** How far the check in the background is, and what the last whole round found. */
export interface Round {
  readonly startedAt: Date;
  readonly phase: 'leaves' | 'events' | 'done';
  readonly faults: readonly string[];
  /** Null before the first round is through. */
  readonly last: { readonly finishedAt: Date; readonly leaves: number; readonly faults: readonly string[] } | null;
}

const ROUND_MS = 86_400_000;
/** Slices in a round, at one a minute; a little fewer than there are minutes in a day. */
const SLICES = 1200;
const LEAST = 1000;
const MOST = 20_000;

const bytes = z.string().transform((text) => Buffer.from(text, 'base64'));
const place = z.object({ chapter: z.string(), event: z.string() });
const stored = z.object({
  startedAt: z.coerce.date(),
  phase: z.enum(['leaves', 'events', 'done']),
  walk: z.object({
    ...{ next: z.number(), lastHead: z.number(), records: z.number(), erased: z.number() },
    ...{ sealedLeaves: z.boolean(), sealedHeads: z.boolean() },
    frontier: z.object({ size: z.number(), hashes: z.array(bytes) }),
  }),
  place,
  faults: z.array(z.string()),
  last: z.object({ finishedAt: z.coerce.date(), leaves: z.number(), faults: z.array(z.string()) }).nullable(),
});
type State = z.infer<typeof stored>;

/**
 * Checks one slice of the log, and remembers how far it came: once round in about a day, whoever of several workers is free (P-23). What a slice finds wrong is
 * told at once. Returns how many faults this round has found so far.
 */
export async function checkSlice(ctx: Context): Promise<number> {
  const before = await readState(ctx.db, ctx.keyring);
  const state = before ?? fresh(ctx.now(), null);
  const isDue = state.phase !== 'done' || ctx.now().getTime() - state.startedAt.getTime() >= ROUND_MS;
  if (!isDue) return state.faults.length;
  const begun = state.phase === 'done' ? fresh(ctx.now(), state.last) : state;
  const { faults, fault } = gatherFaults(begun.faults);
  const next = await advance(ctx, begun, fault);
  for (const text of faults.slice(begun.faults.length))
    ctx.logger.error({ alarm: 'fsck', fault: text }, 'the log is not as it was written');
  await writeState(ctx, { ...next, faults, last: lastOf(ctx, next, faults) });
  return faults.length;
}

/** How far it is, and what it found; null before it began, or when somebody else wrote into its place. */
export async function readRound(on: Queryable, keyring: Keyring): Promise<Round | null> {
  return readState(on, keyring);
}

async function advance(ctx: Context, state: State, fault: (text: string) => void): Promise<State> {
  const keys = await readLogKeys(ctx.db, ctx.keyring);
  const all = await countLeaves(ctx.db);
  const size = Math.min(MOST, Math.max(LEAST, Math.ceil(all / SLICES)));
  if (state.phase === 'leaves') {
    const end = await headBehind(ctx.db, (await firstLeaf(ctx.db, state.walk.next, all)) + size);
    const walk: Walk = await walkOn(ctx, { keys, from: state.walk, end: end ?? all }, fault);
    return { ...state, walk: mutable(walk), phase: end === null ? 'events' : 'leaves' };
  }
  let at: State['place'] | null = { ...state.place };
  for (let seen = 0; at !== null && seen < size; seen += LEAST) at = await checkEvents(ctx.db, at, fault);
  if (at !== null) return { ...state, place: at };
  await checkRest(ctx, keys, fault);
  return { ...state, phase: 'done' };
}

// Where leaves are missing, the slice reaches behind them.
async function firstLeaf(on: Queryable, from: number, none: number): Promise<number> {
  const [row] = await on.query<{ leaf_index: string }>(
    'select leaf_index from log_leaf where leaf_index >= $1 order by leaf_index limit 1',
    [from],
  );
  return row ? Number(row.leaf_index) : none;
}

// A walk in parts ends at a tree head, where all that came before it is known.
async function headBehind(on: Queryable, size: number): Promise<number | null> {
  const [row] = await on.query<{ size: string }>(
    'select size from log_checkpoint where size >= $1 order by size limit 1',
    [size],
  );
  return row ? Number(row.size) : null;
}

function lastOf(ctx: Context, state: State, faults: string[]): State['last'] {
  return state.phase === 'done' ? { finishedAt: ctx.now(), leaves: state.walk.next, faults } : state.last;
}

function fresh(now: Date, last: State['last']): State {
  return { startedAt: now, phase: 'leaves', walk: mutable(WALK_START), place: { ...FIRST_EVENT }, faults: [], last };
}

function mutable(walk: Walk): State['walk'] {
  return {
    ...walk,
    frontier: { size: walk.frontier.size, hashes: walk.frontier.hashes.map((hash) => Buffer.from(hash)) },
  };
}

// Whoever writes SQL could set it behind what they changed: it carries a seal (T6).
async function readState(on: Queryable, keyring: Keyring): Promise<State | null> {
  const [row] = await on.query<{ state: string; seal: Buffer }>('select state, seal from log_round');
  if (!row || !isSealed(keyring, 'log_round', [row.state], row.seal)) return null;
  return stored.parse(JSON.parse(row.state));
}

async function writeState(ctx: Context, state: State): Promise<void> {
  const hashes = state.walk.frontier.hashes.map((hash) => hash.toString('base64'));
  const walk = { ...state.walk, frontier: { size: state.walk.frontier.size, hashes } };
  const text = JSON.stringify({ ...state, walk, faults: state.faults.slice(0, MOST_FAULTS) });
  await ctx.db.query(
    'insert into log_round (id, state, seal) values (1, $1, $2) on conflict (id) do update set state = excluded.state, seal = excluded.seal',
    [text, seal(ctx.keyring, 'log_round', [text])],
  );
}
