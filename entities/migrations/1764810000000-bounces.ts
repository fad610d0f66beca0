import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What came back of a mail: a bounce or a complaint, why, and when (M-37, M-38). */
export class Bounces1764810000000 implements MigrationInterface {
  readonly name = 'Bounces1764810000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
alter table delivery add column bounce text, add column bounce_reason text, add column bounced_at timestamptz,
  add constraint delivery_bounce check (bounce in ('hard', 'soft', 'policy', 'complaint'))`);
    await runner.query('create index delivery_bounced on delivery (bounced_at) where bounce is not null');
    await patchClaim(runner, EVERY, ASKED_FOR);
  }

  async down(runner: QueryRunner): Promise<void> {
    await patchClaim(runner, ASKED_FOR, EVERY);
    await runner.query('alter table delivery drop column bounce, drop column bounce_reason, drop column bounced_at');
  }
}

const EVERY = `when 'not-me' then d.kind in ('confirmation', 'transactional') else true end`;

/** Mailboxes come back: what somebody asks for anew goes again a week after the last bounce, so that a form cannot make us write to a dead address every day. */
const ASKED_FOR = `when 'not-me' then d.kind in ('confirmation', 'transactional')
            when 'bounce' then d.template not in ('confirmation', 'already') or x.created_at > at - interval '7 days' else true end`;

// The function as it is, but for one line: other migrations may change the rest.
async function patchClaim(runner: QueryRunner, from: string, to: string): Promise<void> {
  const [row] = (await runner.query(
    `select pg_get_functiondef('claim_deliveries(uuid, timestamptz, timestamptz, text[], integer)'::regprocedure) as text`,
  )) as { text: string }[];
  if (!row?.text.includes(from)) throw new Error('claim_deliveries is not as it was');
  await runner.query(row.text.replace(from, () => to));
}
