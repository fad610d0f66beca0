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

/**
 * Writes many outcomes in one statement, prepared: to plan it over all partitions takes longer than to run it. The condition on the state stands where no index is
 * of use for it: that of mails in flight is full of those that were, and each statement would read them all. Rows that are no longer ours (the lease ran out)
 * stay as they are. The claim takes up `unknown` mails that are due: one that is left at that is never due again. What a refusal says of an address follows in the
 * same transaction.
 */
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
  const at = ctx.now();
  const column = <T>(pick: (outcome: Outcome) => T): T[] => outcomes.map(pick);
  return on.prepared<CameBack>(
    `update delivery d set state = o.state, reason = o.reason, reply = o.reply, taken_by = o.taken_by, due_at = coalesce(o.due_at, case when o.state = 'unknown' then 'infinity' else d.due_at end), lease_by = null, lease_until = null,
       attempts = d.attempts - case when o.counts then 0 else 1 end, settled_at = case when o.due_at is null then $8::timestamptz end,
       failing_since = case o.reason when 'connection' then coalesce(d.failing_since, $8::timestamptz) when 'pace' then d.failing_since when 'held' then d.failing_since end,
       bounce = o.bounce, bounce_reason = o.bounce_reason, bounced_at = case when o.bounce is not null then $8::timestamptz end
     from unnest($2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::timestamptz[], $9::boolean[], $10::text[], $11::text[], $12::text[])
       as o (message_id, subscriber_id, state, reason, reply, due_at, counts, taken_by, bounce, bounce_reason)
     where d.message_id = o.message_id and d.subscriber_id = o.subscriber_id and case when d.lease_by = $1 then d.state = 'sending' end
     returning d.subscriber_id as "subscriberId", d.bounce`,
    [
      ...[
        worker,
        column((o) => o.delivery.messageId),
        column((o) => o.delivery.subscriberId),
        column((o) => o.state),
        column((o) => o.reason),
      ],
      ...[column((o) => o.reply), column((o) => o.dueAt), at, column((o) => o.counts)],
      ...[
        column((o) => o.takenBy ?? null),
        column((o) => o.bounce?.action ?? null),
        column((o) => o.bounce?.reason ?? null),
      ],
    ],
  );
}
