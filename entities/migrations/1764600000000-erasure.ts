import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What was erased, so that it can be told from what was lost; and used proof that is kept until its date. */
export class Erasure1764600000000 implements MigrationInterface {
  readonly name = 'Erasure1764600000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(TABLES);
    await runner.query(GUARDS);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop table restricted_proof, erased_leaf, erasure');
  }
}

const TABLES = `
create table erasure (
  id uuid not null,
  event_id uuid not null,
  cause text not null,
  evidence_key bytea not null,
  subscriber_id uuid,
  happened_at timestamptz not null,
  journaled_at timestamptz,
  constraint erasure_cause check (cause in ('person', 'retention')),
  constraint erasure_pk primary key (id)
);

create index erasure_unjournaled on erasure (happened_at) where subscriber_id is not null and journaled_at is null;

create table erased_leaf (
  event_id uuid not null,
  sign_up_id uuid not null,
  erasure_id uuid not null,
  constraint erased_leaf_pk primary key (event_id),
  constraint erased_leaf_erasure_fk foreign key (erasure_id) references erasure(id)
);

create index erased_leaf_erasure on erased_leaf (erasure_id);

create table restricted_proof (
  sign_up_id uuid not null,
  erasure_id uuid not null,
  evidence_key bytea not null,
  until timestamptz not null,
  constraint restricted_proof_pk primary key (sign_up_id),
  constraint restricted_proof_erasure_fk foreign key (erasure_id) references erasure(id)
);

create index restricted_proof_until on restricted_proof (until);

create index restricted_proof_erasure on restricted_proof (erasure_id);
`;

const GUARDS = `
create trigger erased_leaf_append_only before update or delete on erased_leaf for each row execute function refuse_change();
create trigger erased_leaf_no_truncate before truncate on erased_leaf for each statement execute function refuse_change();
`;
