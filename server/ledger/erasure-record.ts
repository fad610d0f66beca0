/** What an `erased` event says: it is about records, and names nobody. Auditors tell by it what was erased from what was lost (P-27). */
export interface ErasureRecord {
  readonly schema_version: 1;
  /** UUID. */
  readonly record_id: string;
  /** The erasure's own id. */
  readonly subject_ref: string;
  readonly kind: 'erased';
  readonly happened_at: string;
  readonly entity: 'subject' | 'system';
  /** The person's own act, or a rule: a withdrawal must not hide as the one or the other (T16). */
  readonly cause: 'person' | 'retention';
  /** With `retention`: which period was over. */
  readonly rule?: 'unconfirmed' | 'proof-over';
  /** Commitments of the events whose records were destroyed: their leaves stand. */
  readonly erased: readonly string[];
}
