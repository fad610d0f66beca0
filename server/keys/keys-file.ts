import { randomUUID } from 'node:crypto';
import { link, mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Refusal } from '../errors.js';
import { makeKeysFile, parseKeysFile, rotateKeysFile, type KeysFile } from './keyring.js';

/** The keys file at `path`, or null when there is none. Throws `keys-invalid` when it is damaged or cannot be read. */
export async function loadKeysFile(path: string): Promise<KeysFile | null> {
  const text = await readText(path);
  return text === null ? null : parseKeysFile(text, path);
}

/** Makes a keys file atomically and returns what then stands there: of ten processes that try, one wins and all read its file. */
export async function createKeysFile(path: string, now: Date): Promise<KeysFile> {
  await mkdir(dirname(path), { recursive: true });
  const draft = draftOf(path);
  await writeDurably(draft, makeKeysFile(now));
  try {
    // link() refuses to replace an existing file, unlike rename().
    await link(draft, path);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  } finally {
    await rm(draft, { force: true });
  }
  await syncFolder(path);
  const made = await loadKeysFile(path);
  if (!made) throw new Refusal('keys-invalid', `The keys file ${path} could not be made.`);
  return made;
}

/** Adds a new signing master to the keys file; running processes take it up at their next start. */
export async function rotateKeys(path: string, now: Date): Promise<KeysFile> {
  return changeKeysFile(path, (file) => rotateKeysFile(file, now));
}

/** Replaces the keys file by a changed one, atomically; running processes take it up at their next start. Throws `keys-invalid` where there is none. */
export async function changeKeysFile(path: string, change: (file: KeysFile) => KeysFile): Promise<KeysFile> {
  const file = await loadKeysFile(path);
  if (!file) throw new Refusal('keys-invalid', `There is no keys file at ${path}. Start the service once to make one.`);
  const changed = change(file);
  const draft = draftOf(path);
  await writeDurably(draft, changed);
  await rename(draft, path);
  await syncFolder(path);
  return changed;
}

async function readText(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    if (code === 'ENOENT') return null;
    throw new Refusal('keys-invalid', `The keys file ${path} cannot be read (${code}).`, {}, { cause: error });
  }
}

// Beside the file, so that link() and rename() stay within one file system; .gitignore knows the pattern.
function draftOf(path: string): string {
  return `${path}.${randomUUID()}`;
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

// A name is on disk only when its folder is: data must not outlive the keys that open it.
async function syncFolder(path: string): Promise<void> {
  const folder = await open(dirname(path), 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
