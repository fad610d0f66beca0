import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Context } from '../../server/context.js';
import { decryptField } from '../../server/keys/field.js';
import { unwrapKey } from '../../server/keys/subject-key.js';
import { dump } from './state.js';

/** A value that was found in a table and could be opened. */
export interface Opened {
  /** Table and column. */
  readonly where: string;
  /** Where the key of it lies. */
  readonly by: string;
  readonly text: string;
}

interface Cell {
  readonly table: string;
  readonly column: string;
  readonly value: Buffer;
  /** Ids in the same row: one of them is the row that the value is bound to. */
  readonly ids: readonly string[];
}

/** Everything that lies around: every row of every table, and every file of the data folder. */
export async function everythingPlain(ctx: Context): Promise<Buffer[]> {
  const files = await readdir(ctx.config.dataDir, { recursive: true, withFileTypes: true });
  const contents = files
    .filter((file) => file.isFile())
    .map(async (file) => readFile(join(file.parentPath, file.name)));
  return [
    ...(await Promise.all(contents)),
    Buffer.from(
      Object.values(await dump(ctx))
        .flat()
        .join('\n'),
    ),
  ];
}

/** Whatever the master keys open, directly or by a key that they open: every ciphertext is tried with every key. */
export async function everythingOpened(ctx: Context): Promise<Opened[]> {
  const cells = await cellsOf(ctx);
  const keys = cells.flatMap((cell) => {
    const key = tryWith(cell, (place) => unwrapKey(ctx.keyring, place, cell.value));
    return key?.length === 32 ? [{ by: cell.table, key }] : [];
  });
  return cells.flatMap((cell) =>
    keys.flatMap(({ by, key }) => {
      const plain = tryWith(cell, (place) => decryptField(key, place, cell.value));
      return plain ? [{ where: `${cell.table}.${cell.column}`, by, text: plain.toString('latin1') }] : [];
    }),
  );
}

function tryWith(cell: Cell, open: (place: { table: string; column: string; row: string }) => Buffer): Buffer | null {
  for (const row of cell.ids) {
    try {
      return open({ table: cell.table, column: cell.column, row });
    } catch {
      continue;
    }
  }
  return null;
}

async function cellsOf(ctx: Context): Promise<Cell[]> {
  const tables = await ctx.db.query<{ name: string }>(
    `select distinct c.table_name as name from information_schema.columns c join pg_class p on p.relname = c.table_name and not p.relispartition
     where c.table_schema = current_schema() and c.data_type = 'bytea'`,
  );
  const cells: Cell[] = [];
  for (const { name: table } of tables) {
    for (const row of await ctx.db.query<Record<string, unknown>>(`select * from "${table}"`)) {
      const ids = Object.values(row).filter((value) => typeof value === 'string');
      for (const [column, value] of Object.entries(row))
        if (Buffer.isBuffer(value)) cells.push({ table, column, value, ids });
    }
  }
  return cells;
}
