import { Column, Entity, ForeignKey, PrimaryColumn, Unique } from 'typeorm';
import { Organisation } from './organisation.js';

/** A DKIM key of an organisation's From domain; the private key is encrypted under the master key. */
@Entity('dkim_key')
@Unique('dkim_key_selector_key', ['domain', 'selector'])
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

  @Column({ type: 'bytea', name: 'private_key' })
  privateKey!: Buffer;

  /** Base64 of the SubjectPublicKeyInfo: what stands in the DNS record after p=. */
  @Column({ type: 'text', name: 'public_key' })
  publicKey!: string;

  @Column({ type: 'timestamptz', name: 'created_at' })
  createdAt!: Date;
}
