import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What few events have, and is large: a note, a scan, a reply. */
export class Attachments1764100000000 implements MigrationInterface {
  readonly name = 'Attachments1764100000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
create table event_attachment (
  sign_up_id uuid not null,
  event_id uuid not null,
  name text not null,
  sealed bytea not null,
  constraint event_attachment_name check (name in ('note', 'scan', 'reply')),
  constraint event_attachment_pk primary key (sign_up_id, event_id, name)
)`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop table event_attachment');
  }
}
