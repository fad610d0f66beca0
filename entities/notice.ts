import { Column, Entity, ForeignKey, PrimaryColumn, Unique } from 'typeorm';
import { Organisation } from './organisation.js';

/** A version of an organisation's privacy notice in one language; never changed once shown. */
@Entity('notice')
@Unique('notice_version_key', ['organisationId', 'language', 'version'])
export class Notice {
  @PrimaryColumn({ type: 'uuid', primaryKeyConstraintName: 'notice_pk' })
  id!: string;

  @Column({ type: 'uuid', name: 'organisation_id' })
  @ForeignKey(() => Organisation, { name: 'notice_organisation_fk' })
  organisationId!: string;

  @Column({ type: 'text' })
  language!: string;

  @Column({ type: 'integer' })
  version!: number;

  @Column({ type: 'text' })
  body!: string;

  @Column({ type: 'bytea' })
  sha256!: Buffer;

  @Column({ type: 'timestamptz', name: 'created_at' })
  createdAt!: Date;
}
