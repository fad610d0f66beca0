import { Column, Entity, ForeignKey, PrimaryColumn, Unique } from 'typeorm';
import { Purpose } from './purpose.js';

/** The exact text next to an unticked box; a change makes a new version. */
@Entity('wording')
@Unique('wording_version_key', ['purposeId', 'language', 'version'])
export class Wording {
  @PrimaryColumn({ type: 'uuid', primaryKeyConstraintName: 'wording_pk' })
  id!: string;

  @Column({ type: 'uuid', name: 'purpose_id' })
  @ForeignKey(() => Purpose, { name: 'wording_purpose_fk' })
  purposeId!: string;

  @Column({ type: 'text' })
  language!: string;

  @Column({ type: 'integer' })
  version!: number;

  @Column({ type: 'text' })
  label!: string;

  @Column({ type: 'bytea' })
  sha256!: Buffer;

  @Column({ type: 'timestamptz', name: 'created_at' })
  createdAt!: Date;
}
