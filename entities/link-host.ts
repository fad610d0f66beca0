import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A host under which links were ever made: all of them stay valid audiences (T15). */
@Entity('link_host')
export class LinkHost {
  @PrimaryColumn({ type: 'text', primaryKeyConstraintName: 'link_host_pk' })
  host!: string;

  @Column({ type: 'timestamptz', name: 'first_used_at' })
  firstUsedAt!: Date;
}
