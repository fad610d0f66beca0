import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Signatures of providers that were used. */
export class Webhooks1764840000000 implements MigrationInterface {
  readonly name = 'Webhooks1764840000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
create table webhook_token (
  token_hash bytea not null,
  content_hash bytea not null,
  seen_at timestamptz not null,
  constraint webhook_token_pk primary key (token_hash)
);
create index webhook_token_seen on webhook_token (seen_at);`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop table webhook_token');
  }
}
