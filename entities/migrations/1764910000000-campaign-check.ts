import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Release by a second person, the text of before, and templates that are kept to start from. */
export class CampaignCheck1764910000000 implements MigrationInterface {
  readonly name = 'CampaignCheck1764910000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
alter table organisation add column release_by_second boolean not null default false;
alter table campaign add column former_text text, add column former_seal bytea;
create table campaign_act (
  campaign_id uuid not null,
  number integer not null,
  what text not null,
  staff_id uuid,
  note text,
  draft_seal bytea,
  happened_at timestamptz not null,
  seal bytea not null,
  constraint campaign_act_pk primary key (campaign_id, number),
  constraint campaign_act_what check (what in ('asked', 'returned', 'released'))
);
create trigger campaign_act_append_only before update or delete on campaign_act for each row execute function refuse_change();
create trigger campaign_act_no_truncate before truncate on campaign_act for each statement execute function refuse_change();
create table campaign_template (
  id uuid not null,
  organisation_id uuid not null,
  name text not null,
  file_name text not null,
  source text not null,
  made_by uuid not null,
  made_at timestamptz not null,
  deleted_at timestamptz,
  seal bytea not null,
  constraint campaign_template_pk primary key (id),
  constraint campaign_template_organisation_fk foreign key (organisation_id) references organisation (id)
)`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
drop table campaign_template;
drop table campaign_act;
alter table campaign drop column former_text, drop column former_seal;
alter table organisation drop column release_by_second`);
  }
}
