import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Campaigns come as Markdown, finished messages and archives too; with pictures; and with tags of other systems, which somebody accepts. */
export class Formats1764900000000 implements MigrationInterface {
  readonly name = 'Formats1764900000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      alter table campaign drop constraint campaign_format;
      alter table campaign add constraint campaign_format check (format in ('html', 'mjml', 'markdown', 'message', 'zip'));
      alter table campaign add column tags jsonb;
      create table campaign_picture (
        campaign_id uuid not null, place integer not null, type text not null, body bytea not null,
        constraint campaign_picture_pk primary key (campaign_id, place),
        constraint campaign_picture_campaign_fk foreign key (campaign_id) references campaign (id) on delete cascade
      );
      alter table campaign_picture alter column body set storage external;
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      drop table campaign_picture;
      alter table campaign drop column tags;
      alter table campaign drop constraint campaign_format;
      alter table campaign add constraint campaign_format check (format in ('html', 'mjml'));
    `);
  }
}
