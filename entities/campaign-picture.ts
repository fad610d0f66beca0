import { Column, Entity, ForeignKey, PrimaryColumn } from 'typeorm';
import { Campaign } from './campaign.js';

/** A picture that goes along with each mail of a campaign. */
@Entity('campaign_picture')
export class CampaignPicture {
  @PrimaryColumn({ type: 'uuid', name: 'campaign_id', primaryKeyConstraintName: 'campaign_picture_pk' })
  @ForeignKey(() => Campaign, { name: 'campaign_picture_campaign_fk', onDelete: 'CASCADE' })
  campaignId!: string;

  /** From 0, in the order in which the mail names them. */
  @PrimaryColumn({ type: 'integer', primaryKeyConstraintName: 'campaign_picture_pk' })
  place!: number;

  /** `image/png` */
  @Column({ type: 'text' })
  type!: string;

  @Column({ type: 'bytea' })
  body!: Buffer;
}
