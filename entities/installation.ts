import { Check, Column, Entity, PrimaryColumn } from 'typeorm';

/** The one row that ties a database to its keys file and its log. */
@Entity('installation')
@Check('installation_one_row', '"id" = 1')
export class Installation {
  @PrimaryColumn({ type: 'smallint', primaryKeyConstraintName: 'installation_pk' })
  id!: number;

  /** Keyring.check of the keys that this database was made with. */
  @Column({ type: 'bytea', name: 'key_check' })
  keyCheck!: Buffer;

  /** Fixed at first start; survives a change of PUBLIC_URL. Another one only after `zgoda ledger continue`. */
  @Column({ type: 'text', name: 'log_origin' })
  logOrigin!: string;

  /** A signed tree head that one of our machines keeps and this database does not have: it was restored from an older state (P-21). */
  @Column({ type: 'text', name: 'log_tip', nullable: true })
  logTip!: string | null;

  /** SHA-256 of the first-run link's secret; gone as soon as staff exist (T10). */
  @Column({ type: 'bytea', name: 'first_run_hash', nullable: true })
  firstRunHash!: Buffer | null;

  @Column({ type: 'timestamptz', name: 'first_run_expires_at', nullable: true })
  firstRunExpiresAt!: Date | null;

  @Column({ type: 'timestamptz', name: 'created_at' })
  createdAt!: Date;
}
