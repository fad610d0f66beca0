import { Check, Column, Entity, Index, PrimaryColumn } from 'typeorm';

/**
 * Who of the staff looked at whom (C-31). Append-only and sealed; the numbers have no gaps. It outlives person and staff member: neither is a foreign key, and
 * what names the person is encrypted under a key that goes with them.
 */
@Entity('access_log')
@Check('access_log_what', `what in ('search', 'view', 'receipt', 'unmask', 'send', 'export', 'correct')`)
@Index('access_log_subscriber', ['subscriberId', 'number'])
@Index('access_log_staff', ['staffId', 'happenedAt'])
export class AccessLog {
  @PrimaryColumn({ type: 'bigint', primaryKeyConstraintName: 'access_log_pk' })
  number!: string;

  /** Of a `send`: the credential of the gateway by which transactional mail came. */
  @Column({ type: 'uuid', name: 'staff_id' })
  staffId!: string;

  /** null: nobody was found. */
  @Column({ type: 'uuid', name: 'subscriber_id', nullable: true })
  subscriberId!: string | null;

  @Column({ type: 'text' })
  what!: 'search' | 'view' | 'receipt' | 'unmask' | 'send' | 'export' | 'correct';

  @Column({ type: 'timestamptz', name: 'happened_at' })
  happenedAt!: Date;

  /** Of an unmasking or a correction: which field and why, encrypted under the person's profile key. Of an export: of which campaign and why, under a key of the installation. */
  @Column({ type: 'bytea', nullable: true })
  reason!: Buffer | null;

  @Column({ type: 'bytea' })
  seal!: Buffer;
}
