import { Check, Column, Entity, ForeignKey, Index, PrimaryColumn, Unique } from 'typeorm';
import { Organisation } from './organisation.js';

export type DkimAlgorithm = 'rsa' | 'ed25519';

/** A DKIM key of one of an organisation's domains; the private key is encrypted under the master key. */
@Entity('dkim_key')
@Unique('dkim_key_selector_key', ['domain', 'selector'])
@Check('dkim_key_algorithm', `"algorithm" in ('rsa', 'ed25519')`)
@Check('dkim_key_destroyed', `("private_key" is null) = ("destroyed_at" is not null)`)
@Index('dkim_key_domain', ['organisationId', 'domain'])
export class DkimKey {
  @PrimaryColumn({ type: 'uuid', primaryKeyConstraintName: 'dkim_key_pk' })
  id!: string;

  @Column({ type: 'uuid', name: 'organisation_id' })
  @ForeignKey(() => Organisation, { name: 'dkim_key_organisation_fk' })
  organisationId!: string;

  @Column({ type: 'text' })
  domain!: string;

  @Column({ type: 'text' })
  selector!: string;

  @Column({ type: 'text' })
  algorithm!: DkimAlgorithm;

  /** null: destroyed. */
  @Column({ type: 'bytea', name: 'private_key', nullable: true })
  privateKey!: Buffer | null;

  /** Base64 of the SubjectPublicKeyInfo, to read here; what goes into the DNS is derived from the private key. */
  @Column({ type: 'text', name: 'public_key' })
  publicKey!: string;

  @Column({ type: 'timestamptz', name: 'created_at' })
  createdAt!: Date;

  /** null: waits until the DNS shows it. */
  @Column({ type: 'timestamptz', name: 'used_from', nullable: true })
  usedFrom!: Date | null;

  /** Since when another signs instead; mail on its way still needs the record. */
  @Column({ type: 'timestamptz', name: 'retired_at', nullable: true })
  retiredAt!: Date | null;

  @Column({ type: 'timestamptz', name: 'destroyed_at', nullable: true })
  destroyedAt!: Date | null;
}
