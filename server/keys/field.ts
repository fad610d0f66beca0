import { createCipheriv, createDecipheriv } from 'node:crypto';
import { draw } from './draw.js';

const VERSION = 1;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** Where an encrypted value belongs. It is authenticated with the value, so that nobody can move a value to another row (T6). */
export interface Place {
  readonly table: string;
  readonly column: string;
  readonly row: string;
}

/** AES-256-GCM with a random nonce: version | nonce (12) | tag (16) | ciphertext. `key` is 32 bytes. standards.md C-30. */
export function encryptField(key: Buffer, place: Place, plain: Buffer | string): Buffer {
  const nonce = draw(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(aad(place));
  const body = cipher.update(typeof plain === 'string' ? Buffer.from(plain) : plain);
  cipher.final();
  return Buffer.concat([Buffer.from([VERSION]), nonce, cipher.getAuthTag(), body]);
}

/** Opens what `encryptField` made. Throws when key, place or bytes do not belong together. */
export function decryptField(key: Buffer, place: Place, sealed: Buffer): Buffer {
  if (sealed.length < 1 + NONCE_BYTES + TAG_BYTES || sealed[0] !== VERSION)
    throw new Error(`not an encrypted value: ${place.table}.${place.column}`);
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(1, 1 + NONCE_BYTES), {
    authTagLength: TAG_BYTES,
  });
  decipher.setAAD(aad(place));
  decipher.setAuthTag(sealed.subarray(1 + NONCE_BYTES, 1 + NONCE_BYTES + TAG_BYTES));
  const plain = decipher.update(sealed.subarray(1 + NONCE_BYTES + TAG_BYTES));
  decipher.final();
  return plain;
}

function aad(place: Place): Buffer {
  return Buffer.from(`zgoda/field/v1\0${place.table}\0${place.column}\0${place.row}`);
}
