import { createCipheriv, createHmac, timingSafeEqual } from 'node:crypto';
import { Refusal } from '../errors.js';
import { currentKey, type Keyring } from '../keys/keyring.js';
import { uuidOf } from './uuid.js';
import { fromBase32, toBase32 } from './base32.js';

/** Which mail to whom. */
export interface DeliveryKey {
  readonly messageId: string;
  readonly subscriberId: string;
}

const IDS_BYTES = 32;
/** What fits: a local part has 64 characters (M-29). Whoever guesses it gets random ids, which no delivery has: those are what cannot be forged. */
const TAG_BYTES = 6;
const LETTERS = 61;

/**
 * Where a mail that cannot be delivered comes back to (VERP, M-36): `b+` and base32( tag 6 | ids 32, encrypted ). The same at every try. Nobody can tell by two
 * of them whether they belong to one person or one mailing (L-04): the ids are encrypted under the tag, which is a MAC of them.
 */
export function returnAddress(keyring: Keyring, domain: string, of: DeliveryKey): string {
  return `b+${returnMark(keyring, of)}@${domain}`;
}

/** The token of it alone, for providers that give back what we gave a mail along. */
export function returnMark(keyring: Keyring, of: DeliveryKey): string {
  const ids = Buffer.from((of.messageId + of.subscriberId).replaceAll('-', ''), 'hex');
  if (ids.length !== IDS_BYTES) throw new RangeError('a return path needs two ids');
  const key = currentKey(keyring, 'link/b');
  const tag = tagOf(key, ids);
  return toBase32(Buffer.concat([tag, crypt(key, tag, ids)]));
}

/** The mail that such an address stands for, upper or lower case; null: it has another form. Throws `link-damaged` when we did not make it. */
export function openReturnAddress(keyring: Keyring, address: string): DeliveryKey | null {
  const token = new RegExp(`^b\\+([a-z2-7]{${LETTERS}})@`, 'i').exec(address)?.[1];
  if (token === undefined) return null;
  const bytes = fromBase32(token, TAG_BYTES + IDS_BYTES);
  for (const id of bytes ? keyring.ids : []) {
    const key = keyring.key('link/b', id);
    const ids = key && bytes ? open(key, bytes) : null;
    if (ids) return { messageId: uuidOf(ids.subarray(0, 16)), subscriberId: uuidOf(ids.subarray(16)) };
  }
  throw new Refusal('link-damaged', 'This address is incomplete or was changed.');
}

function open(key: Buffer, bytes: Buffer): Buffer | null {
  const tag = bytes.subarray(0, TAG_BYTES);
  const ids = crypt(key, tag, bytes.subarray(TAG_BYTES));
  return timingSafeEqual(tagOf(key, ids), tag) ? ids : null;
}

function tagOf(key: Buffer, ids: Buffer): Buffer {
  return createHmac('sha256', key).update('return-path/tag\0').update(ids).digest().subarray(0, TAG_BYTES);
}

// In counter mode both ways are the same.
function crypt(key: Buffer, tag: Buffer, ids: Buffer): Buffer {
  const own = createHmac('sha256', key).update('return-path/encrypt\0').digest();
  return createCipheriv('aes-256-ctr', own, Buffer.concat([tag, Buffer.alloc(16 - TAG_BYTES)])).update(ids);
}
