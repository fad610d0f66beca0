import { Check, Column, Entity, PrimaryColumn } from 'typeorm';

/** Since when no server takes our mail; no row: one does. All processes share it. */
@Entity('outage')
@Check('outage_one', `"id" = 1`)
export class Outage {
  @PrimaryColumn({ type: 'smallint', primaryKeyConstraintName: 'outage_pk' })
  id!: number;

  @Column({ type: 'timestamptz' })
  since!: Date;

  /** When a mail was last tried in vain. */
  @Column({ type: 'timestamptz', name: 'tried_at' })
  triedAt!: Date;

  /** Why none takes it: what the connection said. */
  @Column({ type: 'text' })
  reply!: string;
}
