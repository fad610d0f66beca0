import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Pictures are kept once, named by what they are. A database that is older than this migration, but not than `Formats1764900000000`, has them in the table of the
 * campaigns: they are moved.
 */
export class Pictures1764890000960 implements MigrationInterface {
  readonly name = 'Pictures1764890000960';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table picture (sha256 bytea not null, type text not null, body bytea not null, constraint picture_pk primary key (sha256));
      alter table picture alter column body set storage external;
      create table if not exists campaign_picture (
        campaign_id uuid not null, place integer not null,
        constraint campaign_picture_pk primary key (campaign_id, place),
        constraint campaign_picture_campaign_fk foreign key (campaign_id) references campaign (id) on delete cascade
      );
      alter table campaign_picture add column sha256 bytea, add column if not exists type text, add column if not exists body bytea;
      insert into picture (sha256, type, body) select distinct on (sha256(body)) sha256(body), type, body from campaign_picture;
      update campaign_picture set sha256 = sha256(body);
      alter table campaign_picture alter column sha256 set not null, drop column type, drop column body,
        add constraint campaign_picture_picture_fk foreign key (sha256) references picture (sha256);
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop table campaign_picture; drop table picture');
  }
}
