import { Check, Column, Entity, ForeignKey, PrimaryColumn } from 'typeorm';
import { Organisation } from './organisation.js';

export type SuppressionReason = 'objection' | 'not-me' | 'bounce' | 'complaint' | 'staff';

/** A keyed hash that must not be mailed. `objection` is lifted by the person's own new double opt-in; the others block confirmation mails too, `bounce` for a week after the last one. */
@Entity('suppression')
@Check('suppression_reason', `"reason" in ('objection', 'not-me', 'bounce', 'complaint', 'staff')`)
export class Suppression {
  @PrimaryColumn({ type: 'uuid', name: 'organisation_id', primaryKeyConstraintName: 'suppression_pk' })
  @ForeignKey(() => Organisation, { name: 'suppression_organisation_fk' })
  organisationId!: string;

  @PrimaryColumn({ type: 'bytea', primaryKeyConstraintName: 'suppression_pk' })
  hash!: Buffer;

  @PrimaryColumn({ type: 'text', primaryKeyConstraintName: 'suppression_pk' })
  reason!: SuppressionReason;

  /** null: for good. */
  @Column({ type: 'timestamptz', nullable: true })
  until!: Date | null;

  @Column({ type: 'timestamptz', name: 'created_at' })
  createdAt!: Date;
}
