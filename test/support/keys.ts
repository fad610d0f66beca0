import { createPrivateKey, type KeyObject } from 'node:crypto';
import { makeKeyring, type Keyring, type KeysFile } from '../../server/keys/keyring.js';

/** 32 bytes that are all the same, in base64. */
export function secretOf(byte: number): string {
  return Buffer.alloc(32, byte).toString('base64');
}

/** A keys file whose last master signs, the same at every run. */
export function keysFileOf(...masterIds: number[]): KeysFile {
  const signing = masterIds.at(-1);
  return {
    format: 'zgoda-keys/v1',
    masters: masterIds.map((id) => ({
      id,
      use: id === signing ? ('sign' as const) : ('open' as const),
      madeAt: '2026-01-01T00:00:00.000Z',
      secret: secretOf(id),
    })),
    suppression: secretOf(0xaa),
    log: secretOf(0xbb),
  };
}

/** The keys of such a file. */
export function keyringOf(...masterIds: number[]): Keyring {
  return makeKeyring(keysFileOf(...masterIds));
}

/** An Ed25519 key whose seed is 32 bytes that are all the same. */
export function ed25519(byte: number): KeyObject {
  const seed = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), Buffer.alloc(32, byte)]);
  return createPrivateKey({ key: seed, format: 'der', type: 'pkcs8' });
}
