import type { Context } from '../context.js';

/** How long a lease lasts; the worker extends it while it lives. A dead worker's mails are free again after it. */
export const LEASE_MS = 30_000;

/** In one go: those of many workers. */
const MOST_FREED = 10_000;

/**
 * Keeps the leases of the mails that a living worker has in hand, and no others: what it claimed without hearing of it, because the database broke off in its
 * answer, is freed like that of the dead.
 */
export async function extendLeases(
  ctx: Context,
  worker: string,
  held: Iterable<{ readonly messageId: string; readonly subscriberId: string }>,
): Promise<void> {
  const mails = [...held];
  if (mails.length === 0) return;
  await ctx.db.query(
    `update delivery d set lease_until = $2 from unnest($3::uuid[], $4::uuid[]) as o (message_id, subscriber_id)
     where d.message_id = o.message_id and d.subscriber_id = o.subscriber_id and case when d.lease_by = $1 then d.state = 'sending' end`,
    [
      ...[worker, new Date(ctx.now().getTime() + LEASE_MS)],
      ...[mails.map(({ messageId }) => messageId), mails.map(({ subscriberId }) => subscriberId)],
    ],
  );
}

/**
 * Frees the mails of dead workers: they go again, with the same Message-ID (promise 2). Returns how many. The index of mails in flight is full of those that were:
 * read in its order, and not by a bitmap, each of them is marked there as gone, so that nobody walks past it again.
 */
export async function freeLeases(ctx: Context): Promise<number> {
  return ctx.db.transaction(async (tx) => {
    await tx.query('set local enable_bitmapscan = off');
    const rows = await tx.query(
      `update delivery d set state = 'queued', lease_by = null, lease_until = null, due_at = $1
       from (select message_id, subscriber_id from delivery where state = 'sending' and lease_until < $1
         order by lease_until limit ${MOST_FREED} for update skip locked) p
       where d.message_id = p.message_id and d.subscriber_id = p.subscriber_id returning 1`,
      [ctx.now()],
    );
    return rows.length;
  });
}
