import type { MigrationInterface, QueryRunner } from 'typeorm';

/** How a campaign is to go out: to whom of the list, when, how fast. Sealed with its content. */
export class CampaignSettings1764890000000 implements MigrationInterface {
  readonly name = 'CampaignSettings1764890000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`alter table campaign add column settings jsonb not null default '{}'`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('alter table campaign drop column settings');
  }
}
