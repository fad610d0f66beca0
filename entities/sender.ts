import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A process that sends mail, and when it last said so: limits are shared among those that live. */
@Entity('sender')
export class Sender {
  @PrimaryColumn({ type: 'uuid', primaryKeyConstraintName: 'sender_pk' })
  id!: string;

  @Column({ type: 'timestamptz', name: 'seen_at' })
  seenAt!: Date;
}
