import type { Keyring } from '../keys/keyring.js';
import { unwrapKey } from '../keys/subject-key.js';

/** Where the key of a record may lie. */
export interface KeysOfRecord {
  readonly sign_up_id: string | null;
  /** With its sign-up. */
  readonly evidence_key: Buffer | null;
  /** Of used proof that is kept of somebody who was erased. */
  readonly restricted_key: Buffer | null;
  /** Of an `erased` event. */
  readonly erasure_key: Buffer | null;
}

/** Is the key of a record anywhere? */
export function hasKey(row: KeysOfRecord): boolean {
  return wrappedKey(row) !== null;
}

/** The key of a record, unwrapped; null where there is none that opens. */
export function openKey(keyring: Keyring, row: KeysOfRecord): Buffer | null {
  const wrapped = wrappedKey(row);
  if (!wrapped) return null;
  const [table, bytes] = wrapped;
  try {
    return unwrapKey(keyring, { table, column: 'evidence_key', row: row.sign_up_id ?? '' }, bytes);
  } catch {
    return null;
  }
}

function wrappedKey(row: KeysOfRecord): [table: string, bytes: Buffer] | null {
  if (row.evidence_key) return ['sign_up', row.evidence_key];
  if (row.restricted_key) return ['restricted_proof', row.restricted_key];
  return row.erasure_key ? ['erasure', row.erasure_key] : null;
}
