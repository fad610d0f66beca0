import { createHmac, timingSafeEqual } from 'node:crypto';
import { Refusal } from '../errors.js';
import { currentKey, type Keyring } from '../keys/keyring.js';
import { bytesOf, uuidOf } from './uuid.js';

/** Which picture of which campaign; no person has a part in it. */
export interface PictureRef {
  readonly campaignId: string;
  /** The first 16 bytes of the picture's SHA-256. */
  readonly picture: Buffer;
}

export const PICTURE_BYTES = 16;
const ID_BYTES = 16;
const TAG_BYTES = 16;
const HEAD = [1, 'i'.charCodeAt(0)] as const;
const BODY_BYTES = HEAD.length + 1 + ID_BYTES + PICTURE_BYTES;

/** base64url( version | i | key id | campaign 16 | picture 16 | HMAC-SHA256 tag 16 ). The same in every mail of a campaign; never expires, as mails do not. */
export function makePictureToken(keyring: Keyring, audience: string, { campaignId, picture }: PictureRef): string {
  if (picture.length !== PICTURE_BYTES) throw new RangeError(`a picture is named by ${PICTURE_BYTES} bytes`);
  const body = Buffer.concat([Buffer.from([...HEAD, keyring.current]), bytesOf(campaignId), picture]);
  return Buffer.concat([body, tagOf(currentKey(keyring, 'link/i'), audience, body)]).toString('base64url');
}

/** Opens one: size first, then signature, then content. Throws `link-damaged`. */
export function openPictureToken(keyring: Keyring, audiences: readonly string[], token: string): PictureRef {
  const bytes = token.length <= 100 ? Buffer.from(token, 'base64url') : Buffer.alloc(0);
  const isWhole = bytes.length === BODY_BYTES + TAG_BYTES && HEAD.every((byte, place) => bytes[place] === byte);
  const key = isWhole ? keyring.key('link/i', bytes[HEAD.length] ?? 0) : null;
  if (!key || bytes.toString('base64url') !== token) throw damaged();
  const [body, tag] = [bytes.subarray(0, BODY_BYTES), bytes.subarray(BODY_BYTES)];
  if (!audiences.some((audience) => timingSafeEqual(tagOf(key, audience, body), tag))) throw damaged();
  return {
    campaignId: uuidOf(body.subarray(HEAD.length + 1, HEAD.length + 1 + ID_BYTES)),
    picture: Buffer.from(body.subarray(HEAD.length + 1 + ID_BYTES)),
  };
}

function tagOf(key: Buffer, audience: string, body: Buffer): Buffer {
  return createHmac('sha256', key).update(`picture\0${audience}\0`).update(body).digest().subarray(0, TAG_BYTES);
}

function damaged(): Refusal {
  return new Refusal('link-damaged', 'This link is incomplete or was changed.');
}
