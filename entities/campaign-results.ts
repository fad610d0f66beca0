import { Check, Column, Entity, Index, PrimaryColumn } from 'typeorm';

/**
 * How many mails of a campaign came into a state, or left it (negative): the sum is how many are in it. Written by triggers on `delivery` only, in the statement that
 * changes the mails; old changes are summed up. Outlives the campaign's mails, not their numbers.
 */
@Entity('campaign_tally')
@Index('campaign_tally_campaign', ['campaignId'])
export class CampaignTally {
  @PrimaryColumn({
    type: 'bigint',
    primaryKeyConstraintName: 'campaign_tally_pk',
    generated: 'identity',
    generatedIdentity: 'BY DEFAULT',
  })
  id!: string;

  @Column({ type: 'uuid', name: 'campaign_id' })
  campaignId!: string;

  /** A state of a delivery, or `waiting`. */
  @Column({ type: 'text' })
  kind!: string;

  /** Of skipped mails; else empty. */
  @Column({ type: 'text' })
  reason!: string;

  @Column({ type: 'int' })
  change!: number;

  @Column({ type: 'timestamptz' })
  at!: Date;
}

/** A link that stands in a released campaign and is counted: the only places to which our links lead. Sealed (T6). */
@Entity('campaign_link')
export class CampaignLink {
  @PrimaryColumn({ type: 'uuid', name: 'campaign_id', primaryKeyConstraintName: 'campaign_link_pk' })
  campaignId!: string;

  /** 8 bytes of the SHA-256 of the address. */
  @PrimaryColumn({ type: 'bytea', primaryKeyConstraintName: 'campaign_link_pk' })
  key!: Buffer;

  @Column({ type: 'text' })
  url!: string;

  @Column({ type: 'bytea' })
  seal!: Buffer;
}

/** How often a link was followed in an hour, by nobody in particular. */
@Entity('campaign_click')
export class CampaignClick {
  @PrimaryColumn({ type: 'uuid', name: 'campaign_id', primaryKeyConstraintName: 'campaign_click_pk' })
  campaignId!: string;

  @PrimaryColumn({ type: 'bytea', primaryKeyConstraintName: 'campaign_click_pk' })
  key!: Buffer;

  @PrimaryColumn({ type: 'timestamptz', primaryKeyConstraintName: 'campaign_click_pk' })
  hour!: Date;

  @Column({ type: 'int' })
  people!: number;

  @Column({ type: 'int' })
  machines!: number;
}

/** A click or an opening of somebody who agreed to that; gone with the consent. */
@Entity('campaign_visit')
@Check('campaign_visit_made_by', `"made_by" in ('person', 'machine', 'proxy')`)
@Index('campaign_visit_person', ['campaignId', 'subscriberId', 'at'])
@Index('campaign_visit_consent', ['consentId'])
@Index('campaign_visit_at', ['at'])
export class CampaignVisit {
  @PrimaryColumn({
    type: 'bigint',
    primaryKeyConstraintName: 'campaign_visit_pk',
    generated: 'identity',
    generatedIdentity: 'BY DEFAULT',
  })
  id!: string;

  @Column({ type: 'uuid', name: 'campaign_id' })
  campaignId!: string;

  @Column({ type: 'uuid', name: 'subscriber_id' })
  subscriberId!: string;

  /** To tracking. */
  @Column({ type: 'uuid', name: 'consent_id' })
  consentId!: string;

  /** Of the link; null: the mail was opened. */
  @Column({ type: 'bytea', nullable: true })
  key!: Buffer | null;

  /** Proxy: a mail provider fetched the pictures, read or not. */
  @Column({ type: 'text', name: 'made_by' })
  madeBy!: 'person' | 'machine' | 'proxy';

  @Column({ type: 'timestamptz' })
  at!: Date;
}

/** How the servers of one mail domain take a campaign, while it goes; only domains with ten recipients or more (T18), and gone with the campaign. */
@Entity('campaign_domain')
export class CampaignDomain {
  @PrimaryColumn({ type: 'uuid', name: 'campaign_id', primaryKeyConstraintName: 'campaign_domain_pk' })
  campaignId!: string;

  /** Keyed hash of its name. */
  @PrimaryColumn({ type: 'bytea', primaryKeyConstraintName: 'campaign_domain_pk' })
  domain!: Buffer;

  /** Encrypted. */
  @Column({ type: 'bytea' })
  name!: Buffer;

  @Column({ type: 'int' })
  sent!: number;

  @Column({ type: 'int' })
  deferred!: number;

  @Column({ type: 'int' })
  failed!: number;

  /** Its last answer that was no yes. */
  @Column({ type: 'text', nullable: true })
  reply!: string | null;

  @Column({ type: 'timestamptz' })
  at!: Date;
}
