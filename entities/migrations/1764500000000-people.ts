import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Who of the staff looked at whom, for good. */
export class People1764500000000 implements MigrationInterface {
  readonly name = 'People1764500000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
create table access_log (
  number bigint not null,
  staff_id uuid not null,
  subscriber_id uuid,
  what text not null,
  happened_at timestamptz not null,
  reason bytea,
  seal bytea not null,
  constraint access_log_what check (what in ('search', 'view', 'receipt', 'unmask')),
  constraint access_log_pk primary key (number)
);
create index access_log_subscriber on access_log (subscriber_id, number);
create index access_log_staff on access_log (staff_id, happened_at);
create trigger access_log_append_only before update or delete on access_log for each row execute function refuse_change();
create trigger access_log_no_truncate before truncate on access_log for each statement execute function refuse_change();`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop table access_log');
  }
}
