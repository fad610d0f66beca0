import type { Keyring } from '../keys/keyring.js';
import { decryptField } from '../keys/field.js';
import { unwrapKey } from '../keys/subject-key.js';
import type { SealedSignUp } from './subscribe.js';

/** The evidence key of a chapter, unwrapped; 32 bytes. */
export function evidenceKey(keyring: Keyring, signUpId: string, wrapped: Buffer): Buffer {
  return unwrapKey(keyring, { table: 'sign_up', column: 'evidence_key', row: signUpId }, wrapped);
}

/** What a sign-up said, opened. */
export function openSignUp(key: Buffer, signUpId: string, sealed: Buffer): SealedSignUp {
  const text = decryptField(key, { table: 'sign_up', column: 'sealed', row: signUpId }, sealed).toString();
  return JSON.parse(text) as SealedSignUp;
}
