import { Column, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';
import { Consent } from './consent.js';
import { SignUp } from './sign-up.js';

/** A confirmation link that was mailed. The secret exists only in the mail; here stands its SHA-256 (T1). */
@Entity('offer')
@Index('offer_sign_up', ['signUpId'])
@Index('offer_consent', ['consentId', 'createdAt'])
@Index('offer_reply_secret', ['replySecretHash'], { unique: true, where: '"reply_secret_hash" is not null' })
export class Offer {
  /** The link's ref. */
  @PrimaryColumn({ type: 'uuid', primaryKeyConstraintName: 'offer_pk' })
  id!: string;

  @Column({ type: 'uuid', name: 'sign_up_id' })
  @ForeignKey(() => SignUp, { name: 'offer_sign_up_fk' })
  signUpId!: string;

  @Column({ type: 'uuid', name: 'consent_id' })
  @ForeignKey(() => Consent, { name: 'offer_consent_fk' })
  consentId!: string;

  /** The `offered` event. */
  @Column({ type: 'uuid', name: 'event_id' })
  eventId!: string;

  @Column({ type: 'bytea', name: 'secret_hash' })
  secretHash!: Buffer;

  /** SHA-256 of the second secret, which the address for answers carries; null where none was asked for. */
  @Column({ type: 'bytea', name: 'reply_secret_hash', nullable: true })
  replySecretHash!: Buffer | null;

  @Column({ type: 'timestamptz', name: 'created_at' })
  createdAt!: Date;

  @Column({ type: 'timestamptz', name: 'expires_at' })
  expiresAt!: Date;

  /** The `confirmed` event that used it. */
  @Column({ type: 'uuid', name: 'used_by', nullable: true })
  usedBy!: string | null;

  /** Binds the link to its chapter and consent (T6). */
  @Column({ type: 'bytea' })
  seal!: Buffer;
}
