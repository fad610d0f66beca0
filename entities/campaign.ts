import { Check, Column, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';
import { List } from './list.js';

export type CampaignState = 'draft' | 'scheduled' | 'sending' | 'paused' | 'sent' | 'cancelled';

/** One mailing. */
@Entity('campaign')
@Check('campaign_state', `"state" in ('draft', 'scheduled', 'sending', 'paused', 'sent', 'cancelled')`)
@Index('campaign_moving', ['releasedAt'], { where: `"state" in ('scheduled', 'sending')` })
@Check('campaign_format', `"format" in ('html', 'mjml', 'markdown', 'message', 'zip')`)
export class Campaign {
  @PrimaryColumn({ type: 'uuid', primaryKeyConstraintName: 'campaign_pk' })
  id!: string;

  @Column({ type: 'uuid', name: 'list_id' })
  @ForeignKey(() => List, { name: 'campaign_list_fk' })
  listId!: string;

  @Column({ type: 'text' })
  subject!: string;

  @Column({ type: 'text' })
  format!: 'html' | 'mjml' | 'markdown' | 'message' | 'zip';

  @Column({ type: 'text', name: 'file_name' })
  fileName!: string;

  /** As uploaded; of an archive its page, of a message its bytes, a character each. */
  @Column({ type: 'text' })
  source!: string;

  /** Of campaigns/settings.ts. */
  @Column({ type: 'jsonb', default: {} })
  settings!: object;

  /** As compiled, before the footer. */
  @Column({ type: 'text' })
  html!: string;

  @Column({ type: 'text' })
  text!: string;

  /** Tags of another mailing system that the file had, and whether somebody accepted what they became. */
  @Column({ type: 'jsonb', nullable: true })
  tags!: object | null;
  /** The text part before its last change, to go back to. */
  @Column({ type: 'text', name: 'former_text', nullable: true })
  formerText!: string | null;

  @Column({ type: 'bytea', name: 'former_seal', nullable: true })
  formerSeal!: Buffer | null;

  @Column({ type: 'text' })
  state!: CampaignState;

  /** The last subscriber who has a delivery; fan-out goes on from here after a crash. */
  @Column({ type: 'uuid', nullable: true })
  cursor!: string | null;

  @Column({ type: 'timestamptz', name: 'fanned_out_at', nullable: true })
  fannedOutAt!: Date | null;

  /** Whom of the list it goes to, of its settings, for the claim to judge anew; null: whoever. Written by the fan-out. */
  @Column({ type: 'text', array: true, name: 'narrow_languages', nullable: true })
  narrowLanguages!: string[] | null;

  @Column({ type: 'text', array: true, name: 'narrow_topics', nullable: true })
  narrowTopics!: string[] | null;

  /** Of attributes, all of which somebody must have. */
  @Column({ type: 'bytea', array: true, name: 'narrow_marks', nullable: true })
  narrowMarks!: Buffer[] | null;

  @Column({ type: 'timestamptz', name: 'created_at' })
  createdAt!: Date;

  /** Of a scheduled one: when it will start. */
  @Column({ type: 'timestamptz', name: 'released_at', nullable: true })
  releasedAt!: Date | null;

  @Column({ type: 'timestamptz', name: 'finished_at', nullable: true })
  finishedAt!: Date | null;

  /** Binds the released content to whoever released it (T6). */
  @Column({ type: 'bytea', nullable: true })
  seal!: Buffer | null;
}
