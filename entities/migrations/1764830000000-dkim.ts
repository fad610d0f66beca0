import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Pairs of DKIM keys that follow one another, and further domains of an organisation. */
export class Dkim1764830000000 implements MigrationInterface {
  readonly name = 'Dkim1764830000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
alter table dkim_key add column algorithm text not null default 'rsa', add column used_from timestamptz, add column retired_at timestamptz,
  add constraint dkim_key_algorithm check (algorithm in ('rsa', 'ed25519'));
alter table dkim_key alter column algorithm drop default;
update dkim_key set used_from = created_at;
create index dkim_key_domain on dkim_key (organisation_id, domain);
create table sending_domain (
  organisation_id uuid not null,
  domain text not null,
  added_at timestamptz not null,
  verified_at timestamptz,
  seal bytea,
  constraint sending_domain_pk primary key (organisation_id, domain),
  constraint sending_domain_organisation_fk foreign key (organisation_id) references organisation(id)
);`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
drop table sending_domain;
drop index dkim_key_domain;
delete from dkim_key where algorithm <> 'rsa';
alter table dkim_key drop column algorithm, drop column used_from, drop column retired_at;`);
  }
}
