import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Whoever schedules, pauses, resumes or cancels a campaign is written down, as whoever releases it. Runs after all whose tables it changes, whatever its number. */
export class Acts1764890000980 implements MigrationInterface {
  readonly name = 'Acts1764890000980';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(UP);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(DOWN);
  }
}

const UP = `
alter table campaign_act drop constraint campaign_act_what, add constraint campaign_act_what
  check (what in ('asked', 'returned', 'released', 'scheduled', 'unscheduled', 'paused', 'resumed', 'cancelled'));
`;

// What nobody could have written before does not go away: acts are append-only.
const DOWN = `
alter table campaign_act drop constraint campaign_act_what, add constraint campaign_act_what
  check (what in ('asked', 'returned', 'released')) not valid;
`;
