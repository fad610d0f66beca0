import { Column, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';
import { Organisation } from './organisation.js';
import { Subscriber } from './subscriber.js';

/** "Mail me the link": written without looking anything up; the worker decides whether a mail goes. */
@Entity('magic_request')
@Index('magic_request_undecided', ['requestedAt'], { where: '"decided_at" is null' })
export class MagicRequest {
  @PrimaryColumn({ type: 'uuid', primaryKeyConstraintName: 'magic_request_pk' })
  id!: string;

  @Column({ type: 'uuid', name: 'organisation_id' })
  @ForeignKey(() => Organisation, { name: 'magic_request_organisation_fk' })
  organisationId!: string;

  @Column({ type: 'bytea', name: 'blind_index' })
  blindIndex!: Buffer;

  @Column({ type: 'text' })
  language!: string;

  @Column({ type: 'timestamptz', name: 'requested_at' })
  requestedAt!: Date;

  @Column({ type: 'timestamptz', name: 'decided_at', nullable: true })
  decidedAt!: Date | null;

  @Column({ type: 'bytea' })
  seal!: Buffer;
}

/** A magic link that was mailed: single use, 30 minutes (T9). */
@Entity('magic_link')
@Index('magic_link_subscriber', ['subscriberId', 'createdAt'])
export class MagicLink {
  @PrimaryColumn({ type: 'uuid', primaryKeyConstraintName: 'magic_link_pk' })
  id!: string;

  @Column({ type: 'uuid', name: 'subscriber_id' })
  @ForeignKey(() => Subscriber, { name: 'magic_link_subscriber_fk' })
  subscriberId!: string;

  @Column({ type: 'bytea', name: 'secret_hash' })
  secretHash!: Buffer;

  @Column({ type: 'timestamptz', name: 'created_at' })
  createdAt!: Date;

  @Column({ type: 'timestamptz', name: 'expires_at' })
  expiresAt!: Date;

  @Column({ type: 'timestamptz', name: 'used_at', nullable: true })
  usedAt!: Date | null;
}
