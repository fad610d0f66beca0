import { createPublicKey, type KeyObject } from 'node:crypto';
import type { SigningKey } from './dkim.js';

/** A TXT record: its name, and its text in one piece. */
export interface TextRecord {
  readonly name: string;
  readonly text: string;
}

/** The record that publishes the public half of a key. RFC 6376 3.6.1, RFC 8463 4.2. */
export function dkimRecord({ selector, domain, key }: SigningKey): TextRecord {
  const kind = key.asymmetricKeyType === 'ed25519' ? 'ed25519' : 'rsa';
  return { name: `${selector}._domainkey.${domain}`, text: `v=DKIM1; k=${kind}; p=${publicHalf(key)}` };
}

/** Does one of the texts at a key's name publish it, and no other? More than one record there is a mistake: verifiers take any of them. */
export function isPublished(texts: readonly string[], { key }: Pick<SigningKey, 'key'>): boolean {
  const keys = texts.flatMap((text) => /(?:^|;)\s*p\s*=([^;]*)/.exec(text)?.[1]?.replace(/\s+/g, '') ?? []);
  return keys.length === 1 && keys[0] === publicHalf(key);
}

/** Base64 of what stands after p=: the whole SubjectPublicKeyInfo of RSA, the bare 32 bytes of Ed25519. */
function publicHalf(key: KeyObject): string {
  // From the private half, never from a column: whoever can only write SQL must not get a key of theirs published (T6).
  const bytes = createPublicKey(key).export({ format: 'der', type: 'spki' });
  return (key.asymmetricKeyType === 'ed25519' ? bytes.subarray(-32) : bytes).toString('base64');
}
