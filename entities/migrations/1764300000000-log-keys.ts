import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * The log beyond its first key: keys with the sizes from which they sign, leaves that belong to no event (`key`, `config`), seals by which a changed row is
 * named, and how far the check in the background is.
 */
export class LogKeys1764300000000 implements MigrationInterface {
  readonly name = 'LogKeys1764300000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(UP);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(DOWN);
  }
}

const UP = `
create table log_key (
  vkey text not null,
  first_size bigint not null,
  old_tip text,
  started_at timestamptz not null,
  seal bytea not null,
  constraint log_key_pk primary key (vkey)
);
create trigger log_key_append_only before update or delete on log_key for each row execute function refuse_change();
create trigger log_key_no_truncate before truncate on log_key for each statement execute function refuse_change();

create table log_round (
  id smallint not null,
  state text not null,
  seal bytea not null,
  constraint log_round_one_row check (id = 1),
  constraint log_round_pk primary key (id)
);

alter table log_leaf alter column event_id drop not null;
alter table log_leaf alter column sign_up_id drop not null;
alter table log_leaf add column data text;
alter table log_leaf add column seal bytea;
alter table log_leaf add constraint log_leaf_event_or_data check ((event_id is null) = (data is not null) and (event_id is null) = (sign_up_id is null));

alter table log_checkpoint add column previous_size bigint;
alter table log_checkpoint add column seal bytea;
create index log_checkpoint_signed_at on log_checkpoint (signed_at);

alter table installation add column log_tip text;
`;

const DOWN = `
alter table installation drop column log_tip;
drop index log_checkpoint_signed_at;
alter table log_checkpoint drop column seal;
alter table log_checkpoint drop column previous_size;
alter table log_leaf drop constraint log_leaf_event_or_data;
alter table log_leaf drop column seal;
alter table log_leaf drop column data;
alter table log_leaf alter column sign_up_id set not null;
alter table log_leaf alter column event_id set not null;
drop table log_round;
drop table log_key;
`;
