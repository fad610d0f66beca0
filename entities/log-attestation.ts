import { Check, Column, Entity, PrimaryColumn } from 'typeorm';

/** A witness's signature under a tree head (c2sp tlog-cosignature); append-only. */
@Entity('log_cosignature')
export class LogCosignature {
  @PrimaryColumn({ type: 'bigint', primaryKeyConstraintName: 'log_cosignature_pk' })
  size!: string;

  /** Its verifier key, as the policy has it. */
  @PrimaryColumn({ type: 'text', primaryKeyConstraintName: 'log_cosignature_pk' })
  witness!: string;

  /** The signature line with its newline, as it stands in the note. */
  @Column({ type: 'text' })
  line!: string;

  /** By the witness's clock. */
  @Column({ type: 'timestamptz', name: 'signed_at' })
  signedAt!: Date;
}

/** A time stamp over a tree head (RFC 3161); append-only. */
@Entity('log_stamp')
export class LogStamp {
  @PrimaryColumn({ type: 'bigint', primaryKeyConstraintName: 'log_stamp_pk' })
  size!: string;

  /** URL of the time-stamp authority. */
  @PrimaryColumn({ type: 'text', primaryKeyConstraintName: 'log_stamp_pk' })
  authority!: string;

  /** The signed note exactly as it was stamped. */
  @Column({ type: 'text' })
  note!: string;

  /** DER of the TimeStampToken. */
  @Column({ type: 'bytea' })
  token!: Buffer;

  /** By the authority's clock: genTime of the token. */
  @Column({ type: 'timestamptz', name: 'stamped_at' })
  stampedAt!: Date;
}

/** How often the log is time-stamped, from a moment on; append-only. */
@Entity('log_anchor_interval')
export class LogAnchorInterval {
  @PrimaryColumn({ type: 'timestamptz', primaryKeyConstraintName: 'log_anchor_interval_pk' })
  since!: Date;

  /** null: not any more. */
  @Column({ type: 'integer', nullable: true })
  hours!: number | null;
}

/** How it goes with a witness or an authority, and when it is asked next: of several workers one asks. */
@Entity('log_attestor')
@Check('log_attestor_kind', `kind in ('witness', 'authority')`)
export class LogAttestor {
  /** Verifier key of a witness, URL of an authority. */
  @PrimaryColumn({ type: 'text', primaryKeyConstraintName: 'log_attestor_pk' })
  name!: string;

  @Column({ type: 'text' })
  kind!: string;

  @Column({ type: 'timestamptz', name: 'next_at' })
  nextAt!: Date;

  /** In a row. */
  @Column({ type: 'integer' })
  failures!: number;

  /** What went wrong last time; null when nothing did. */
  @Column({ type: 'text', nullable: true })
  problem!: string | null;

  /** Since when it answers, or does not. */
  @Column({ type: 'timestamptz' })
  since!: Date;
}
