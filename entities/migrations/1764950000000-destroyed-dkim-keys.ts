import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Of a former DKIM key only what names it stays: its private key is destroyed once no mail that it signed is on its way. */
export class DestroyedDkimKeys1764950000000 implements MigrationInterface {
  readonly name = 'DestroyedDkimKeys1764950000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      alter table dkim_key add column destroyed_at timestamptz;
      alter table dkim_key alter column private_key drop not null;
      alter table dkim_key add constraint dkim_key_destroyed check ((private_key is null) = (destroyed_at is not null));
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      delete from dkim_key where private_key is null;
      alter table dkim_key drop constraint dkim_key_destroyed;
      alter table dkim_key alter column private_key set not null;
      alter table dkim_key drop column destroyed_at;
    `);
  }
}
