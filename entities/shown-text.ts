import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A text that records refer to by its hash: a page with its personal places blanked, the terms of a list. Names nobody. */
@Entity('shown_text')
export class ShownText {
  /** SHA-256 of the body in UTF-8. */
  @PrimaryColumn({ type: 'bytea', primaryKeyConstraintName: 'shown_text_pk' })
  sha256!: Buffer;

  @Column({ type: 'text' })
  body!: string;

  @Column({ type: 'timestamptz', name: 'created_at' })
  createdAt!: Date;
}
