import { Column, Entity, ForeignKey, PrimaryColumn } from 'typeorm';
import { Organisation } from './organisation.js';

/** A file that is kept to start campaigns from. */
@Entity('campaign_template')
export class CampaignTemplate {
  @PrimaryColumn({ type: 'uuid', primaryKeyConstraintName: 'campaign_template_pk' })
  id!: string;

  @Column({ type: 'uuid', name: 'organisation_id' })
  @ForeignKey(() => Organisation, { name: 'campaign_template_organisation_fk' })
  organisationId!: string;

  @Column({ type: 'text' })
  name!: string;

  @Column({ type: 'text', name: 'file_name' })
  fileName!: string;

  @Column({ type: 'text' })
  source!: string;

  @Column({ type: 'uuid', name: 'made_by' })
  madeBy!: string;

  @Column({ type: 'timestamptz', name: 'made_at' })
  madeAt!: Date;

  /** It can be taken back from there. */
  @Column({ type: 'timestamptz', name: 'deleted_at', nullable: true })
  deletedAt!: Date | null;

  /** Over all but the time of deletion (T6). */
  @Column({ type: 'bytea' })
  seal!: Buffer;
}
