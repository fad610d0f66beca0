import { Column, Entity, PrimaryColumn } from 'typeorm';

/** One immutable fact about a consent. Append-only (triggers), partitioned by hash of the sign-up that opened its chapter. */
@Entity('consent_event')
export class ConsentEvent {
  @PrimaryColumn({ type: 'uuid', name: 'sign_up_id', primaryKeyConstraintName: 'consent_event_pk' })
  signUpId!: string;

  @PrimaryColumn({ type: 'uuid', primaryKeyConstraintName: 'consent_event_pk' })
  id!: string;

  @Column({ type: 'text' })
  kind!: string;

  /** HMAC-SHA256 of the record under a random opening (P-02). */
  @Column({ type: 'bytea' })
  commitment!: Buffer;

  @Column({ type: 'timestamptz', name: 'happened_at' })
  happenedAt!: Date;

  @Column({ type: 'bytea' })
  seal!: Buffer;

  /**
   * The last event of the consent before this one: what has been followed cannot be the last again (T6). Its own id where
   * the consent was not what we had written: then the chapter is at its end.
   */
  @Column({ type: 'uuid', name: 'previous_id', nullable: true })
  previousId!: string | null;
}
