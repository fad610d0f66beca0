import { createCipheriv, createHmac, timingSafeEqual } from 'node:crypto';
import { Refusal } from '../errors.js';
import { currentKey, type Keyring } from '../keys/keyring.js';
import { bytesOf, uuidOf } from './uuid.js';

/** Which link of which campaign was followed, and by whom, where that person agreed to it. */
export interface Click {
  readonly campaignId: string;
  /** 8 bytes that name the link; eight zeros: the mail was opened. */
  readonly link: Buffer;
  /** Of the person's consent to tracking; null: the link is the same for everybody. */
  readonly consentId: string | null;
}

export const LINK_BYTES = 8;
const ID_BYTES = 16;
const TAG_BYTES = 16;
const VERSION = 1;
const HEAD_BYTES = 2;

/**
 * base64url( version | key id | tag 16 | ids, encrypted ). The ids are encrypted under the tag, a MAC of them and the host: nobody can tell by two such links whether they
 * belong to one mailing or person (L-04), and whoever holds one can lead nobody to a place of their own.
 */
export function makeClickToken(keyring: Keyring, audience: string, click: Click): string {
  if (click.link.length !== LINK_BYTES) throw new RangeError('a link is named by 8 bytes');
  const ids = Buffer.concat([
    bytesOf(click.campaignId),
    click.link,
    ...(click.consentId === null ? [] : [bytesOf(click.consentId)]),
  ]);
  const key = currentKey(keyring, 'link/k');
  const tag = tagOf(key, audience, ids);
  return Buffer.concat([Buffer.from([VERSION, keyring.current]), tag, crypt(key, tag, ids)]).toString('base64url');
}

/** Opens one: size first, then signature, then content. Throws `link-damaged`. */
export function openClickToken(keyring: Keyring, audiences: readonly string[], token: string): Click {
  const bytes = token.length <= 100 ? Buffer.from(token, 'base64url') : Buffer.alloc(0);
  const length = bytes.length - HEAD_BYTES - TAG_BYTES;
  const isWhole = length === ID_BYTES + LINK_BYTES || length === 2 * ID_BYTES + LINK_BYTES;
  const key = isWhole && bytes[0] === VERSION ? keyring.key('link/k', bytes[1] ?? 0) : null;
  if (!key || bytes.toString('base64url') !== token) throw damaged();
  const tag = bytes.subarray(HEAD_BYTES, HEAD_BYTES + TAG_BYTES);
  const ids = crypt(key, tag, bytes.subarray(HEAD_BYTES + TAG_BYTES));
  if (!audiences.some((audience) => timingSafeEqual(tagOf(key, audience, ids), tag))) throw damaged();
  return {
    campaignId: uuidOf(ids.subarray(0, ID_BYTES)),
    link: Buffer.from(ids.subarray(ID_BYTES, ID_BYTES + LINK_BYTES)),
    consentId: ids.length > ID_BYTES + LINK_BYTES ? uuidOf(ids.subarray(ID_BYTES + LINK_BYTES)) : null,
  };
}

function tagOf(key: Buffer, audience: string, ids: Buffer): Buffer {
  return createHmac('sha256', key).update(`click/tag\0${audience}\0`).update(ids).digest().subarray(0, TAG_BYTES);
}

// In counter mode both ways are the same.
function crypt(key: Buffer, tag: Buffer, ids: Buffer): Buffer {
  const own = createHmac('sha256', key).update('click/encrypt\0').digest();
  return createCipheriv('aes-256-ctr', own, tag).update(ids);
}

function damaged(): Refusal {
  return new Refusal('link-damaged', 'This link is incomplete or was changed.');
}
