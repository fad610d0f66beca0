import type { Keyring } from '../keys/keyring.js';
import { decryptField } from '../keys/field.js';
import { unwrapKey } from '../keys/subject-key.js';
import type { SealedSignUp } from './subscribe.js';

/** The evidence key of a chapter, unwrapped; 32 bytes. */
export function evidenceKey(keyring: Keyring, signUpId: string, wrapped: Buffer): Buffer {
  return unwrapKey(keyring, { table: 'sign_up', column: 'evidence_key', row: signUpId }, wrapped);
}

/** A sign-up as it is loaded: what it says in the clear must be what was sealed. */
export interface SignUpRow {
  readonly id: string;
  readonly listId: string;
  readonly wordingId: string;
  readonly sealed: Buffer;
}

/** What a sign-up said, opened. Throws when the row is not what we wrote: another list or wording put into it (T6). */
export function openSignUp(key: Buffer, row: SignUpRow): SealedSignUp {
  const text = decryptField(key, { table: 'sign_up', column: 'sealed', row: row.id }, row.sealed).toString();
  const opened = JSON.parse(text) as SealedSignUp;
  if (opened.listId !== row.listId || opened.wordingId !== row.wordingId)
    throw new Error('a sign-up that we did not write');
  return opened;
}
