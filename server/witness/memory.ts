import { createHash, randomUUID } from 'node:crypto';
import { link, mkdir, open, readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { headOf, NO_HEAD, type Head } from './judge.js';

/** A log's head as it lies on disk: what was cosigned last, and its place in the row. */
export interface Remembered {
  readonly place: number;
  readonly head: Head;
  /** The signed note; null: nothing was cosigned yet. */
  readonly note: string | null;
}

const OLD_DRAFT_MS = 3_600_000;

/** The head of a log that was cosigned last, read from disk. Throws when it cannot be read: then nothing may be signed. */
export async function recall(dir: string, origin: string): Promise<Remembered> {
  const folder = folderOf(dir, origin);
  for (;;) {
    const place = Math.max(0, ...(await placesIn(folder)));
    if (place === 0) return { place, head: NO_HEAD, note: null };
    const note = await readIfThere(join(folder, nameOf(place)));
    // Gone in between: another one took its place.
    if (note === null) continue;
    const head = headOf(note);
    if (head.origin !== origin) throw new Error(`${join(folder, nameOf(place))} is of another log`);
    return { place, head, note };
  }
}

/**
 * Remembers a note as the next after `last`, on disk when this resolves. False when somebody else was faster, in this process or another: then judge anew.
 * Each place is taken once, by link(), and the highest one is never removed: so of any number that try, killed or not, one signs.
 */
export async function remember(dir: string, origin: string, last: Remembered, note: string): Promise<boolean> {
  const folder = folderOf(dir, origin);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const draft = join(folder, `draft-${randomUUID()}`);
  const place = last.place + 1;
  try {
    await writeDurably(draft, note);
    if (!(await isLinked(draft, join(folder, nameOf(place))))) return false;
  } finally {
    await rm(draft, { force: true });
  }
  await syncFolder(folder);
  await syncFolder(dir);
  if (Math.max(...(await placesIn(folder))) > place) return false;
  await clear(folder, place);
  return true;
}

function folderOf(dir: string, origin: string): string {
  return join(dir, `log-${createHash('sha256').update(origin).digest('hex').slice(0, 32)}`);
}

function nameOf(place: number): string {
  return `head-${place}`;
}

async function placesIn(folder: string): Promise<number[]> {
  const names = await readdir(folder).catch((error: unknown) => {
    if (isCode(error, 'ENOENT')) return [];
    throw error;
  });
  return names.flatMap((name) => {
    const [, place] = /^head-([1-9]\d{0,14})$/.exec(name) ?? [];
    return place === undefined ? [] : [Number(place)];
  });
}

async function readIfThere(path: string): Promise<string | null> {
  return readFile(path, 'utf8').catch((error: unknown) => {
    if (isCode(error, 'ENOENT')) return null;
    throw error;
  });
}

async function isLinked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if (isCode(error, 'EEXIST')) return false;
    throw error;
  }
}

/** Writes a file that is on disk when this resolves; readable for this user only. */
export async function writeDurably(path: string, text: string): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Names are on disk only when their folder is. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

// Earlier heads, and what a process that was killed had begun to write. Losing this race costs a file, so it may fail.
async function clear(folder: string, place: number): Promise<void> {
  for (const name of await readdir(folder).catch(() => [])) {
    const path = join(folder, name);
    const isOld = name.startsWith('draft-')
      ? Date.now() -
          (await stat(path).then(
            ({ mtimeMs }) => mtimeMs,
            () => Infinity,
          )) >
        OLD_DRAFT_MS
      : Number(name.slice('head-'.length)) < place;
    if (isOld) await rm(path, { force: true }).catch(() => undefined);
  }
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
