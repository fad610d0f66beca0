import { Column, Entity, PrimaryColumn, Unique } from 'typeorm';

/** Events that have no leaf yet. A trigger on consent_event writes it, so that no event can be left out (P-22). */
@Entity('log_queue')
export class LogQueue {
  @PrimaryColumn({ type: 'uuid', name: 'event_id', primaryKeyConstraintName: 'log_queue_pk' })
  eventId!: string;

  @Column({ type: 'uuid', name: 'sign_up_id' })
  signUpId!: string;
}

/** Leaf of the proof log: dense, append-only. */
@Entity('log_leaf')
@Unique('log_leaf_event_key', ['eventId'])
export class LogLeaf {
  @PrimaryColumn({ type: 'bigint', name: 'leaf_index', primaryKeyConstraintName: 'log_leaf_pk' })
  leafIndex!: string;

  @Column({ type: 'uuid', name: 'event_id' })
  eventId!: string;

  @Column({ type: 'uuid', name: 'sign_up_id' })
  signUpId!: string;

  @Column({ type: 'bytea', name: 'leaf_hash' })
  leafHash!: Buffer;
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
}
