import { createHmac, timingSafeEqual } from 'node:crypto';
import { currentKey, type Keyring } from '../keys/keyring.js';

const TAG = 22;

/** A value bound to one use, one subject and the minute it was made in; for page nonces and undo fields (M-54, L-08). */
export function makeStamp(keyring: Keyring, use: string, subject: string, now: Date): string {
  const minute = Math.floor(now.getTime() / 60_000).toString(36);
  return `${minute}.${tagOf(currentKey(keyring, 'ticket'), `${use}\0${subject}\0${minute}`)}`;
}

/** Was this stamp made by us for this, within the last `minutes`? */
export function isStamped(
  keyring: Keyring,
  use: string,
  subject: string,
  stamp: string,
  minutes: number,
  now: Date,
): boolean {
  const [minute, tag, ...rest] = stamp.length <= 60 ? stamp.split('.') : [];
  if (!minute || tag?.length !== TAG || rest.length > 0) return false;
  const age = Math.floor(now.getTime() / 60_000) - parseInt(minute, 36);
  // Another process's clock may be in the next minute already.
  if (!(age >= -1 && age <= minutes)) return false;
  return keyring.ids.some((id) => isTag(keyring.key('ticket', id), `${use}\0${subject}\0${minute}`, tag));
}

function tagOf(key: Buffer, text: string): string {
  return createHmac('sha256', key).update(text).digest('base64url').slice(0, TAG);
}

function isTag(key: Buffer | null, text: string, tag: string): boolean {
  return (
    key !== null && Buffer.byteLength(tag) === TAG && timingSafeEqual(Buffer.from(tagOf(key, text)), Buffer.from(tag))
  );
}
