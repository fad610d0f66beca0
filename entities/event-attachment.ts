import { Check, Column, Entity, PrimaryColumn } from 'typeorm';

/** A redactable field that few events have, and that may be large; encrypted under the chapter's evidence key, erasable by itself. */
@Entity('event_attachment')
@Check('event_attachment_name', `name in ('note', 'scan', 'reply')`)
export class EventAttachment {
  @PrimaryColumn({ type: 'uuid', name: 'sign_up_id', primaryKeyConstraintName: 'event_attachment_pk' })
  signUpId!: string;

  @PrimaryColumn({ type: 'uuid', name: 'event_id', primaryKeyConstraintName: 'event_attachment_pk' })
  eventId!: string;

  @PrimaryColumn({ type: 'text', primaryKeyConstraintName: 'event_attachment_pk' })
  name!: string;

  @Column({ type: 'bytea' })
  sealed!: Buffer;
}
