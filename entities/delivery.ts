import { Check, Column, Entity, Index, PrimaryColumn } from 'typeorm';

export type DeliveryKind = 'confirmation' | 'campaign' | 'gateway' | 'transactional' | 'notice';
export type DeliveryState = 'queued' | 'sending' | 'sent' | 'deferred' | 'failed' | 'skipped' | 'unknown';
/** What came back of a mail (M-37, M-38). Policy: we are refused, which is never the person's. */
export type Bounce = 'hard' | 'soft' | 'policy' | 'complaint';

/** One mail to one person with its outcome; also the mail queue. Partitioned by hash of the message. Holds no address and no token. */
@Entity('delivery')
@Check('delivery_kind', `"kind" in ('confirmation', 'campaign', 'gateway', 'transactional', 'notice')`)
@Check('delivery_state', `"state" in ('queued', 'sending', 'sent', 'deferred', 'failed', 'skipped', 'unknown')`)
@Check('delivery_bounce', `"bounce" in ('hard', 'soft', 'policy', 'complaint')`)
@Index('delivery_bounced', ['bouncedAt'], { where: '"bounce" is not null' })
@Index('delivery_campaign_due', ['messageId', 'dueAt'], {
  where: `"kind" = 'campaign' and "state" in ('queued', 'deferred', 'unknown')`,
})
@Index('delivery_due', ['dueAt'], { where: `"kind" <> 'campaign' and "state" in ('queued', 'deferred', 'unknown')` })
@Index('delivery_in_flight', ['leaseUntil'], { where: `"state" = 'sending'` })
@Index('delivery_subscriber', ['subscriberId'])
export class Delivery {
  /** The campaign, or the sign-up or magic request that a single mail answers. */
  @PrimaryColumn({ type: 'uuid', name: 'message_id', primaryKeyConstraintName: 'delivery_pk' })
  messageId!: string;

  @PrimaryColumn({ type: 'uuid', name: 'subscriber_id', primaryKeyConstraintName: 'delivery_pk' })
  subscriberId!: string;

  @Column({ type: 'text' })
  kind!: DeliveryKind;

  /** Which mail: `campaign`, or the name of a mail template. */
  @Column({ type: 'text' })
  template!: string;

  /** The consent that a campaign or confirmation mail stands on. */
  @Column({ type: 'uuid', name: 'consent_id', nullable: true })
  consentId!: string | null;

  @Column({ type: 'text' })
  state!: DeliveryState;

  @Column({ type: 'text', nullable: true })
  reason!: string | null;

  @Column({ type: 'timestamptz', name: 'due_at' })
  dueAt!: Date;

  @Column({ type: 'smallint' })
  attempts!: number;

  /** The worker that has it in flight, and until when it is believed alive. */
  @Column({ type: 'uuid', name: 'lease_by', nullable: true })
  leaseBy!: string | null;

  @Column({ type: 'timestamptz', name: 'lease_until', nullable: true })
  leaseUntil!: Date | null;

  @Column({ type: 'text', nullable: true })
  reply!: string | null;

  /** Of a confirmation: the server that took it, and how the connection was secured. */
  @Column({ type: 'text', name: 'taken_by', nullable: true })
  takenBy!: string | null;

  @Column({ type: 'timestamptz', name: 'settled_at', nullable: true })
  settledAt!: Date | null;

  /** null: nothing came back. A mail is counted once. */
  @Column({ type: 'text', nullable: true })
  bounce!: Bounce | null;

  /** One word, of `mail/bounce-words.ts`. */
  @Column({ type: 'text', name: 'bounce_reason', nullable: true })
  bounceReason!: string | null;

  @Column({ type: 'timestamptz', name: 'bounced_at', nullable: true })
  bouncedAt!: Date | null;

  /** Since when it is tried in vain because no server takes our mail; null: the last try got an answer. */
  @Column({ type: 'timestamptz', name: 'failing_since', nullable: true })
  failingSince!: Date | null;

  @Column({ type: 'bytea' })
  seal!: Buffer;
}
