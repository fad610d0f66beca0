import { Check, Column, Entity, PrimaryColumn } from 'typeorm';

/** `released`: it starts at once; `scheduled`: released, for later; `unscheduled`: a draft again. */
export type CampaignActKind =
  'asked' | 'returned' | 'released' | 'scheduled' | 'unscheduled' | 'paused' | 'resumed' | 'cancelled';

/** What staff did with a campaign on its way out. Append-only and sealed; it outlives the staff member, who is no foreign key. */
@Entity('campaign_act')
@Check(
  'campaign_act_what',
  `what in ('asked', 'returned', 'released', 'scheduled', 'unscheduled', 'paused', 'resumed', 'cancelled')`,
)
export class CampaignAct {
  @PrimaryColumn({ type: 'uuid', name: 'campaign_id', primaryKeyConstraintName: 'campaign_act_pk' })
  campaignId!: string;

  /** From 1, without gaps within a campaign. */
  @PrimaryColumn({ type: 'integer', primaryKeyConstraintName: 'campaign_act_pk' })
  number!: number;

  @Column({ type: 'text' })
  what!: CampaignActKind;

  /** null: the command line. */
  @Column({ type: 'uuid', name: 'staff_id', nullable: true })
  staffId!: string | null;

  /** Why it was given back. */
  @Column({ type: 'text', nullable: true })
  note!: string | null;

  /** Of the draft as it was at that moment: whoever changes the draft voids what was asked. */
  @Column({ type: 'bytea', name: 'draft_seal', nullable: true })
  draftSeal!: Buffer | null;

  @Column({ type: 'timestamptz', name: 'happened_at' })
  happenedAt!: Date;

  @Column({ type: 'bytea' })
  seal!: Buffer;
}
