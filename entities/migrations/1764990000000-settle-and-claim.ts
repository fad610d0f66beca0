import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What became of mails is written by a function, so that a sender can write it and claim the next mails in one statement: one commit for both, where
 * each had its own. Each row is found by its key, also while the tables are small: what is planned then is kept when they have grown. The claim is planned once a
 * connection, not five times more with the values at hand, which took longer than the claim itself and led to the same.
 */
export class SettleAndClaim1764990000000 implements MigrationInterface {
  readonly name = 'SettleAndClaim1764990000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('create type settled_delivery as (subscriber_id uuid, bounce text)');
    await runner.query(SETTLE);
    await runner.query(SETTLE_AND_CLAIM);
    for (const setting of [BY_INDEX, PLANNED_ONCE]) await runner.query(`alter function ${CLAIM} set ${setting}`);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const name of ['enable_seqscan', 'plan_cache_mode'])
      await runner.query(`alter function ${CLAIM} reset ${name}`);
    await runner.query(`drop function settle_and_claim(${OUTCOME_TYPES}, timestamptz, text[], integer)`);
    await runner.query(`drop function settle_deliveries(${OUTCOME_TYPES})`);
    await runner.query('drop type settled_delivery');
  }
}

const CLAIM = 'claim_deliveries(uuid, timestamptz, timestamptz, text[], integer)';
const BY_INDEX = 'enable_seqscan = off';
const PLANNED_ONCE = 'plan_cache_mode = force_generic_plan';
const OUTCOME_TYPES =
  'uuid, timestamptz, uuid[], uuid[], text[], text[], text[], timestamptz[], boolean[], text[], text[], text[]';
const OUTCOMES =
  'worker uuid, at timestamptz, messages uuid[], subscribers uuid[], states text[], reasons text[], replies text[], due timestamptz[], uncounted boolean[], takers text[], bounces text[], bounce_reasons text[]';

/*
 * An array of which all would be null may be null itself. The condition on the state stands where no index is of use for it: that of mails in flight is full of
 * those that were, and each statement would read them all. Rows that are no longer the worker's (the lease ran out) stay as they are. The claim takes up `unknown`
 * mails that are due: one that is left at that is never due again.
 */
const SETTLE = `
create function settle_deliveries(${OUTCOMES}) returns setof settled_delivery language plpgsql set ${BY_INDEX} set ${PLANNED_ONCE} as $function$
begin
  return query
  update delivery d set state = o.state, reason = o.reason, reply = o.reply, taken_by = o.taken_by,
    due_at = coalesce(o.due_at, case when o.state = 'unknown' then 'infinity' else d.due_at end), lease_by = null, lease_until = null,
    attempts = d.attempts - case when o.is_uncounted then 1 else 0 end, settled_at = case when o.due_at is null then at end,
    failing_since = case o.reason when 'connection' then coalesce(d.failing_since, at) when 'pace' then d.failing_since when 'held' then d.failing_since end,
    bounce = o.bounce, bounce_reason = o.bounce_reason, bounced_at = case when o.bounce is not null then at end
  from unnest(messages, subscribers, states, reasons, replies, due, uncounted, takers, bounces, bounce_reasons)
    as o (message_id, subscriber_id, state, reason, reply, due_at, is_uncounted, taken_by, bounce, bounce_reason)
  where d.message_id = o.message_id and d.subscriber_id = o.subscriber_id and case when d.lease_by = worker then d.state = 'sending' end
  returning d.subscriber_id, d.bounce;
end $function$`;

// A function sees what the one before it wrote: what just left counts for how often somebody wants mail.
const SETTLE_AND_CLAIM = `
create function settle_and_claim(${OUTCOMES}, lease timestamptz, kinds text[], most integer)
returns setof claimed_delivery language plpgsql set ${PLANNED_ONCE} as $function$
begin
  perform settle_deliveries(worker, at, messages, subscribers, states, reasons, replies, due, uncounted, takers, bounces, bounce_reasons);
  return query select * from claim_deliveries(worker, at, lease, kinds, most);
end $function$`;
