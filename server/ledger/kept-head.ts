import { mkdir, open, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { parseCheckpoint } from './checkpoint.js';
import { fileNameOf } from './log-keys.js';
import { Malformed } from './malformed.js';
import { parseNote } from './note.js';

/** A signed tree head. */
export interface Head {
  readonly origin: string;
  readonly size: number;
  readonly root: Buffer;
  /** The signed note. */
  readonly note: string;
}

const ENDING = '.checkpoint';
const writing = new Map<string, Promise<void>>();

/**
 * The biggest tree head of a log that this machine keeps outside the database (P-21), in `<dataDir>/log/<log>/<size>.checkpoint`; null: none. Its signature is
 * the caller's to check.
 */
export async function keptHead(dataDir: string, origin: string): Promise<Head | null> {
  const folder = folderOf(dataDir, origin);
  for (const size of await sizesIn(folder)) {
    const head = readHead(await readFile(join(folder, nameOf(size)), 'utf8').catch(() => ''));
    // Cut short by a crash, it was never told to anybody; taken away meanwhile, a bigger one is there.
    if (head?.origin === origin && head.size === size) return head;
  }
  return null;
}

/** Reads a signed tree head, and verifies nothing; null when it is none. */
export function readHead(note: string): Head | null {
  try {
    return { ...parseCheckpoint(parseNote(note).text), note };
  } catch (error) {
    if (error instanceof Malformed) return null;
    throw error;
  }
}

/**
 * Keeps a signed tree head; resolves once it is on disk. A bigger one that is there stays: whoever writes later wrote of an earlier tree. One write, one sync:
 * the name says the size, so that nothing is ever replaced.
 */
export async function keepHead(dataDir: string, note: string): Promise<void> {
  const head = readHead(note);
  if (!head) throw new Error('only a signed tree head is kept');
  const path = join(folderOf(dataDir, head.origin), nameOf(head.size));
  const begun = writing.get(path) ?? write(dataDir, head);
  writing.set(path, begun);
  try {
    await begun;
  } finally {
    writing.delete(path);
  }
}

async function write(dataDir: string, head: Head): Promise<void> {
  const folder = folderOf(dataDir, head.origin);
  const sizes = await sizesIn(folder);
  if ((sizes[0] ?? -1) >= head.size && ((await keptHead(dataDir, head.origin))?.size ?? -1) >= head.size) return;
  if (sizes.length === 0) await mkdir(folder, { recursive: true, mode: 0o700 });
  const file = await open(join(folder, nameOf(head.size)), 'w', 0o600);
  try {
    await file.writeFile(head.note);
    await file.datasync();
  } finally {
    await file.close();
  }
  for (const size of sizes.filter((one) => one < head.size)) await rm(join(folder, nameOf(size)), { force: true });
}

/** Largest first. */
async function sizesIn(folder: string): Promise<number[]> {
  const names = await readdir(folder).catch(() => []);
  return names
    .filter((name) => /^\d{16}\.checkpoint$/.test(name))
    .map((name) => Number(name.slice(0, -ENDING.length)))
    .sort((a, b) => b - a);
}

function nameOf(size: number): string {
  return `${String(size).padStart(16, '0')}${ENDING}`;
}

function folderOf(dataDir: string, origin: string): string {
  return join(dataDir, 'log', fileNameOf(origin));
}
