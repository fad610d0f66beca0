import { readdirSync, renameSync, writeFileSync } from 'node:fs';
import { open, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';

const HEAD_BYTES = 32_768;
/** Up to this size a synchronous write costs less than handing it to another thread. */
const SMALL = 262_144;

/** Another name first: whoever lists the folder sees the whole file or none, also after a kill. */
export async function putFile(temporary: string, final: string, raw: Buffer | Readable): Promise<void> {
  if (raw instanceof Buffer && raw.length <= SMALL) {
    writeFileSync(temporary, raw, { mode: 0o600 });
    renameSync(temporary, final);
    return;
  }
  try {
    await writeFile(temporary, raw, { mode: 0o600 });
    await rename(temporary, final);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** The first bytes of a file, and how many there are in all. */
export async function readStart(path: string): Promise<{ head: Buffer; size: number }> {
  const file = await open(path);
  try {
    const [{ size }, { buffer, bytesRead }] = await Promise.all([
      file.stat(),
      file.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0),
    ]);
    return { head: buffer.subarray(0, bytesRead), size };
  } finally {
    await file.close();
  }
}

/** Half-written files of a process that died. A young one may still be growing under another process. */
export async function removeAbandoned(directory: string): Promise<void> {
  for (const name of readdirSync(directory).filter((file) => /^\.[0-9a-f]{22}\.tmp$/.test(file))) {
    const path = join(directory, name);
    const found = await orNull(stat(path));
    if (found && Date.now() - found.mtimeMs > 60_000) await rm(path, { force: true });
  }
}

/** What was read; null when the file is not there. */
export async function orNull<T>(reading: Promise<T>): Promise<T | null> {
  try {
    return await reading;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}
