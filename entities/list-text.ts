import { Column, Entity, ForeignKey, PrimaryColumn } from 'typeorm';
import { List } from './list.js';

/** What a list says of itself in one language. */
@Entity('list_text')
export class ListText {
  @PrimaryColumn({ type: 'uuid', name: 'list_id', primaryKeyConstraintName: 'list_text_pk' })
  @ForeignKey(() => List, { name: 'list_text_list_fk' })
  listId!: string;

  @PrimaryColumn({ type: 'text', primaryKeyConstraintName: 'list_text_pk' })
  language!: string;

  @Column({ type: 'text' })
  name!: string;

  @Column({ type: 'text' })
  about!: string;

  @Column({ type: 'text' })
  frequency!: string;

  @Column({ type: 'text', name: 'shared_with' })
  sharedWith!: string;

  @Column({ type: 'text' })
  retention!: string;
}
