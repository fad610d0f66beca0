import type { MigrationInterface, QueryRunner } from 'typeorm';

/** A mailbox that bounced may be asked again: what its owner wants anew goes a week after the last bounce. */
export class AskedAnew1764850000000 implements MigrationInterface {
  readonly name = 'AskedAnew1764850000000';

  async up(runner: QueryRunner): Promise<void> {
    await patchClaim(runner, EVERY, ASKED_FOR);
  }

  async down(runner: QueryRunner): Promise<void> {
    await patchClaim(runner, ASKED_FOR, EVERY);
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
