import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Texts that were shown, once each; what else an organisation tells about its use of data; which server took a mail. */
export class Records1764400000000 implements MigrationInterface {
  readonly name = 'Records1764400000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
create table shown_text (
  sha256 bytea not null,
  body text not null,
  created_at timestamptz not null,
  constraint shown_text_pk primary key (sha256)
);
create trigger shown_text_append_only before update or delete or truncate on shown_text for each statement execute function refuse_change();
alter table organisation
  add column officer text,
  add column recipients text[] not null default '{}',
  add column storage_locations text[] not null default '{}',
  add column transfers text[] not null default '{}';
alter table delivery add column taken_by text`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
alter table delivery drop column taken_by;
alter table organisation drop column officer, drop column recipients, drop column storage_locations, drop column transfers;
drop table shown_text`);
  }
}
