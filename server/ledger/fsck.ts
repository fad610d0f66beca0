import type { Context } from '../context.js';
import type { Queryable } from '../database/connect.js';
import { checkBodies, checkEvents, checkRest, FIRST_EVENT, type EventPlace } from './fsck-rest.js';
import { walkOn, WALK_START, type Fault } from './fsck-walk.js';
import { readLogKeys } from './log-keys.js';
import { standingOf } from './standing.js';

export interface FsckReport {
  readonly leaves: number;
  /** Records whose opening, text and fields were there and matched. */
  readonly records: number;
  /** Records that were erased or purged: their leaf stands, nothing can be read. */
  readonly erased: number;
  /** What is wrong, each by index where it has one. */
  readonly faults: readonly string[];
}

/** More are not told: who needs to know has enough. */
export const MOST_FAULTS = 100;

/**
 * Checks the whole log against itself, against the records behind it and against the head that is kept outside of it (P-21, P-23): dense indices, every leaf
 * from its event, every seal, every record and field against its commitment, every tile and tree head against the tree rebuilt from the leaves, every key, and
 * events without a leaf. Reads in pages; changes nothing.
 */
export async function fsck(ctx: Context, onProgress: (leaves: number) => void = () => undefined): Promise<FsckReport> {
  const { faults, fault } = gatherFaults();
  const { fault: standing } = await standingOf(ctx, ctx.db);
  if (standing) fault(standing.words);
  const keys = await readLogKeys(ctx.db, ctx.keyring);
  // What is added meanwhile belongs to the next check: else a busy log would never be through.
  const end = await countLeaves(ctx.db);
  const walk = await walkOn(ctx, { keys, from: WALK_START, end }, fault, onProgress);
  let place: EventPlace | null = FIRST_EVENT;
  while (place) place = await checkEvents(ctx.db, place, fault);
  await checkBodies(ctx.db, fault);
  await checkRest(ctx, keys, fault);
  return { leaves: walk.next, records: walk.records, erased: walk.erased, faults };
}

/** Gathers what is wrong, up to a hundred. */
export function gatherFaults(known: readonly string[] = []): { faults: string[]; fault: Fault } {
  const faults = [...known];
  return {
    faults,
    fault: (text) => {
      if (faults.length < MOST_FAULTS) faults.push(text);
    },
  };
}

/** One more than the highest index. */
export async function countLeaves(db: Queryable): Promise<number> {
  const [row] = await db.query<{ n: string }>('select coalesce(max(leaf_index) + 1, 0) as n from log_leaf');
  return Number(row?.n ?? 0);
}
