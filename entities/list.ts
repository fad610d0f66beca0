import { Column, Entity, ForeignKey, PrimaryColumn, Unique } from 'typeorm';
import { Organisation } from './organisation.js';
import { Purpose } from './purpose.js';

/** A purpose that has mailings, with its own preference page. */
@Entity('list')
@Unique('list_slug_key', ['slug'])
export class List {
  @PrimaryColumn({ type: 'uuid', primaryKeyConstraintName: 'list_pk' })
  @ForeignKey(() => Purpose, { name: 'list_purpose_fk' })
  id!: string;

  @Column({ type: 'uuid', name: 'organisation_id' })
  @ForeignKey(() => Organisation, { name: 'list_organisation_fk' })
  organisationId!: string;

  @Column({ type: 'text' })
  slug!: string;

  @Column({ type: 'text', name: 'default_language' })
  defaultLanguage!: string;

  /** Which bases of a consent may be mailed. */
  @Column({ type: 'text', array: true, name: 'accepted_bases' })
  acceptedBases!: string[];

  /** May a signed answer to the confirmation mail confirm as well (T14)? */
  @Column({ type: 'boolean', name: 'confirm_by_reply', default: false })
  confirmByReply!: boolean;

  /** Of consent/setup-file.ts: what it writes about, for people to choose from. */
  @Column({ type: 'jsonb', default: [] })
  topics!: object[];

  @Column({ type: 'timestamptz', name: 'created_at' })
  createdAt!: Date;
}
