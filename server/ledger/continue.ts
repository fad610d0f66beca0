import type { Context } from '../context.js';
import type { Tx } from '../database/connect.js';
import { Refusal } from '../errors.js';
import { configLeaf } from './data-leaf.js';
import { growLog, LOG_LOCK } from './grow.js';
import { keepHead } from './kept-head.js';
import { writeLogKey } from './log-keys.js';
import { formatVkey, verifierKey } from './note.js';
import { startLog } from './start.js';
import { standingOf } from './standing.js';

/** What became of the log. */
export interface Continued {
  /** Its new name. */
  readonly origin: string;
  readonly vkey: string;
  /** Leaves that the database holds, and leaves of the tree that was signed last under the old name. */
  readonly size: number;
  readonly oldSize: number;
}

/**
 * Goes on under a new name where the database lost a part of the log, or another tree was signed (P-21): a `config` leaf names the last head of before. What
 * was signed under the old name stays valid, and its key known; nothing is ever signed under it again. Throws `log-refuses` where nothing is wrong.
 */
export async function continueLog(ctx: Context): Promise<Continued> {
  const { note, ...continued } = await ctx.db.transaction(async (tx) => begin(ctx, tx), LOG_LOCK);
  await keepHead(ctx.config.dataDir, note);
  await startLog(ctx);
  return continued;
}

async function begin(ctx: Context, tx: Tx): Promise<Continued & { note: string }> {
  const { last, keys, known, fault } = await standingOf(ctx, tx);
  if (!fault) throw new Refusal('log-refuses', 'The log is in order: there is nothing to continue from.');
  if (fault.kind === 'head' || !known) throw new Refusal('log-refuses', fault.words);
  const origin = nextOrigin(keys.at(-1)?.key.name ?? ctx.logOrigin);
  const vkey = formatVkey(verifierKey(origin, ctx.keyring.logPublic));
  const leaf = { event: null, chapter: null, data: configLeaf(known.note) };
  const log = { last, origin, key: ctx.keyring.logPrivate };
  const { size, note } = await growLog(ctx, tx, { log, leaves: [leaf], taken: [] });
  await writeLogKey(tx, ctx.keyring, { firstSize: size, vkey, startedAt: ctx.now(), oldTip: known.note });
  await tx.query('update installation set log_origin = $1, log_tip = null', [origin]);
  return { origin, vkey, size: size - 1, oldSize: known.size, note };
}

/** `host/log` becomes `host/log/2`, and that `host/log/3`. */
function nextOrigin(origin: string): string {
  const [, base = origin, count = '1'] = /^(.+)\/(\d{1,6})$/.exec(origin) ?? [];
  return `${base}/${Number(count) + 1}`;
}
