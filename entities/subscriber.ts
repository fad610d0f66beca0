import { Column, Entity, ForeignKey, Index, PrimaryColumn, Unique } from 'typeorm';
import { Organisation } from './organisation.js';

/** One person at one address within one organisation. */
@Entity('subscriber')
@Unique('subscriber_index_key', ['organisationId', 'blindIndex'])
// The rest is only included, as in `consent_audience`.
@Index('subscriber_suppression', ['suppressionHash', 'organisationId', 'id'])
@Index('subscriber_held', ['id', 'restrictedAt', 'erasedAt'], {
  where: '"restricted_at" is not null or "erased_at" is not null',
})
export class Subscriber {
  @PrimaryColumn({ type: 'uuid', primaryKeyConstraintName: 'subscriber_pk' })
  id!: string;

  @Column({ type: 'uuid', name: 'organisation_id' })
  @ForeignKey(() => Organisation, { name: 'subscriber_organisation_fk' })
  organisationId!: string;

  @Column({ type: 'bytea', name: 'blind_index', nullable: true })
  blindIndex!: Buffer | null;

  @Column({ type: 'bytea', name: 'suppression_hash', nullable: true })
  suppressionHash!: Buffer | null;

  /** Wrapped; destroyed at erasure. */
  @Column({ type: 'bytea', name: 'profile_key', nullable: true })
  profileKey!: Buffer | null;

  /** Encrypted under the profile key. */
  @Column({ type: 'bytea', nullable: true })
  address!: Buffer | null;

  /** What is known of the person by name (JSON), encrypted under the profile key. */
  @Column({ type: 'bytea', nullable: true })
  attributes!: Buffer | null;

  @Column({ type: 'text' })
  language!: string;

  /** GDPR Art. 18: nothing is sent while set. */
  @Column({ type: 'timestamptz', name: 'restricted_at', nullable: true })
  restrictedAt!: Date | null;

  @Column({ type: 'timestamptz', name: 'erased_at', nullable: true })
  erasedAt!: Date | null;

  @Column({ type: 'timestamptz', name: 'created_at' })
  createdAt!: Date;
}
