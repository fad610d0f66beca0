import { Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';
import { Subscriber } from './subscriber.js';

/** Somebody's attribute as campaigns are narrowed by it: a keyed hash, which says nothing to whoever has no key. */
@Entity('attribute_mark')
@Index('attribute_mark_subscriber', ['subscriberId'])
export class AttributeMark {
  /** Of consent/attributes.ts. */
  @PrimaryColumn({ type: 'bytea', primaryKeyConstraintName: 'attribute_mark_pk' })
  mark!: Buffer;

  @PrimaryColumn({ type: 'uuid', name: 'subscriber_id', primaryKeyConstraintName: 'attribute_mark_pk' })
  @ForeignKey(() => Subscriber, { name: 'attribute_mark_subscriber_fk' })
  subscriberId!: string;
}
