import { createHash, createHmac, createPublicKey, timingSafeEqual, verify, type KeyObject } from 'node:crypto';

/** Postmark signs nothing: it logs in with the name and the password of the webhook (HTTP Basic). */
export function isLoggedIn(authorization: string | undefined, login: string): boolean {
  const [, given = ''] = /^basic ([A-Za-z0-9+/=]{1,1000})$/i.exec(authorization ?? '') ?? [];
  return isSame(Buffer.from(given, 'base64'), Buffer.from(login, 'utf8'));
}

/** Mailgun signs a time (seconds) and a token that comes once, and nothing of what it tells. */
export function isSignedByMailgun(
  signed: { readonly timestamp: string; readonly token: string; readonly signature: string },
  key: string,
): boolean {
  const wanted = createHmac('sha256', key)
    .update(signed.timestamp + signed.token)
    .digest('hex');
  return isSame(Buffer.from(signed.signature, 'utf8'), Buffer.from(wanted, 'utf8'));
}

/** SendGrid signs a time (seconds) and the body, byte for byte: ECDSA over SHA-256. */
export function isSignedBySendGrid(
  signed: { readonly timestamp: string; readonly body: Buffer; readonly signature: string },
  key: KeyObject,
): boolean {
  const bytes = Buffer.concat([Buffer.from(signed.timestamp, 'utf8'), signed.body]);
  return verify('sha256', bytes, key, Buffer.from(signed.signature, 'base64'));
}

/** The key that SendGrid shows: base64 of a SubjectPublicKeyInfo on P-256. Throws for anything else. */
export function readSendGridKey(text: string): KeyObject {
  const key = createPublicKey({ key: Buffer.from(text, 'base64'), format: 'der', type: 'spki' });
  if (key.asymmetricKeyDetails?.namedCurve !== 'prime256v1') throw new TypeError('not a key on P-256');
  return key;
}

/** Takes the same time for every answer. */
function isSame(one: Buffer, other: Buffer): boolean {
  const hash = (bytes: Buffer): Buffer => createHash('sha256').update(bytes).digest();
  return timingSafeEqual(hash(one), hash(other));
}
