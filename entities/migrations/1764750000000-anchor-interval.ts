import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Since when the log is time-stamped how often: receipts name what held at their time. */
export class AnchorInterval1764750000000 implements MigrationInterface {
  readonly name = 'AnchorInterval1764750000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
create table log_anchor_interval (
  since timestamptz not null,
  hours integer,
  constraint log_anchor_interval_pk primary key (since)
);
create trigger log_anchor_interval_append_only before update or delete on log_anchor_interval for each row execute function refuse_change();
create trigger log_anchor_interval_no_truncate before truncate on log_anchor_interval for each statement execute function refuse_change()`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop table log_anchor_interval');
  }
}
