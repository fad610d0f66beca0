import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Context } from '../context.js';
import type { Queryable } from '../database/connect.js';
import type { Keyring } from '../keys/keyring.js';
import { keepHead } from './kept-head.js';
import { fileNameOf, readLogKeys, writeLogKey, type LogKey } from './log-keys.js';
import { formatVkey, verifierKey } from './note.js';
import { standingOf } from './standing.js';

/** Writes down the first key of a new log. Returns the log's name, which is that of its newest key. */
export async function nameOfLog(on: Queryable, keyring: Keyring, origin: string, now: Date): Promise<string> {
  const [known] = await on.query('select first_size from log_key limit 1');
  if (!known) {
    const vkey = formatVkey(verifierKey(origin, keyring.logPublic));
    await writeLogKey(on, keyring, { firstSize: 0, vkey, startedAt: now, oldTip: null });
  }
  return (await readLogKeys(on, keyring)).at(-1)?.key.name ?? origin;
}

/**
 * What a start owes the log: its keys lie where `zgoda verify` looks for them (T3), and its newest head is kept outside the database. Where the database is
 * behind such a head, all machines are told by way of the database, so that none of them signs (P-21).
 */
export async function startLog(ctx: Context): Promise<void> {
  const { last, keys, known, fault } = await standingOf(ctx, ctx.db);
  await pinKeys(ctx.config.dataDir, keys);
  if (!fault && last) await keepHead(ctx.config.dataDir, last.note);
  if (!fault) return;
  ctx.logger.error({ alarm: 'log-refuses' }, fault.words);
  if (known && fault.kind !== 'foreign') await ctx.db.query('update installation set log_tip = $1', [known.note]);
}

/** Former keys stay: receipts of their time hold. */
async function pinKeys(dataDir: string, keys: readonly LogKey[]): Promise<void> {
  const folder = join(dataDir, 'trust');
  await mkdir(folder, { recursive: true });
  for (const vkey of new Set(keys.map((key) => key.vkey)))
    await writeFile(join(folder, `${fileNameOf(vkey)}.vkey`), `${vkey}\n`);
}
