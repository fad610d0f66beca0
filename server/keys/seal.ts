import { createHmac, timingSafeEqual } from 'node:crypto';
import { currentKey, type Keyring } from './keyring.js';

type Sealed = string | number | Buffer | Date | null;

/** HMAC over a row's meaning: master id (1) | HMAC-SHA256 (16 bytes). Whoever can only write SQL cannot make one (T6). */
export function seal(keyring: Keyring, kind: string, parts: readonly Sealed[]): Buffer {
  return Buffer.concat([Buffer.from([keyring.current]), mac(currentKey(keyring, 'seal'), kind, parts)]);
}

/** Was this row written by us? */
export function isSealed(keyring: Keyring, kind: string, parts: readonly Sealed[], given: Buffer | null): boolean {
  const key = given?.length === 17 ? keyring.key('seal', given[0] ?? 0) : null;
  return key !== null && given !== null && timingSafeEqual(mac(key, kind, parts), given.subarray(1));
}

function mac(key: Buffer, kind: string, parts: readonly Sealed[]): Buffer {
  const chunks: Buffer[] = [Buffer.from(`zgoda/seal/v1\0${kind}`)];
  for (const part of parts) {
    const bytes = toBytes(part);
    const length = Buffer.alloc(5);
    length.writeUInt8(part === null ? 0 : 1);
    length.writeUInt32BE(bytes.length, 1);
    chunks.push(length, bytes);
  }
  return createHmac('sha256', key).update(Buffer.concat(chunks)).digest().subarray(0, 16);
}

function toBytes(part: Sealed): Buffer {
  if (part === null) return Buffer.alloc(0);
  if (Buffer.isBuffer(part)) return part;
  return Buffer.from(part instanceof Date ? part.toISOString() : String(part));
}
