import { Check, Column, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';
import { List } from './list.js';
import { Wording } from './wording.js';

/**
 * One accepted sign-up, and the chapter of events that it opens. It is written without looking anything up, so that its
 * answer cannot tell who is subscribed (T2, L-11); the worker decides afterwards what it means.
 */
@Entity('sign_up')
@Check('sign_up_source', `"source" in ('form', 'settings', 'import', 'staff')`)
@Check('sign_up_outcome', `"outcome" in ('confirm', 'already', 'blocked', 'budget', 'forged')`)
@Index('sign_up_undecided', ['requestedAt'], { where: '"outcome" is null' })
@Index('sign_up_consent', ['consentId'])
@Index('sign_up_purge', ['purgeAt'], { where: '"purge_at" is not null' })
export class SignUp {
  @PrimaryColumn({ type: 'uuid', primaryKeyConstraintName: 'sign_up_pk' })
  id!: string;

  @Column({ type: 'uuid', name: 'list_id' })
  @ForeignKey(() => List, { name: 'sign_up_list_fk' })
  listId!: string;

  @Column({ type: 'uuid', name: 'wording_id' })
  @ForeignKey(() => Wording, { name: 'sign_up_wording_fk' })
  wordingId!: string;

  @Column({ type: 'text' })
  source!: 'form' | 'settings' | 'import' | 'staff';

  @Column({ type: 'text' })
  language!: string;

  /** Null once the person is erased or the unconfirmed sign-up is purged. */
  @Column({ type: 'bytea', name: 'blind_index', nullable: true })
  blindIndex!: Buffer | null;

  @Column({ type: 'bytea', name: 'suppression_hash', nullable: true })
  suppressionHash!: Buffer | null;

  /** The evidence key of this chapter, wrapped; destroying it makes the whole chapter unreadable. */
  @Column({ type: 'bytea', name: 'evidence_key', nullable: true })
  evidenceKey!: Buffer | null;

  /** Address and where the form stood, encrypted under the evidence key. */
  @Column({ type: 'bytea', nullable: true })
  sealed!: Buffer | null;

  @Column({ type: 'bytea', name: 'requested_commitment' })
  requestedCommitment!: Buffer;

  @Column({ type: 'uuid', name: 'consent_id', nullable: true })
  consentId!: string | null;

  @Column({ type: 'text', nullable: true })
  outcome!: 'confirm' | 'already' | 'blocked' | 'budget' | 'forged' | null;

  @Column({ type: 'timestamptz', name: 'requested_at' })
  requestedAt!: Date;

  /** When an unconfirmed chapter's personal data goes (C-07); null once confirmed. */
  @Column({ type: 'timestamptz', name: 'purge_at', nullable: true })
  purgeAt!: Date | null;
}
