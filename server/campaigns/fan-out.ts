import type { Context } from '../context.js';
import type { Tx } from '../database/connect.js';
import { JOINED_SQL, marksOf, narrow } from './narrow.js';
import { queueDeliveries } from '../delivery/queue.js';
import { releasedCampaigns, type Released } from './released.js';
import { UNDER_WAY_SQL } from './under-way.js';

/** Consents of one transaction: short enough for the embedded database, where everybody waits for it. */
const PAGE = 1_000;
const BEFORE_ALL = '00000000-0000-0000-0000-000000000000';

/**
 * Queues the next page of deliveries of a campaign that is being sent; returns how many consents were read, 0 when there is
 * nothing to do. The deliveries and the cursor move in one transaction: a crash goes on where it stopped and queues nobody
 * twice. The audience is who was confirmed when it was released, however long the fan-out takes.
 */
export async function fanOut(ctx: Context): Promise<number> {
  await startScheduled(ctx);
  const [next] = await ctx.db.query<{ id: string }>(
    `select id from campaign where state = 'sending' and fanned_out_at is null order by released_at limit 1`,
  );
  if (!next) return 0;
  // Read before the transaction: on the embedded database nothing else can be read while one is open (T17).
  const campaign = (await releasedCampaigns(ctx, ctx.db, [next.id])).get(next.id) ?? 'unknown';
  if (typeof campaign === 'string') {
    await cancelForged(ctx, next.id, campaign);
    return 1;
  }
  const read = await ctx.db.transaction(async (tx) => nextPage(ctx, tx, campaign));
  ctx.bell.ring('mail');
  return read;
}

// Their release is sealed with the moment at which they start (T6).
async function startScheduled(ctx: Context): Promise<void> {
  await ctx.db.query(`update campaign set state = 'sending' where state = 'scheduled' and released_at <= $1`, [
    ctx.now(),
  ]);
}

/** Marks campaigns as sent of which every mail has its outcome; returns how many. */
export async function finishCampaigns(ctx: Context): Promise<number> {
  const done = await ctx.db.query(
    `update campaign c set state = 'sent', finished_at = $1
     where c.state = 'sending' and c.fanned_out_at is not null
       and not ${UNDER_WAY_SQL} returning 1`,
    [ctx.now()],
  );
  return done.length;
}

async function nextPage(ctx: Context, tx: Tx, campaign: Released): Promise<number> {
  const { id } = campaign.content;
  const [row] = await tx.query<{ cursor: string | null }>(
    `select cursor from campaign where id = $1 and state = 'sending' and fanned_out_at is null for update`,
    [id],
  );
  if (!row) return 1;
  const audience = await audienceAfter(ctx, tx, campaign, row.cursor ?? BEFORE_ALL);
  await queueDeliveries(
    tx,
    ctx,
    audience.map((consent) => ({
      messageId: id,
      subscriberId: consent.subscriber_id,
      kind: 'campaign',
      template: 'campaign',
      consentId: consent.id,
    })),
    campaign.releasedAt,
  );
  await tx.query(
    'update campaign set cursor = $2, fanned_out_at = $3, narrow_languages = $4, narrow_topics = $5, narrow_marks = $6 where id = $1',
    [
      ...[id, audience.at(-1)?.subscriber_id ?? row.cursor, audience.length < PAGE ? ctx.now() : null],
      ...narrowing(ctx, campaign),
    ],
  );
  return Math.max(1, audience.length);
}

/** What may change for somebody until their mail is claimed; null: it is not asked for. */
function narrowing(ctx: Context, { list, content }: Released): unknown[] {
  const filter = content.settings.audience;
  const marks = marksOf(ctx.keyring, { organisationId: list.organisation.id, filter });
  return [filter?.languages ?? null, filter?.topics ?? null, marks.length > 0 ? marks : null];
}

/** Nobody queues mail by writing SQL (T6); and it must not stand in the way of the others. */
async function cancelForged(ctx: Context, id: string, reason: string): Promise<void> {
  ctx.logger.error({ campaign: id, reason }, 'a campaign that we did not release was cancelled');
  await ctx.db.query(`update campaign set state = 'cancelled' where id = $1 and state = 'sending'`, [id]);
}

async function audienceAfter(
  ctx: Context,
  tx: Tx,
  campaign: Released,
  cursor: string,
): Promise<{ id: string; subscriber_id: string }[]> {
  const { list, content } = campaign;
  const of = { organisationId: list.organisation.id, filter: content.settings.audience };
  const { sql, values } = narrow(ctx.keyring, of, 5);
  return tx.query(
    `select c.id, c.subscriber_id from consent c
     where c.purpose_id = $1 and c.state = 'confirmed' and c.subscriber_id > $2::uuid and ${JOINED_SQL} <= $3 and ${sql}
     order by c.subscriber_id limit $4`,
    [list.id, cursor, campaign.releasedAt, PAGE, ...values],
  );
}
