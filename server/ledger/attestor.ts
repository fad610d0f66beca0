import type { Context } from '../context.js';

/** Somebody who is asked to sign the log's heads. */
export interface Attestor {
  readonly kind: 'witness' | 'authority';
  /** Verifier key of a witness, URL of an authority. */
  readonly name: string;
  /** For the log of the service. */
  readonly label: string;
}

/** Why nothing usable came back: a sentence without its full stop, the same each time for the same reason. */
export class AttestorFault extends Error {
  override readonly name = 'AttestorFault';
}

/** Nobody else asks meanwhile; longer than any request takes, in ms. */
const LEASE_MS = 60_000;
const FIRST_PAUSE_MS = 5_000;
const LONGEST_PAUSE_MS = 600_000;

/**
 * Asks an attestor, unless another worker does or it is too soon after a failure. `ask` throws AttestorFault when nothing usable came back: then it is asked
 * again, later and later. A change from good to bad, or to another kind of bad, is logged once. Returns whether it was asked.
 */
export async function takeTurn(
  ctx: Context,
  attestor: Attestor,
  ask: () => Promise<void>,
  signal: AbortSignal,
): Promise<boolean> {
  const turn = await claim(ctx, attestor);
  if (!turn) return false;
  try {
    await ask();
    await settle(ctx, attestor, { before: turn, problem: null });
  } catch (error) {
    // We are stopping: nothing is known about it, and whoever comes next may ask at once.
    if (signal.aborted) await postpone(ctx, attestor, ctx.now());
    else if (error instanceof AttestorFault) await settle(ctx, attestor, { before: turn, problem: error.message });
    else throw error;
  }
  return true;
}

interface Turn {
  failures: number;
  problem: string | null;
}

async function claim(ctx: Context, { kind, name }: Attestor): Promise<Turn | null> {
  const now = ctx.now();
  const [turn] = await ctx.db.query<Turn>(
    `insert into log_attestor (name, kind, next_at, failures, problem, since) values ($1, $2, $3, 0, null, $4)
     on conflict (name) do update set next_at = $3 where log_attestor.next_at <= $4 returning failures, problem`,
    [name, kind, new Date(now.getTime() + LEASE_MS), now],
  );
  return turn ?? null;
}

async function postpone(ctx: Context, { name }: Attestor, until: Date): Promise<void> {
  await ctx.db.query('update log_attestor set next_at = $2 where name = $1', [name, until]);
}

async function settle(
  ctx: Context,
  { name, kind, label }: Attestor,
  { before, problem }: { before: Turn; problem: string | null },
): Promise<void> {
  const failures = problem === null ? 0 : before.failures + 1;
  const pause = problem === null ? 0 : Math.min(FIRST_PAUSE_MS * 2 ** (failures - 1), LONGEST_PAUSE_MS);
  await ctx.db.query(
    `update log_attestor set next_at = $2, failures = $3, problem = $4,
       since = case when (problem is null) = ($4::text is null) then since else $5 end
     where name = $1`,
    [name, new Date(ctx.now().getTime() + pause), failures, problem, ctx.now()],
  );
  if (problem === before.problem) return;
  if (problem === null) ctx.logger.info({ [kind]: label }, `the ${kind} answers again`);
  else ctx.logger.warn({ [kind]: label, problem }, `the ${kind} gives nothing usable and is asked again later`);
}
