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
  const head = Buffer.from(`zgoda/seal/v1\0${kind}`);
  const all = parts.map(toBytes);
  // Written into one piece: this is done several times for each mail.
  const message = Buffer.allocUnsafe(all.reduce((sum, bytes) => sum + 5 + bytes.length, head.length));
  let at = head.copy(message);
  for (const [place, bytes] of all.entries()) {
    at = message.writeUInt8(parts[place] === null ? 0 : 1, at);
    at = message.writeUInt32BE(bytes.length, at);
    at += bytes.copy(message, at);
  }
  return createHmac('sha256', key).update(message).digest().subarray(0, 16);
}

const NOTHING = Buffer.alloc(0);

function toBytes(part: Sealed): Buffer {
  if (part === null) return NOTHING;
  if (Buffer.isBuffer(part)) return part;
  return Buffer.from(part instanceof Date ? part.toISOString() : String(part));
}
