import { createHmac } from 'node:crypto';
import { knownKey, type Keyring } from '../keys/keyring.js';

/** Something that is known of people of an organisation, such as the city. */
export interface AttributeValue {
  readonly organisationId: string;
  readonly name: string;
  readonly value: string;
}

/** By what campaigns are narrowed instead of a plain value: HMAC-SHA256, 32 bytes. The same whatever the letters' case. */
export function attributeMark(keyring: Keyring, { organisationId, name, value }: AttributeValue): Buffer {
  // As a blind index: always under the oldest master, so that keys rotate and marks stay.
  return createHmac('sha256', knownKey(keyring, 'attribute', Math.min(...keyring.ids)))
    .update(`${organisationId}\0${name}\0${value.trim().normalize('NFC').toLowerCase()}`)
    .digest();
}
