import { Column, Entity, ForeignKey, PrimaryColumn } from 'typeorm';
import { Campaign } from './campaign.js';

/** How fast a campaign goes, and whether it had to halt. A campaign without such a row goes as fast as it can. */
@Entity('campaign_pace')
export class CampaignPace {
  @PrimaryColumn({ type: 'uuid', name: 'campaign_id', primaryKeyConstraintName: 'campaign_pace_pk' })
  @ForeignKey(() => Campaign, { name: 'campaign_pace_campaign_fk', onDelete: 'CASCADE' })
  campaignId!: string;

  /** null: no limit. */
  @Column({ type: 'integer', name: 'per_second', nullable: true })
  perSecond!: number | null;

  /** Mails of the first day; twice as many each day after. null: no limit. */
  @Column({ type: 'integer', name: 'warm_up', nullable: true })
  warmUp!: number | null;

  /** Days count from here. */
  @Column({ type: 'timestamptz', name: 'started_at' })
  startedAt!: Date;

  /** How many may leave, as of `filledAt`. */
  @Column({ type: 'double precision', default: 1 })
  tokens!: number;

  @Column({ type: 'timestamptz', name: 'filled_at' })
  filledAt!: Date;

  /** The day that `taken` counts, from 0. */
  @Column({ type: 'integer', default: 0 })
  day!: number;

  @Column({ type: 'integer', default: 0 })
  taken!: number;

  /** How often in a row it halted because we were refused. */
  @Column({ type: 'smallint', default: 0 })
  halts!: number;

  @Column({ type: 'timestamptz', name: 'halted_until', nullable: true })
  haltedUntil!: Date | null;

  /** The answer that made it halt. */
  @Column({ type: 'text', name: 'halt_reason', nullable: true })
  haltReason!: string | null;

  /** One mail is under way to try whether we are taken again. */
  @Column({ type: 'boolean', name: 'is_probing', default: false })
  isProbing!: boolean;
}
