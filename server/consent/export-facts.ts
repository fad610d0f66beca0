import type { ConsentRecord } from '../ledger/record.js';
import type { Receipt } from './receipt.js';
import type { Terms } from './terms.js';

/** What exports are made from: one chapter, whoever reads it. No address: identifiers in records of consent are random (ISO/IEC TS 27560 annex E). */
export interface ExportFacts {
  /** Origin of the log and index of the leaf: unique, and where to look. */
  readonly receiptId: string;
  readonly issuedAt: string;
  /** In order. */
  readonly records: readonly ConsentRecord[];
  readonly terms: Terms;
  readonly wording: string;
  readonly policyUrl: string;
}

/** Facts of a receipt. `address`: what links of its organisation start with. */
export function exportFacts(receipt: Receipt, { address }: { address: string }): ExportFacts {
  return {
    receiptId: `${receipt.log.origin}#${receipt.number}`,
    issuedAt: receipt.issuedAt.toISOString(),
    records: receipt.events.map(({ record }) => record),
    terms: receipt.terms,
    wording: receipt.wording,
    policyUrl: `${address}/privacy/${receipt.list.organisation.slug}`,
  };
}

/** The confirmation. Throws Error when there is none: then there is no consent to export. */
export function confirmedIn(records: readonly ConsentRecord[]): ConsentRecord {
  const confirmed = records.find((record) => record.kind === 'confirmed');
  if (!confirmed) throw new Error('only a consent that was confirmed can be exported');
  return confirmed;
}
