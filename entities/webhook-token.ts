import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

/** A token that a provider signed instead of what it tells, by keyed hashes. It stands for what came with it first; swept after two days. */
@Entity('webhook_token')
@Index('webhook_token_seen', ['seenAt'])
export class WebhookToken {
  @PrimaryColumn({ type: 'bytea', name: 'token_hash', primaryKeyConstraintName: 'webhook_token_pk' })
  tokenHash!: Buffer;

  @Column({ type: 'bytea', name: 'content_hash' })
  contentHash!: Buffer;

  @Column({ type: 'timestamptz', name: 'seen_at' })
  seenAt!: Date;
}
