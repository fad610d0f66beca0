import { Check, Column, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';

/** One erasure: the chapter of its `erased` event, under a key that is nobody's, so that auditors can read which leaves were erased, and why (T16). */
@Entity('erasure')
@Check('erasure_cause', `"cause" in ('person', 'retention')`)
@Index('erasure_unjournaled', ['happenedAt'], { where: '"subscriber_id" is not null and "journaled_at" is null' })
export class Erasure {
  /** Stands where other events have their sign-up. */
  @PrimaryColumn({ type: 'uuid', primaryKeyConstraintName: 'erasure_pk' })
  id!: string;

  @Column({ type: 'uuid', name: 'event_id' })
  eventId!: string;

  @Column({ type: 'text' })
  cause!: 'person' | 'retention';

  /** Of the `erased` event only; it is never destroyed. */
  @Column({ type: 'bytea', name: 'evidence_key' })
  evidenceKey!: Buffer;

  /** Whose; null where sign-ups that nobody confirmed went together. */
  @Column({ type: 'uuid', name: 'subscriber_id', nullable: true })
  subscriberId!: string | null;

  @Column({ type: 'timestamptz', name: 'happened_at' })
  happenedAt!: Date;

  /** Since when the journal outside the database knows it. */
  @Column({ type: 'timestamptz', name: 'journaled_at', nullable: true })
  journaledAt!: Date | null;
}

/** An event whose record was destroyed, and the erasure whose event says so. Append-only (trigger); counts only together with that event. */
@Entity('erased_leaf')
@Index('erased_leaf_erasure', ['erasureId'])
export class ErasedLeaf {
  @PrimaryColumn({ type: 'uuid', name: 'event_id', primaryKeyConstraintName: 'erased_leaf_pk' })
  eventId!: string;

  @Column({ type: 'uuid', name: 'sign_up_id' })
  signUpId!: string;

  @Column({ type: 'uuid', name: 'erasure_id' })
  @ForeignKey(() => Erasure, { name: 'erased_leaf_erasure_fk' })
  erasureId!: string;
}

/**
 * Used proof of somebody who was erased: kept for legal claims until its date, and read for nothing else. Its key lies here and no longer in the sign-up, so
 * that to everything else the chapter is erased.
 */
@Entity('restricted_proof')
@Index('restricted_proof_until', ['until'])
@Index('restricted_proof_erasure', ['erasureId'])
export class RestrictedProof {
  @PrimaryColumn({ type: 'uuid', name: 'sign_up_id', primaryKeyConstraintName: 'restricted_proof_pk' })
  signUpId!: string;

  @Column({ type: 'uuid', name: 'erasure_id' })
  @ForeignKey(() => Erasure, { name: 'restricted_proof_erasure_fk' })
  erasureId!: string;

  /** The evidence key of the chapter, wrapped for this row. */
  @Column({ type: 'bytea', name: 'evidence_key' })
  evidenceKey!: Buffer;

  /** Noon (UTC) of the last day on which it is kept. */
  @Column({ type: 'timestamptz' })
  until!: Date;
}
