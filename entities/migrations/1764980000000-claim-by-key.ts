import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * The claim finds the mails that it picked by their whole key, in the one partition where they lie. Joined by the subscriber alone, as the planner liked it, it
 * looked through all partitions, and read whatever else that person had ever been sent. Each mail changes its row twice: what that leaves behind is swept up as it
 * comes, not once it is a fifth of all that was ever sent.
 */
export class ClaimByKey1764980000000 implements MigrationInterface {
  readonly name = 'ClaimByKey1764980000000';

  async up(runner: QueryRunner): Promise<void> {
    await patchClaim(runner, BY_EITHER, BY_KEY);
    for (const partition of PARTITIONS) await runner.query(`alter table ${partition} set (${SWEPT})`);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const partition of PARTITIONS)
      await runner.query(
        `alter table ${partition} reset (autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold)`,
      );
    await patchClaim(runner, BY_KEY, BY_EITHER);
  }
}

const PARTITIONS = Array.from({ length: 8 }, (_, i) => `delivery_${i}`);
const SWEPT = 'autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 20000';

const BY_EITHER = 'join delivery d on d.message_id = picked.message_id and d.subscriber_id = picked.subscriber_id';
// `limit 1` keeps the planner from taking the two apart, and tells it how few they are.
const BY_KEY = `cross join lateral (select * from delivery one
      where one.message_id = picked.message_id and one.subscriber_id = picked.subscriber_id limit 1) d`;

// The function as it is, but for this place: other migrations may change the rest.
async function patchClaim(runner: QueryRunner, from: string, to: string): Promise<void> {
  const [row] = (await runner.query(
    `select pg_get_functiondef('claim_deliveries(uuid, timestamptz, timestamptz, text[], integer)'::regprocedure) as text`,
  )) as { text: string }[];
  if (!row?.text.includes(from)) throw new Error('claim_deliveries is not as it was');
  await runner.query(row.text.replace(from, () => to));
}
