import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What came back of a mail: a bounce or a complaint, why, and when (M-37, M-38). */
export class Bounces1764810000000 implements MigrationInterface {
  readonly name = 'Bounces1764810000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
alter table delivery add column bounce text, add column bounce_reason text, add column bounced_at timestamptz,
  add constraint delivery_bounce check (bounce in ('hard', 'soft', 'policy', 'complaint'))`);
    await runner.query('create index delivery_bounced on delivery (bounced_at) where bounce is not null');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('alter table delivery drop column bounce, drop column bounce_reason, drop column bounced_at');
  }
}
