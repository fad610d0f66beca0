import { draw } from './draw.js';
import { decryptField, encryptField, type Place } from './field.js';
import { knownKey, type Keyring } from './keyring.js';

/** A random 32-byte key of one person or one consent, and the form in which the database keeps it: master id (1) | encrypted key. */
export interface SubjectKey {
  readonly key: Buffer;
  readonly wrapped: Buffer;
}

/** Makes a new key. Destroying its wrapped form destroys all that it encrypts: that is how erasure works (DESIGN.md 5). */
export function makeSubjectKey(keyring: Keyring, place: Place): SubjectKey {
  const key = draw(32);
  return { key, wrapped: wrapKey(keyring, place, key) };
}

/** Wraps a key under the current master. */
export function wrapKey(keyring: Keyring, place: Place, key: Buffer): Buffer {
  const master = knownKey(keyring, 'wrap', keyring.current);
  return Buffer.concat([Buffer.from([keyring.current]), encryptField(master, place, key)]);
}

/** Opens a wrapped key. Throws `keys-invalid` when its master is missing, and an Error when it was tampered with. */
export function unwrapKey(keyring: Keyring, place: Place, wrapped: Buffer): Buffer {
  return decryptField(knownKey(keyring, 'wrap', wrapped[0] ?? 0), place, wrapped.subarray(1));
}
