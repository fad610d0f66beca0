import { Column, Entity, PrimaryColumn, Unique } from 'typeorm';

/** The GDPR controller that mails. */
@Entity('organisation')
@Unique('organisation_slug_key', ['slug'])
export class Organisation {
  @PrimaryColumn({ type: 'uuid', primaryKeyConstraintName: 'organisation_pk' })
  id!: string;

  @Column({ type: 'text' })
  slug!: string;

  @Column({ type: 'text' })
  name!: string;

  @Column({ type: 'text', name: 'legal_name' })
  legalName!: string;

  @Column({ type: 'text', name: 'postal_address' })
  postalAddress!: string;

  @Column({ type: 'text', name: 'privacy_contact' })
  privacyContact!: string;

  @Column({ type: 'text', name: 'from_address' })
  fromAddress!: string;

  /** Link address of its own; null: PUBLIC_URL. */
  @Column({ type: 'text', name: 'public_url', nullable: true })
  publicUrl!: string | null;

  /** Domain whose mail reaches INBOUND_PORT; null: no mailto unsubscribe is offered. */
  @Column({ type: 'text', name: 'inbound_domain', nullable: true })
  inboundDomain!: string | null;

  @Column({ type: 'text' })
  language!: string;

  /** ISO 3166 code of the law that applies. */
  @Column({ type: 'text' })
  jurisdiction!: string;

  /** IANA zone in which dates are told. */
  @Column({ type: 'text', name: 'time_zone' })
  timeZone!: string;

  /** Contact of the data protection officer; null: there is none. */
  @Column({ type: 'text', nullable: true })
  officer!: string | null;

  /** Who else gets data: processors and others, one a line. */
  @Column({ type: 'text', array: true, default: [] })
  recipients!: string[];

  @Column({ type: 'text', array: true, name: 'storage_locations', default: [] })
  storageLocations!: string[];

  /** To countries outside the European Economic Area, each with its safeguards. */
  @Column({ type: 'text', array: true, default: [] })
  transfers!: string[];

  /** Of consent/setup-file.ts: what sign-ups may tell of a person. */
  @Column({ type: 'jsonb', default: [] })
  attributes!: object[];
  /** A campaign that one asks to send is released by another. */
  @Column({ type: 'boolean', name: 'release_by_second', default: false })
  releaseBySecond!: boolean;

  @Column({ type: 'timestamptz', name: 'created_at' })
  createdAt!: Date;

  /** Over all that the organisation says, its lists, texts, wordings, notices and forms included (T6). */
  @Column({ type: 'bytea', nullable: true })
  seal!: Buffer | null;
}
