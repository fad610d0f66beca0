import { Column, Entity, ForeignKey, PrimaryColumn, Unique } from 'typeorm';
import { List } from './list.js';

/** A part of a list under a name. A campaign keeps the filter itself: what becomes of the segment changes no campaign. */
@Entity('segment')
@Unique('segment_name_key', ['listId', 'name'])
export class Segment {
  @PrimaryColumn({ type: 'uuid', primaryKeyConstraintName: 'segment_pk' })
  id!: string;

  @Column({ type: 'uuid', name: 'list_id' })
  @ForeignKey(() => List, { name: 'segment_list_fk' })
  listId!: string;

  @Column({ type: 'text' })
  name!: string;

  /** Of campaigns/settings.ts. */
  @Column({ type: 'jsonb' })
  filter!: object;

  @Column({ type: 'timestamptz', name: 'created_at' })
  createdAt!: Date;

  @Column({ type: 'bytea' })
  seal!: Buffer;
}
