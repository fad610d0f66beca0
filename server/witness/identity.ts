import { createPrivateKey, generateKeyPairSync, randomUUID, type KeyObject } from 'node:crypto';
import { link, mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Refusal } from '../errors.js';
import { COSIGNATURE, formatVkey, verifierKey } from '../ledger/note.js';
import { Malformed } from '../ledger/malformed.js';
import { syncFolder, writeDurably } from './memory.js';

/** Who a witness is: the same for as long as its folder lives. */
export interface Identity {
  readonly name: string;
  readonly key: KeyObject;
  readonly vkey: string;
}

const FILE = 'key.json';

/**
 * The key in this folder; at the first start it is made, under `name`. Throws `keys-invalid` when the folder remembers logs but has no key, when the key is
 * damaged, or when it has another name: a witness with a new key or name is a new witness.
 */
export async function openIdentity(dir: string, name: string): Promise<Identity> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const path = join(dir, FILE);
  const text = (await readFile(path, 'utf8').catch(() => null)) ?? (await makeKey(dir, path, name));
  const identity = readIdentity(text, path);
  if (identity.name !== name) {
    throw new Refusal(
      'keys-invalid',
      `The key in ${path} belongs to "${identity.name}". Start with that name, or in another folder.`,
    );
  }
  return identity;
}

async function makeKey(dir: string, path: string, name: string): Promise<string> {
  if ((await readdir(dir)).some((entry) => entry.startsWith('log-'))) {
    throw new Refusal(
      'keys-invalid',
      `${dir} remembers logs, but has no key that can be read: put ${path} back from its backup.`,
    );
  }
  const { privateKey } = generateKeyPairSync('ed25519');
  vkeyOf(name, privateKey);
  const draft = `${path}.${randomUUID()}`;
  await writeDurably(draft, `${JSON.stringify({ name, key: privateKey.export({ format: 'pem', type: 'pkcs8' }) })}\n`);
  // link() replaces nothing: of two that start at once, both read what the first one made.
  await link(draft, path).catch((error: unknown) => {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  });
  await rm(draft);
  await syncFolder(dir);
  return readFile(path, 'utf8');
}

function readIdentity(text: string, path: string): Identity {
  try {
    const { name, key: pem } = JSON.parse(text) as Record<string, unknown>;
    if (typeof name !== 'string' || typeof pem !== 'string') throw new Error('not a key file');
    const key = createPrivateKey(pem);
    return { name, key, vkey: vkeyOf(name, key) };
  } catch (error) {
    throw new Refusal('keys-invalid', `The key in ${path} cannot be read.`, {}, { cause: error });
  }
}

function vkeyOf(name: string, key: KeyObject): string {
  try {
    return formatVkey(verifierKey(name, key, COSIGNATURE));
  } catch (error) {
    if (!(error instanceof Malformed)) throw error;
    throw new Refusal(
      'config-invalid',
      `A witness cannot be called "${name}": ${error.message}.`,
      {},
      { cause: error },
    );
  }
}
