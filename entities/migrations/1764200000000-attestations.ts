import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What others say about the log: cosignatures of witnesses, stamps of time-stamp authorities. */
export class Attestations1764200000000 implements MigrationInterface {
  readonly name = 'Attestations1764200000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
create table log_cosignature (
  size bigint not null,
  witness text not null,
  line text not null,
  signed_at timestamptz not null,
  constraint log_cosignature_pk primary key (size, witness)
);

create table log_stamp (
  size bigint not null,
  authority text not null,
  note text not null,
  token bytea not null,
  stamped_at timestamptz not null,
  constraint log_stamp_pk primary key (size, authority)
);

create table log_attestor (
  name text not null,
  kind text not null,
  next_at timestamptz not null,
  failures integer not null,
  problem text,
  since timestamptz not null,
  constraint log_attestor_kind check (kind in ('witness', 'authority')),
  constraint log_attestor_pk primary key (name)
)`);
    for (const table of APPEND_ONLY) {
      await runner.query(`
create trigger ${table}_append_only before update or delete on ${table} for each row execute function refuse_change();
create trigger ${table}_no_truncate before truncate on ${table} for each statement execute function refuse_change()`);
    }
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop table log_cosignature, log_stamp, log_attestor');
  }
}

const APPEND_ONLY = ['log_cosignature', 'log_stamp'];
