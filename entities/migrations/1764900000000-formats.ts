import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Campaigns come as Markdown, finished messages and archives too, and with tags of other systems, which somebody accepts. Its pictures stand in `Pictures1764890000960`. */
export class Formats1764900000000 implements MigrationInterface {
  readonly name = 'Formats1764900000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      alter table campaign drop constraint campaign_format;
      alter table campaign add constraint campaign_format check (format in ('html', 'mjml', 'markdown', 'message', 'zip'));
      alter table campaign add column tags jsonb;
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      alter table campaign drop column tags;
      alter table campaign drop constraint campaign_format;
      alter table campaign add constraint campaign_format check (format in ('html', 'mjml'));
    `);
  }
}
