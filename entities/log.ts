import { Check, Column, Entity, Index, PrimaryColumn, Unique } from 'typeorm';

/** Events that have no leaf yet. A trigger on consent_event writes it, so that no event can be left out (P-22). */
@Entity('log_queue')
export class LogQueue {
  @PrimaryColumn({ type: 'uuid', name: 'event_id', primaryKeyConstraintName: 'log_queue_pk' })
  eventId!: string;

  @Column({ type: 'uuid', name: 'sign_up_id' })
  signUpId!: string;
}

/** Leaf of the proof log: dense, append-only. It is an event's, or says by itself what it is: `key` and `config` leaves. */
@Entity('log_leaf')
@Unique('log_leaf_event_key', ['eventId'])
@Check(
  'log_leaf_event_or_data',
  '(event_id is null) = (data is not null) and (event_id is null) = (sign_up_id is null)',
)
export class LogLeaf {
  @PrimaryColumn({ type: 'bigint', name: 'leaf_index', primaryKeyConstraintName: 'log_leaf_pk' })
  leafIndex!: string;

  @Column({ type: 'uuid', name: 'event_id', nullable: true })
  eventId!: string | null;

  @Column({ type: 'uuid', name: 'sign_up_id', nullable: true })
  signUpId!: string | null;

  @Column({ type: 'bytea', name: 'leaf_hash' })
  leafHash!: Buffer;

  /** The whole leaf, where it is not an event's. */
  @Column({ type: 'text', nullable: true })
  data!: string | null;

  /** Over the row and its index, so that a moved or changed leaf is named; null on rows from before there were seals. */
  @Column({ type: 'bytea', nullable: true })
  seal!: Buffer | null;
}

/** Root of a full tile: level 1 covers 256 leaves, level 2 covers 65,536 (c2sp tlog-tiles). */
@Entity('log_node')
export class LogNode {
  @PrimaryColumn({ type: 'smallint', primaryKeyConstraintName: 'log_node_pk' })
  level!: number;

  @PrimaryColumn({ type: 'bigint', name: 'node_index', primaryKeyConstraintName: 'log_node_pk' })
  nodeIndex!: string;

  @Column({ type: 'bytea' })
  hash!: Buffer;
}

/** Signed tree head, with the frontier from which the tree grows on. */
@Entity('log_checkpoint')
@Index('log_checkpoint_signed_at', ['signedAt'])
export class LogCheckpoint {
  @PrimaryColumn({ type: 'bigint', primaryKeyConstraintName: 'log_checkpoint_pk' })
  size!: string;

  @Column({ type: 'bytea' })
  root!: Buffer;

  /** Concatenated 32-byte hashes of the full subtrees, largest first. */
  @Column({ type: 'bytea' })
  frontier!: Buffer;

  @Column({ type: 'text' })
  note!: string;

  @Column({ type: 'timestamptz', name: 'signed_at' })
  signedAt!: Date;

  /** Size of the tree head before it, so that a head that was taken out is missed. */
  @Column({ type: 'bigint', name: 'previous_size', nullable: true })
  previousSize!: string | null;

  @Column({ type: 'bytea', nullable: true })
  seal!: Buffer | null;
}

/** A key of the log: it signs trees of `first_size` leaves and more, until the next one does. Its name is the log's origin. */
@Entity('log_key')
export class LogKey {
  @PrimaryColumn({ type: 'text', primaryKeyConstraintName: 'log_key_pk' })
  vkey!: string;

  @Column({ type: 'bigint', name: 'first_size' })
  firstSize!: string;

  /** The last signed tree head under the key before; null for the first key. */
  @Column({ type: 'text', name: 'old_tip', nullable: true })
  oldTip!: string | null;

  @Column({ type: 'timestamptz', name: 'started_at' })
  startedAt!: Date;

  @Column({ type: 'bytea' })
  seal!: Buffer;
}

/** How far the check of the log in the background is, and what it found. */
@Entity('log_round')
@Check('log_round_one_row', '"id" = 1')
export class LogRound {
  @PrimaryColumn({ type: 'smallint', primaryKeyConstraintName: 'log_round_pk' })
  id!: number;

  @Column({ type: 'text' })
  state!: string;

  @Column({ type: 'bytea' })
  seal!: Buffer;
}
