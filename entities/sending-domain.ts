import { Column, Entity, ForeignKey, PrimaryColumn } from 'typeorm';
import { Organisation } from './organisation.js';

/** A domain that an organisation may use in From, besides that of its own address. */
@Entity('sending_domain')
export class SendingDomain {
  @PrimaryColumn({ type: 'uuid', name: 'organisation_id', primaryKeyConstraintName: 'sending_domain_pk' })
  @ForeignKey(() => Organisation, { name: 'sending_domain_organisation_fk' })
  organisationId!: string;

  /** A-labels, lower case. */
  @PrimaryColumn({ type: 'text', primaryKeyConstraintName: 'sending_domain_pk' })
  domain!: string;

  @Column({ type: 'timestamptz', name: 'added_at' })
  addedAt!: Date;

  /** When the DNS first showed our key there; null: not yet, and nothing is sent from it. */
  @Column({ type: 'timestamptz', name: 'verified_at', nullable: true })
  verifiedAt!: Date | null;

  /** Over what was verified (T6). */
  @Column({ type: 'bytea', nullable: true })
  seal!: Buffer | null;
}
