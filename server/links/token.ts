import { createHmac, timingSafeEqual } from 'node:crypto';
import { Refusal } from '../errors.js';
import { currentKey, type Keyring } from '../keys/keyring.js';
import { fromBase32, toBase32 } from './base32.js';

/**
 * What a link may do; each has a key of its own (standards.md L-02).
 * c confirm, u unsubscribe, p preferences, m magic, r receipt, n not me, a address change, g guardian, w web version of a campaign; b bounce (its return paths: `bounce-token.ts`),
 * x mailto-unsubscribe and y confirm by reply are mail addresses; k counted links: `click-token.ts`; i pictures of campaigns: `picture-token.ts`.
 */
export type LinkPurpose = 'c' | 'u' | 'p' | 'm' | 'r' | 'n' | 'a' | 'g' | 'w';
export type AddressPurpose = 'x' | 'y';

export interface Link {
  readonly purpose: LinkPurpose;
  /** 16 random bytes that name a row of ours. */
  readonly ref: Buffer;
  /** null: never expires. */
  readonly expiresAt: Date | null;
  /** 16 bytes, for single-use links only. */
  readonly secret: Buffer | null;
}

/** Which purposes carry a secret, and so are single use. */
const HAS_SECRET: Record<LinkPurpose, boolean> = {
  c: true,
  m: true,
  a: true,
  g: true,
  u: false,
  p: false,
  r: false,
  n: false,
  w: false,
};

const VERSION = 1;
const REF_BYTES = 16;
const SECRET_BYTES = 16;
const TAG_BYTES = 16;
const HEAD_BYTES = 7;

/** base64url( version | purpose | key id | expiry u32 | ref 16 | [secret 16] | HMAC-SHA256 tag 16 ). standards.md L-01. */
export function makeLink(keyring: Keyring, audience: string, link: Link): string {
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUInt8(VERSION);
  head.write(link.purpose, 1, 'latin1');
  head.writeUInt8(keyring.current, 2);
  head.writeUInt32BE(link.expiresAt ? Math.floor(link.expiresAt.getTime() / 1000) : 0, 3);
  const body = Buffer.concat([head, link.ref, ...(link.secret ? [link.secret] : [])]);
  if (body.length !== bodyLength(link.purpose))
    throw new RangeError(`a ${link.purpose} link needs ${bodyLength(link.purpose)} bytes`);
  return Buffer.concat([body, tag(currentKey(keyring, `link/${link.purpose}`), audience, body)]).toString('base64url');
}

/**
 * Opens a link of one purpose: size first, then signature, then content. `audiences`: hosts that this installation has had.
 * Throws `link-damaged` for whatever we did not sign for this purpose, and `link-expired` (with `expiresAt` and `ref` in its facts).
 */
export function openLink(
  keyring: Keyring,
  audiences: readonly string[],
  purpose: LinkPurpose,
  token: string,
  now: Date,
): Link {
  const bytes = decodeStrictly(token, bodyLength(purpose) + TAG_BYTES);
  if (bytes?.[0] !== VERSION || bytes[1] !== purpose.charCodeAt(0)) throw damaged();
  const body = bytes.subarray(0, -TAG_BYTES);
  const key = keyring.key(`link/${purpose}`, body[2] ?? 0);
  if (!key || !isSignedFor(key, audiences, body, bytes.subarray(-TAG_BYTES))) throw damaged();
  const expiry = body.readUInt32BE(3);
  const ref = Buffer.from(body.subarray(HEAD_BYTES, HEAD_BYTES + REF_BYTES));
  const expiresAt = expiry === 0 ? null : new Date(expiry * 1000);
  if (expiresAt && expiresAt <= now) throw new Refusal('link-expired', 'This link has expired.', { expiresAt, ref });
  const secret = HAS_SECRET[purpose] ? Buffer.from(body.subarray(HEAD_BYTES + REF_BYTES)) : null;
  return { purpose, ref, expiresAt, secret };
}

/** base32( purpose-bound ref 10 | tag 10 ), 32 lower-case characters: for the local part of a mail address (standards.md M-29). */
export function makeAddressToken(keyring: Keyring, purpose: 'x', ref: Buffer): string {
  if (ref.length !== 10) throw new RangeError('an address token needs a ref of 10 bytes');
  return signAddress(keyring, purpose, ref);
}

/** Opens an address token, upper or lower case: the ref. Throws `link-damaged`. */
export function openAddressToken(keyring: Keyring, purpose: 'x', token: string): Buffer {
  return openAddress(keyring, purpose, token, 10);
}

/**
 * base32( secret 16 | tag 14 ), 48 characters: for the address that an answer which confirms goes to (M-29). It carries the secret itself, as a confirmation
 * link does: a ref with a tag would be something that database and keys can make (T1). There is no ref: who knows the secret knows its hash, by which the offer
 * is found. The tag only keeps guesses from the database.
 */
export function makeReplyToken(keyring: Keyring, secret: Buffer): string {
  if (secret.length !== SECRET_BYTES) throw new RangeError(`a reply token needs a secret of ${SECRET_BYTES} bytes`);
  return signAddress(keyring, 'y', secret);
}

/** Opens a reply token, upper or lower case: the secret. Throws `link-damaged`. */
export function openReplyToken(keyring: Keyring, token: string): Buffer {
  return openAddress(keyring, 'y', token, SECRET_BYTES);
}

function bodyLength(purpose: LinkPurpose): number {
  return HEAD_BYTES + REF_BYTES + (HAS_SECRET[purpose] ? SECRET_BYTES : 0);
}

// Node's decoder takes padding, blanks, "+" and "/" as well: only the one canonical spelling may pass (L-03).
function decodeStrictly(token: string, length: number): Buffer | null {
  if (token.length !== Math.ceil((length * 4) / 3)) return null;
  const bytes = Buffer.from(token, 'base64url');
  return bytes.length === length && bytes.toString('base64url') === token ? bytes : null;
}

function isSignedFor(key: Buffer, audiences: readonly string[], body: Buffer, given: Buffer): boolean {
  return audiences.some((audience) => timingSafeEqual(tag(key, audience, body), given));
}

function tag(key: Buffer, audience: string, body: Buffer): Buffer {
  return createHmac('sha256', key).update(`${audience}\0`).update(body).digest().subarray(0, TAG_BYTES);
}

/** Whole letters of base32 only, so that no token has a second spelling but that of its case. */
const ADDRESS_TAG_BYTES: Record<AddressPurpose, number> = { x: 10, y: 14 };

function signAddress(keyring: Keyring, purpose: AddressPurpose, content: Buffer): string {
  return toBase32(Buffer.concat([content, addressTag(currentKey(keyring, `link/${purpose}`), purpose, content)]));
}

function openAddress(keyring: Keyring, purpose: AddressPurpose, token: string, length: number): Buffer {
  const bytes = fromBase32(token, length + ADDRESS_TAG_BYTES[purpose]);
  if (!bytes) throw damaged();
  const [content, given] = [bytes.subarray(0, length), bytes.subarray(length)];
  for (const id of keyring.ids) {
    const key = keyring.key(`link/${purpose}`, id);
    if (key && timingSafeEqual(addressTag(key, purpose, content), given)) return Buffer.from(content);
  }
  throw damaged();
}

function addressTag(key: Buffer, purpose: AddressPurpose, content: Buffer): Buffer {
  const tag = createHmac('sha256', key).update('address\0').update(content).digest();
  return tag.subarray(0, ADDRESS_TAG_BYTES[purpose]);
}

function damaged(): Refusal {
  return new Refusal('link-damaged', 'This link is incomplete or was changed.');
}
