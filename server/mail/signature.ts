import { createHash, sign, type KeyObject } from 'node:crypto';

/** base64 of a signature over the UTF-8 bytes of a text: RSA over its SHA-256, or Ed25519 over that hash (RFC 8463 3). It takes its time: `signApart` does it in another thread. */
export function signNow(key: KeyObject, text: string): string {
  const signature = isEd25519(key)
    ? sign(null, createHash('sha256').update(text).digest(), key)
    : sign('sha256', Buffer.from(text), key);
  return signature.toString('base64');
}

export function isEd25519(key: KeyObject): boolean {
  return key.asymmetricKeyType === 'ed25519';
}
