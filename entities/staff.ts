import { Check, Column, Entity, ForeignKey, Index, PrimaryColumn, Unique } from 'typeorm';
import { Subscriber } from './subscriber.js';

export type StaffRole = 'owner' | 'marketer' | 'viewer';

/** A person with a login. */
@Entity('staff')
@Check('staff_role', `"role" in ('owner', 'marketer', 'viewer')`)
@Unique('staff_index_key', ['blindIndex'])
export class Staff {
  @PrimaryColumn({ type: 'uuid', primaryKeyConstraintName: 'staff_pk' })
  id!: string;

  @Column({ type: 'bytea', name: 'blind_index' })
  blindIndex!: Buffer;

  @Column({ type: 'bytea', name: 'profile_key' })
  profileKey!: Buffer;

  @Column({ type: 'bytea' })
  address!: Buffer;

  @Column({ type: 'text' })
  role!: StaffRole;

  /** scrypt parameters, salt and hash; the password is peppered first, so that SQL alone cannot make a login (T6). */
  @Column({ type: 'text', name: 'password_hash', nullable: true })
  passwordHash!: string | null;

  @Column({ type: 'timestamptz', name: 'created_at' })
  createdAt!: Date;

  /** Over who it is, the role and the password (T6). */
  @Column({ type: 'bytea' })
  seal!: Buffer;
}

/** An open browser session of staff, or of a subscriber who followed a magic link. The cookie's secret is kept peppered. */
@Entity('session')
@Check('session_owner', '("staff_id" is null) <> ("subscriber_id" is null)')
@Index('session_expiry', ['expiresAt'])
export class Session {
  @PrimaryColumn({ type: 'bytea', primaryKeyConstraintName: 'session_pk' })
  hash!: Buffer;

  @Column({ type: 'uuid', name: 'staff_id', nullable: true })
  @ForeignKey(() => Staff, { name: 'session_staff_fk', onDelete: 'CASCADE' })
  staffId!: string | null;

  @Column({ type: 'uuid', name: 'subscriber_id', nullable: true })
  @ForeignKey(() => Subscriber, { name: 'session_subscriber_fk', onDelete: 'CASCADE' })
  subscriberId!: string | null;

  @Column({ type: 'timestamptz', name: 'created_at' })
  createdAt!: Date;

  @Column({ type: 'timestamptz', name: 'expires_at' })
  expiresAt!: Date;

  /** Binds the session to its owner and its end (T6). */
  @Column({ type: 'bytea' })
  seal!: Buffer;
}
