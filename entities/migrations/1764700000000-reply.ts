import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Confirm by reply (T14): off for every list, and the hash of the second secret where a mail asked for an answer. */
export class Reply1764700000000 implements MigrationInterface {
  readonly name = 'Reply1764700000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('alter table list add column confirm_by_reply boolean not null default false');
    await runner.query('alter table offer add column reply_secret_hash bytea');
    await runner.query(
      'create unique index offer_reply_secret on offer (reply_secret_hash) where reply_secret_hash is not null',
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('alter table offer drop column reply_secret_hash');
    await runner.query('alter table list drop column confirm_by_reply');
  }
}
