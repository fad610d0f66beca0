import { Column, Entity, ForeignKey, PrimaryColumn } from 'typeorm';
import { Campaign } from './campaign.js';
import { Picture } from './picture.js';

/** A picture that a campaign shows: it goes along with each mail, or is fetched. */
@Entity('campaign_picture')
export class CampaignPicture {
  @PrimaryColumn({ type: 'uuid', name: 'campaign_id', primaryKeyConstraintName: 'campaign_picture_pk' })
  @ForeignKey(() => Campaign, { name: 'campaign_picture_campaign_fk', onDelete: 'CASCADE' })
  campaignId!: string;

  /** From 0, in the order in which the mail names them. */
  @PrimaryColumn({ type: 'integer', primaryKeyConstraintName: 'campaign_picture_pk' })
  place!: number;

  @Column({ type: 'bytea' })
  @ForeignKey(() => Picture, { name: 'campaign_picture_picture_fk' })
  sha256!: Buffer;
}
