import { Check, Column, Entity, ForeignKey, Index, PrimaryColumn, Unique } from 'typeorm';
import { Purpose } from './purpose.js';
import { SignUp } from './sign-up.js';
import { Subscriber } from './subscriber.js';

export type ConsentState = 'pending' | 'confirmed' | 'refused' | 'expired' | 'withdrawn';
export type Frequency = 'all' | 'weekly' | 'monthly';

/** Subscriber x purpose. Only consent/act.ts changes it; the seal binds it to its last event (T6). */
@Entity('consent')
@Check('consent_state', `"state" in ('pending', 'confirmed', 'refused', 'expired', 'withdrawn')`)
@Check('consent_frequency', `"frequency" in ('all', 'weekly', 'monthly')`)
@Unique('consent_subscriber_purpose_key', ['subscriberId', 'purposeId'])
@Unique('consent_unsubscribe_ref_key', ['unsubscribeRef'])
@Unique('consent_preferences_ref_key', ['preferencesRef'])
@Unique('consent_mailto_ref_key', ['mailtoRef'])
// As the database has it, the columns after the subscriber are only included: counting an audience reads nothing but this index.
@Index('consent_audience', [
  ...['purposeId', 'subscriberId', 'id'],
  ...['state', 'basis', 'language', 'confirmedAt', 'stateAt', 'topics'],
])
@Index('consent_steered', ['purposeId', 'subscriberId', 'id', 'frequency', 'pausedUntil'], {
  where: `"state" = 'confirmed' and ("frequency" <> 'all' or "paused_until" is not null)`,
})
export class Consent {
  @PrimaryColumn({ type: 'uuid', primaryKeyConstraintName: 'consent_pk' })
  id!: string;

  @Column({ type: 'uuid', name: 'subscriber_id' })
  @ForeignKey(() => Subscriber, { name: 'consent_subscriber_fk' })
  subscriberId!: string;

  @Column({ type: 'uuid', name: 'purpose_id' })
  @ForeignKey(() => Purpose, { name: 'consent_purpose_fk' })
  purposeId!: string;

  /** The subscriber's: a copy, which nothing changes. */
  @Column({ type: 'text' })
  language!: string;

  /** Of the list's topics, those that are wanted; none: all. */
  @Column({ type: 'text', array: true, default: [] })
  topics!: string[];

  @Column({ type: 'text' })
  state!: ConsentState;

  @Column({ type: 'text', nullable: true })
  basis!: string | null;

  /** The chapter in force: the sign-up whose events led to the state. */
  @Column({ type: 'uuid', name: 'sign_up_id' })
  @ForeignKey(() => SignUp, { name: 'consent_sign_up_fk' })
  signUpId!: string;

  @Column({ type: 'uuid', name: 'last_event_id', nullable: true })
  lastEventId!: string | null;

  @Column({ type: 'bytea', name: 'last_commitment', nullable: true })
  lastCommitment!: Buffer | null;

  @Column({ type: 'text' })
  frequency!: Frequency;

  @Column({ type: 'timestamptz', name: 'paused_until', nullable: true })
  pausedUntil!: Date | null;

  /** Random, one for each kind of link, so that no two lists or links can be told to belong together (L-04). */
  @Column({ type: 'bytea', name: 'unsubscribe_ref' })
  unsubscribeRef!: Buffer;

  @Column({ type: 'bytea', name: 'preferences_ref' })
  preferencesRef!: Buffer;

  @Column({ type: 'bytea', name: 'mailto_ref' })
  mailtoRef!: Buffer;

  @Column({ type: 'timestamptz', name: 'state_at' })
  stateAt!: Date;

  @Column({ type: 'timestamptz', name: 'confirmed_at', nullable: true })
  confirmedAt!: Date | null;

  @Column({ type: 'bytea' })
  seal!: Buffer;
}
