import { createHmac } from 'node:crypto';
import { knownKey, type Keyring } from './keyring.js';

/** Finds a subscriber of one organisation without knowing the address: HMAC-SHA256, 32 bytes. `normal` is the normalised address. */
export function blindIndex(keyring: Keyring, organisationId: string, normal: string): Buffer {
  // Always under the oldest master: a new key would need every index written anew, while links and wrapped keys rotate by themselves.
  return createHmac('sha256', knownKey(keyring, 'index', Math.min(...keyring.ids)))
    .update(`${organisationId}\0${normal}`)
    .digest();
}

/** What a suppression keeps instead of the address, under a key of its own that is never rotated; 32 bytes. */
export function suppressionHash(keyring: Keyring, organisationId: string, normal: string): Buffer {
  return createHmac('sha256', keyring.suppression)
    .update(`zgoda/suppression/v1\0${organisationId}\0${normal}`)
    .digest();
}
