import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Pictures are kept once, named by what they are; those of the campaigns are moved. */
export class Pictures1764960000000 implements MigrationInterface {
  readonly name = 'Pictures1764960000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table picture (sha256 bytea not null, type text not null, body bytea not null, constraint picture_pk primary key (sha256));
      alter table picture alter column body set storage external;
      insert into picture (sha256, type, body) select distinct on (sha256(body)) sha256(body), type, body from campaign_picture;
      alter table campaign_picture add column sha256 bytea;
      update campaign_picture set sha256 = sha256(body);
      alter table campaign_picture alter column sha256 set not null, drop column type, drop column body,
        add constraint campaign_picture_picture_fk foreign key (sha256) references picture (sha256);
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      alter table campaign_picture drop constraint campaign_picture_picture_fk, add column type text, add column body bytea;
      alter table campaign_picture alter column body set storage external;
      update campaign_picture c set type = p.type, body = p.body from picture p where p.sha256 = c.sha256;
      alter table campaign_picture alter column type set not null, alter column body set not null, drop column sha256;
      drop table picture;
    `);
  }
}
