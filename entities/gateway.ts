import { Check, Column, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';
import { List } from './list.js';
import { Organisation } from './organisation.js';

/** What becomes of a recipient who may not be mailed: RCPT is answered 550, or the mail is taken and the recipient reported. */
export type GatewayPolicy = 'refuse' | 'skip';

/** With what another system logs in to the gateway, and what it may do there. */
@Entity('gateway_credential')
@Check('gateway_credential_policy', `"policy" in ('refuse', 'skip')`)
export class GatewayCredential {
  @PrimaryColumn({ type: 'uuid', primaryKeyConstraintName: 'gateway_credential_pk' })
  id!: string;

  @Column({ type: 'uuid', name: 'organisation_id' })
  @ForeignKey(() => Organisation, { name: 'gateway_credential_organisation_fk' })
  organisationId!: string;

  /** Made up by us: says nothing about a person. */
  @Column({ type: 'text', name: 'user_name' })
  @Index('gateway_credential_user_key', { unique: true })
  userName!: string;

  /** Keyed, under a key that is not in the database; null: revoked. */
  @Column({ type: 'bytea', name: 'secret_hash', nullable: true })
  secretHash!: Buffer | null;

  /** What staff call it. */
  @Column({ type: 'text' })
  name!: string;

  /** Lists that it may send to; empty for transactional mail. */
  @Column({ type: 'uuid', name: 'list_ids', array: true })
  listIds!: string[];

  /** The list of a mail that names none. */
  @Column({ type: 'uuid', name: 'default_list_id', nullable: true })
  defaultListId!: string | null;

  @Column({ type: 'boolean', name: 'is_transactional' })
  isTransactional!: boolean;

  /** Recipients a day (UTC); null: as many as there are. */
  @Column({ type: 'integer', name: 'daily_cap', nullable: true })
  dailyCap!: number | null;

  @Column({ type: 'text' })
  policy!: GatewayPolicy;

  /** `operator`, or `staff:` and an id. */
  @Column({ type: 'text', name: 'made_by' })
  madeBy!: string;

  @Column({ type: 'timestamptz', name: 'created_at' })
  createdAt!: Date;

  /** To the minute. */
  @Column({ type: 'timestamptz', name: 'last_used_at', nullable: true })
  lastUsedAt!: Date | null;

  @Column({ type: 'timestamptz', name: 'revoked_at', nullable: true })
  revokedAt!: Date | null;

  @Column({ type: 'bytea' })
  seal!: Buffer;
}

/** A mail that came in at the gateway. Its recipients are deliveries; its bytes are chunks, until the last of them has an outcome. */
@Entity('gateway_mail')
@Index('gateway_mail_open', ['receivedAt'], { where: `"done_at" is null` })
@Index('gateway_mail_recent', ['organisationId', 'receivedAt'])
@Index('gateway_mail_details', ['receivedAt'], { where: `"mail_key" is not null` })
export class GatewayMail {
  @PrimaryColumn({ type: 'uuid', primaryKeyConstraintName: 'gateway_mail_pk' })
  id!: string;

  @Column({ type: 'uuid', name: 'organisation_id' })
  @ForeignKey(() => Organisation, { name: 'gateway_mail_organisation_fk' })
  organisationId!: string;

  @Column({ type: 'uuid', name: 'credential_id' })
  @ForeignKey(() => GatewayCredential, { name: 'gateway_mail_credential_fk' })
  credentialId!: string;

  /** null: transactional, or refused before the list was known. */
  @Column({ type: 'uuid', name: 'list_id', nullable: true })
  @ForeignKey(() => List, { name: 'gateway_mail_list_fk' })
  listId!: string | null;

  @Column({ type: 'integer' })
  bytes!: number;

  /** How many deliveries it has. */
  @Column({ type: 'integer' })
  recipients!: number;

  /** Why the whole mail was refused; null: it was taken. */
  @Column({ type: 'text', nullable: true })
  refusal!: string | null;

  /** How many recipients were refused or skipped, by reason. */
  @Column({ type: 'jsonb' })
  skipped!: Record<string, number>;

  /** A random key of this mail, wrapped; opens its chunks, subject and details. null: all of that is gone. */
  @Column({ type: 'bytea', name: 'mail_key', nullable: true })
  mailKey!: Buffer | null;

  /** Encrypted; goes with the chunks. */
  @Column({ type: 'bytea', nullable: true })
  subject!: Buffer | null;

  /** Who was refused or skipped, masked and why, encrypted; goes after a week. */
  @Column({ type: 'bytea', name: 'skipped_people', nullable: true })
  skippedPeople!: Buffer | null;

  @Column({ type: 'timestamptz', name: 'received_at' })
  receivedAt!: Date;

  /** When its last recipient had an outcome, and its bytes were deleted. */
  @Column({ type: 'timestamptz', name: 'done_at', nullable: true })
  doneAt!: Date | null;

  /** Binds what was taken to its list (T6). */
  @Column({ type: 'bytea' })
  seal!: Buffer;
}

/** A piece of a mail that waits, encrypted under the mail's key. Pieces of a large mail come before the mail itself is taken. */
@Entity('gateway_chunk')
@Index('gateway_chunk_created', ['createdAt'])
export class GatewayChunk {
  @PrimaryColumn({ type: 'uuid', name: 'mail_id', primaryKeyConstraintName: 'gateway_chunk_pk' })
  mailId!: string;

  @PrimaryColumn({ type: 'integer', primaryKeyConstraintName: 'gateway_chunk_pk' })
  place!: number;

  @Column({ type: 'bytea' })
  body!: Buffer;

  @Column({ type: 'timestamptz', name: 'created_at' })
  createdAt!: Date;
}

/** How many recipients a capped credential had on a day (UTC). */
@Entity('gateway_use')
export class GatewayUse {
  @PrimaryColumn({ type: 'uuid', name: 'credential_id', primaryKeyConstraintName: 'gateway_use_pk' })
  credentialId!: string;

  @PrimaryColumn({ type: 'date', primaryKeyConstraintName: 'gateway_use_pk' })
  day!: string;

  @Column({ type: 'integer' })
  recipients!: number;
}

/** What was changed in the copy of one recipient (F-03). Nothing personal stands in it. */
@Entity('gateway_recipe')
export class GatewayRecipe {
  @PrimaryColumn({ type: 'uuid', name: 'message_id', primaryKeyConstraintName: 'gateway_recipe_pk' })
  messageId!: string;

  @PrimaryColumn({ type: 'uuid', name: 'subscriber_id', primaryKeyConstraintName: 'gateway_recipe_pk' })
  subscriberId!: string;

  @Column({ type: 'jsonb' })
  recipe!: unknown;
}
