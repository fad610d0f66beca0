import { Column, Entity, PrimaryColumn } from 'typeorm';

/** Record and opening of an event, and its redactable fields, each encrypted under the chapter's evidence key and erasable by itself. */
@Entity('event_body')
export class EventBody {
  @PrimaryColumn({ type: 'uuid', name: 'sign_up_id', primaryKeyConstraintName: 'event_body_pk' })
  signUpId!: string;

  @PrimaryColumn({ type: 'uuid', name: 'event_id', primaryKeyConstraintName: 'event_body_pk' })
  eventId!: string;

  @Column({ type: 'bytea', nullable: true })
  record!: Buffer | null;

  @Column({ type: 'bytea', nullable: true })
  address!: Buffer | null;

  @Column({ type: 'bytea', nullable: true })
  ip!: Buffer | null;

  @Column({ type: 'bytea', name: 'user_agent', nullable: true })
  userAgent!: Buffer | null;

  @Column({ type: 'bytea', nullable: true })
  mail!: Buffer | null;
}
