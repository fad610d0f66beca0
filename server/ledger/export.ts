import { mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Context } from '../context.js';
import { Refusal } from '../errors.js';
import { readHead } from './kept-head.js';
import { rootAt } from './standing.js';
import { hashReader, latestCheckpoint, logFacts, readEntries, type StoredCheckpoint } from './store.js';
import { entryBundle, tilePath, TILE_WIDTH, tileWidth } from './tiles.js';

/** What was exported. */
export interface Exported {
  readonly origin: string;
  readonly leaves: number;
  /** Files that were not there yet. */
  readonly files: number;
}

/**
 * Writes the log into a folder in the form of c2sp tlog-tiles, to be served or kept by anybody: tiles, entries, `vkey`, and last the checkpoint that covers them.
 * One tile is held at a time. Done again, it adds what is new; cut short, it goes on. Throws `log-refuses` for a folder that holds another log, or a later one.
 */
export async function exportLog(ctx: Context, folder: string): Promise<Exported> {
  const head = await latestCheckpoint(ctx.db);
  if (!head) throw new Refusal('log-refuses', 'The log is empty: there is nothing to export.');
  await requireEarlier(ctx, head, folder);
  let files = 0;
  for (
    let level: number | null = null;
    tileWidth({ level, index: 0 }, head.size) > 0;
    level = level === null ? 0 : level + 1
  ) {
    for (let index = 0; ; index += 1) {
      const width = tileWidth({ level, index }, head.size);
      if (width === 0) break;
      if (await writeTile(ctx, folder, { level, index, width })) files += 1;
    }
  }
  const { origin, vkey } = await logFacts(ctx);
  await writeFileWhole(join(folder, 'vkey'), `${vkey}\n`);
  await writeFileWhole(join(folder, 'checkpoint'), head.note);
  return { origin, leaves: head.size, files };
}

// What stands there must be the beginning of what will: a folder never holds two histories.
async function requireEarlier(ctx: Context, head: StoredCheckpoint, folder: string): Promise<void> {
  const note = await readFile(join(folder, 'checkpoint'), 'utf8').catch(() => null);
  if (note === null) return;
  const before = readHead(note);
  if (before && before.size <= head.size && (await rootAt(ctx.db, before.size))?.equals(before.root)) return;
  throw new Refusal(
    'log-refuses',
    `The folder ${folder} holds another log, or a later state of this one: it was left as it is.`,
  );
}

async function writeTile(
  ctx: Context,
  folder: string,
  tile: { level: number | null; index: number; width: number },
): Promise<boolean> {
  const path = join(folder, tilePath(tile));
  // A tile never changes, and its name is there only once it is whole.
  if (
    await stat(path).then(
      () => true,
      () => false,
    )
  )
    return false;
  const start = tile.index * TILE_WIDTH;
  const end = start + tile.width;
  await writeFileWhole(
    path,
    tile.level === null
      ? entryBundle(await readEntries(ctx.db, start, end))
      : Buffer.concat(await hashReader(ctx.db)(tile.level, start, end)),
  );
  const whole = join(folder, tilePath({ ...tile, width: TILE_WIDTH }));
  if (tile.width === TILE_WIDTH) await rm(`${whole}.p`, { recursive: true, force: true });
  return true;
}

async function writeFileWhole(path: string, content: string | Buffer): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const draft = `${path}.new`;
  const file = await open(draft, 'w');
  try {
    await file.writeFile(content);
    await file.datasync();
  } finally {
    await file.close();
  }
  await rename(draft, path);
}
