import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The SMTP gateway: credentials, mails that came in, and their bytes while they wait. */
export class Gateway1764820000000 implements MigrationInterface {
  readonly name = 'Gateway1764820000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(TABLES);
    await runner.query(allow("'search', 'view', 'receipt', 'unmask', 'send'"));
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(allow("'search', 'view', 'receipt', 'unmask'"));
    await runner.query('drop table gateway_recipe, gateway_use, gateway_chunk, gateway_mail, gateway_credential');
  }
}

// To whom transactional mail went stays on record.
function allow(what: string): string {
  return `alter table access_log drop constraint access_log_what, add constraint access_log_what check (what in (${what}))`;
}

// What is encrypted cannot be compressed: it lies outside its row as it is.
const TABLES = `
create table gateway_credential (
  id uuid not null,
  organisation_id uuid not null,
  user_name text not null,
  secret_hash bytea,
  name text not null,
  list_ids uuid[] not null,
  default_list_id uuid,
  is_transactional boolean not null,
  daily_cap integer,
  policy text not null,
  made_by text not null,
  created_at timestamptz not null,
  last_used_at timestamptz,
  revoked_at timestamptz,
  seal bytea not null,
  constraint gateway_credential_policy check (policy in ('refuse', 'skip')),
  constraint gateway_credential_pk primary key (id),
  constraint gateway_credential_organisation_fk foreign key (organisation_id) references organisation(id)
);
create unique index gateway_credential_user_key on gateway_credential (user_name);

create table gateway_mail (
  id uuid not null,
  organisation_id uuid not null,
  credential_id uuid not null,
  list_id uuid,
  bytes integer not null,
  recipients integer not null,
  refusal text,
  skipped jsonb not null,
  mail_key bytea,
  subject bytea,
  skipped_people bytea,
  received_at timestamptz not null,
  done_at timestamptz,
  seal bytea not null,
  constraint gateway_mail_pk primary key (id),
  constraint gateway_mail_organisation_fk foreign key (organisation_id) references organisation(id),
  constraint gateway_mail_credential_fk foreign key (credential_id) references gateway_credential(id),
  constraint gateway_mail_list_fk foreign key (list_id) references list(id)
);
create index gateway_mail_open on gateway_mail (received_at) where done_at is null;
create index gateway_mail_recent on gateway_mail (organisation_id, received_at);
create index gateway_mail_details on gateway_mail (received_at) where mail_key is not null;

create table gateway_chunk (
  mail_id uuid not null,
  place integer not null,
  body bytea not null,
  created_at timestamptz not null,
  constraint gateway_chunk_pk primary key (mail_id, place)
);
alter table gateway_chunk alter column body set storage external;
create index gateway_chunk_created on gateway_chunk (created_at);

create table gateway_use (
  credential_id uuid not null,
  day date not null,
  recipients integer not null,
  constraint gateway_use_pk primary key (credential_id, day)
);

create table gateway_recipe (
  message_id uuid not null,
  subscriber_id uuid not null,
  recipe jsonb not null,
  constraint gateway_recipe_pk primary key (message_id, subscriber_id)
);
`;
