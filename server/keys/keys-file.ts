import { open, readFile, rename, rm, link } from 'node:fs/promises';
import { dirname } from 'node:path';
import { mkdirSync } from 'node:fs';
import { Refusal } from '../errors.js';
import { makeKeysFile, parseKeysFile, rotateKeysFile, type KeysFile } from './keyring.js';

/** The keys file at `path`, or null when there is none. Throws `keys-invalid` when it is damaged. */
export async function loadKeysFile(path: string): Promise<KeysFile | null> {
  try {
    return parseKeysFile(await readFile(path, 'utf8'));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}

/** Makes a keys file atomically and returns what then stands there: of ten processes that try, one wins and all read its file. */
export async function createKeysFile(path: string, now: Date): Promise<KeysFile> {
  mkdirSync(dirname(path), { recursive: true });
  const draft = `${path}.${process.pid}.${Date.now()}`;
  await writeDurably(draft, makeKeysFile(now));
  try {
    // link() refuses to replace an existing file, unlike rename().
    await link(draft, path);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  } finally {
    await rm(draft, { force: true });
  }
  const made = await loadKeysFile(path);
  if (!made) throw new Refusal('keys-invalid', `The keys file ${path} could not be made.`);
  return made;
}

/** Adds a new signing master to the keys file; running processes take it up at their next start. */
export async function rotateKeys(path: string, now: Date): Promise<KeysFile> {
  const file = await loadKeysFile(path);
  if (!file) throw new Refusal('keys-invalid', `There is no keys file at ${path}. Start the service once to make one.`);
  const rotated = rotateKeysFile(file, now);
  const draft = `${path}.${process.pid}.${Date.now()}`;
  await writeDurably(draft, rotated);
  await rename(draft, path);
  return rotated;
}

async function writeDurably(path: string, file: KeysFile): Promise<void> {
  const handle = await open(path, 'wx', 0o600);
  try {
    await handle.writeFile(`${JSON.stringify(file, null, 2)}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
}
