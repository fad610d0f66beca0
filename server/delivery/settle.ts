import type { Bounce, DeliveryState } from '../../entities/delivery.js';
import type { Context } from '../context.js';
import type { Queryable } from '../database/connect.js';
import type { Claimed } from './claim.js';
import { suppressBounced, type CameBack } from './suppress-bounced.js';
import { warnOfRefusals } from './refusals.js';

/** What became of a mail in flight. */
export interface Outcome {
  readonly delivery: Pick<Claimed, 'messageId' | 'subscriberId'>;
  readonly state: Exclude<DeliveryState, 'queued' | 'sending'>;
  readonly reason: string | null;
  /** The server's answer, without addresses. */
  readonly reply: string | null;
  /** Of a confirmation that was taken: by which server. */
  readonly takenBy?: string;
  /** It was refused: what that says of the address, or of us (M-37). */
  readonly bounce?: { readonly action: Exclude<Bounce, 'complaint'>; readonly reason: string };
  /** When it goes again; null: never. */
  readonly dueAt: Date | null;
  /** False when the try says nothing about the mail (our own server was away). */
  readonly counts: boolean;
}

/** Writes many outcomes in one statement. What a refusal says of an address follows in the same transaction. */
export async function settle(ctx: Context, worker: string, outcomes: readonly Outcome[]): Promise<void> {
  if (!outcomes.some(({ bounce }) => bounce)) {
    await write(ctx, ctx.db, worker, outcomes);
    return;
  }
  const entries = await ctx.db.transaction(async (tx) =>
    suppressBounced(tx, ctx, await write(ctx, tx, worker, outcomes)),
  );
  await ctx.journal.write(entries);
  const refused = outcomes.filter(({ bounce }) => bounce?.action === 'policy');
  warnOfRefusals(
    ctx,
    refused.map(({ bounce }) => bounce?.reason ?? ''),
  );
}

/** Returns those that were ours. */
async function write(ctx: Context, on: Queryable, worker: string, outcomes: readonly Outcome[]): Promise<CameBack[]> {
  return on.prepared<CameBack>(
    'select subscriber_id as "subscriberId", bounce from settle_deliveries($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)',
    toColumns(worker, ctx.now(), outcomes),
  );
}

/** What `settle_deliveries` and `settle_and_claim` are told of outcomes. Most mails are simply sent: a column without a value is not spelled out. */
export function toColumns(worker: string, at: Date, outcomes: readonly Outcome[]): unknown[] {
  const column = <T>(pick: (outcome: Outcome) => T): T[] => outcomes.map(pick);
  const sparse = <T>(pick: (outcome: Outcome) => T | null | undefined): (T | null)[] | null =>
    outcomes.some((outcome) => pick(outcome) != null) ? column((outcome) => pick(outcome) ?? null) : null;
  return [
    worker,
    at,
    column(({ delivery }) => delivery.messageId),
    column(({ delivery }) => delivery.subscriberId),
    column(({ state }) => state),
    sparse(({ reason }) => reason),
    sparse(({ reply }) => reply),
    sparse(({ dueAt }) => dueAt),
    sparse(({ counts }) => (counts ? null : true)),
    sparse(({ takenBy }) => takenBy),
    sparse(({ bounce }) => bounce?.action),
    sparse(({ bounce }) => bounce?.reason),
  ];
}
