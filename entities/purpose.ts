import { Check, Column, Entity, ForeignKey, PrimaryColumn } from 'typeorm';
import { Organisation } from './organisation.js';

/** One use of data that a person can agree or object to. */
@Entity('purpose')
@Check('purpose_kind', `"kind" in ('list', 'tracking', 'sharing', 'profiling')`)
export class Purpose {
  @PrimaryColumn({ type: 'uuid', primaryKeyConstraintName: 'purpose_pk' })
  id!: string;

  @Column({ type: 'uuid', name: 'organisation_id' })
  @ForeignKey(() => Organisation, { name: 'purpose_organisation_fk' })
  organisationId!: string;

  @Column({ type: 'text' })
  kind!: 'list' | 'tracking' | 'sharing' | 'profiling';

  @Column({ type: 'text' })
  channel!: string;

  @Column({ type: 'text', name: 'legal_basis' })
  legalBasis!: string;

  @Column({ type: 'timestamptz', name: 'created_at' })
  createdAt!: Date;
}
