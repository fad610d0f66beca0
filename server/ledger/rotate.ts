import type { Context } from '../context.js';
import type { Tx } from '../database/connect.js';
import { changeKeysFile } from '../keys/keys-file.js';
import { makeKeyring, withNewLogKey, withNextLogKey, type FormerLogKey } from '../keys/keyring.js';
import { keyLeaf } from './data-leaf.js';
import { growLog, LOG_LOCK, openLog } from './grow.js';
import { keepHead } from './kept-head.js';
import { readLogKeys, writeLogKey } from './log-keys.js';
import { formatVkey, verifierKey } from './note.js';
import { startLog } from './start.js';

/** The key that signed, up to which size, and the one that signs now. */
export interface RotatedLogKey {
  readonly former: FormerLogKey;
  readonly vkey: string;
}

/**
 * Gives the log another key (P-25): the new seed goes into the keys file first, then its `key` leaf into the tree, under the old key, and only then does the
 * new one sign. A crash between these steps loses nothing: the same command goes on where it stopped. Throws `log-refuses`.
 */
export async function rotateLogKey(ctx: Context): Promise<RotatedLogKey> {
  const path = ctx.config.keysFile;
  const next = makeKeyring(await changeKeysFile(path, withNextLogKey));
  const introduced = await ctx.db.transaction(async (tx) => introduce(ctx, tx, next), LOG_LOCK);
  await changeKeysFile(path, (file) => withNewLogKey(file, introduced.former));
  if (introduced.note) await keepHead(ctx.config.dataDir, introduced.note);
  await startLog(ctx);
  return { former: introduced.former, vkey: introduced.vkey };
}

async function introduce(
  ctx: Context,
  tx: Tx,
  next: ReturnType<typeof makeKeyring>,
): Promise<RotatedLogKey & { note: string | null }> {
  const keys = await readLogKeys(tx, ctx.keyring);
  const [before, current] = [keys.at(-2), keys.at(-1)];
  if (!next.nextLogPrivate || !current) throw new Error('there is no key to go on with');
  const vkey = formatVkey(verifierKey(current.key.name, next.nextLogPrivate));
  // It was introduced already, and the keys file was not written: a crash came between.
  if (vkey === current.vkey && before)
    return { former: { vkey: before.vkey, lastSize: current.firstSize - 1 }, vkey, note: null };
  const log = await openLog(ctx, tx);
  const leaf = { event: null, chapter: null, data: keyLeaf(vkey) };
  const { size, note } = await growLog(ctx, tx, { log, leaves: [leaf], taken: [] });
  await writeLogKey(tx, ctx.keyring, { firstSize: size + 1, vkey, startedAt: ctx.now(), oldTip: note });
  return { former: { vkey: current.vkey, lastSize: size }, vkey, note };
}
