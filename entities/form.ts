import { Column, Entity, ForeignKey, PrimaryColumn } from 'typeorm';
import { List } from './list.js';

/** Where sign-ups come from: a form on somebody's site. */
@Entity('form')
export class Form {
  /** Short name in the address /forms/:id. */
  @PrimaryColumn({ type: 'text', primaryKeyConstraintName: 'form_pk' })
  id!: string;

  @Column({ type: 'uuid', name: 'list_id' })
  @ForeignKey(() => List, { name: 'form_list_fk' })
  listId!: string;

  /** Sites that may post by script; plain form posts are not bound to it. */
  @Column({ type: 'text', array: true, name: 'allowed_origins' })
  allowedOrigins!: string[];

  @Column({ type: 'timestamptz', name: 'created_at' })
  createdAt!: Date;
}
