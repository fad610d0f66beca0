import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A picture, kept once, however many campaigns show it. */
@Entity('picture')
export class Picture {
  /** Of the body. */
  @PrimaryColumn({ type: 'bytea', primaryKeyConstraintName: 'picture_pk' })
  sha256!: Buffer;

  /** `image/png` */
  @Column({ type: 'text' })
  type!: string;

  @Column({ type: 'bytea' })
  body!: Buffer;
}
