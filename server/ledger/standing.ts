import type { Context } from '../context.js';
import type { Queryable } from '../database/connect.js';
import { openCheckpoint } from './checkpoint.js';
import { frontierRoot } from './frontier.js';
import { keptHead, readHead, type Head } from './kept-head.js';
import { keyAt, ourVerifiers, readLogKeys, type LogKey } from './log-keys.js';
import type { VerifierKey } from './note.js';
import { frontierAt } from './prove.js';
import { checkpointAt, hashReader, latestCheckpoint, type StoredCheckpoint } from './store.js';

/** Whether the log may grow, and on top of what. */
export interface Standing {
  readonly last: StoredCheckpoint | null;
  readonly keys: readonly LogKey[];
  /** The biggest tree head that is known outside the tables of the log. */
  readonly known: Head | null;
  /** Why nothing is signed; null: all is well. */
  readonly fault: LogFault | null;
}

/**
 * `behind`: a bigger tree was signed than the database knows. `forked`: another tree of the same size was signed. `foreign`: the head that is kept is not
 * signed by a key of ours. `head`: the database's own newest head is not ours.
 */
export interface LogFault {
  readonly kind: 'behind' | 'forked' | 'foreign' | 'head';
  /** With what to do. */
  readonly words: string;
}

/** Compares the newest head of the database with the one that is kept outside of it, before anything is signed (P-20, P-21). */
export async function standingOf(ctx: Pick<Context, 'config' | 'keyring'>, on: Queryable): Promise<Standing> {
  const keys = await readLogKeys(on, ctx.keyring);
  const last = await latestCheckpoint(on);
  const origin = keys.at(-1)?.key.name ?? '';
  const heads = [await keptHead(ctx.config.dataDir, origin), await tipOf(on, origin)].filter((head) => head !== null);
  const [known = null] = heads.sort((a, b) => b.size - a.size);
  let fault: LogFault | null = last && !isOurHead(ctx, keys, last) ? notOurs(last.size) : null;
  for (const head of heads) fault ??= await compare(ctx, on, { keys, last, head });
  return { last, keys, known, fault };
}

/** We sign a bigger tree only on top of one that we signed: else whoever writes SQL could have us sign leaves of their own (T6). */
export function isOurHead(
  ctx: Pick<Context, 'keyring'>,
  keys: readonly LogKey[],
  head: Pick<StoredCheckpoint, 'size' | 'root' | 'frontier' | 'note'>,
): boolean {
  const key = keyAt(keys, head.size, ctx.keyring);
  return key !== null && isSignedHead(head, key) && frontierRoot(head.frontier).equals(head.root);
}

/** Does the note say this size and root, and did this key sign it? */
export function isSignedHead(head: { size: number; root: Buffer; note: string }, key: VerifierKey): boolean {
  try {
    const opened = openCheckpoint(head.note, [key]);
    return opened.size === head.size && opened.root.equals(head.root);
  } catch {
    return false;
  }
}

interface Compared {
  readonly keys: readonly LogKey[];
  readonly last: StoredCheckpoint | null;
  readonly head: Head;
}

async function compare(
  ctx: Pick<Context, 'keyring'>,
  on: Queryable,
  { keys, last, head }: Compared,
): Promise<LogFault | null> {
  if (!isOfOurs(ctx, keys, head)) return foreign(head.size);
  const size = last?.size ?? 0;
  if (size < head.size) return behind(size, head.size);
  const root = last?.size === head.size ? last.root : await rootAt(on, head.size);
  return root?.equals(head.root) ? null : forked(head.size);
}

// A database from before a rotation does not know the key that signed since: the keys file does.
function isOfOurs(ctx: Pick<Context, 'keyring'>, keys: readonly LogKey[], head: Head): boolean {
  return ourVerifiers(ctx.keyring, keys, head.origin).some((key) => isSignedHead(head, key));
}

/** Root of the tree of so many leaves as the database has it; null where hashes are missing from it. */
export async function rootAt(on: Queryable, size: number): Promise<Buffer | null> {
  const stored = await checkpointAt(on, size);
  if (stored) return stored.root;
  try {
    return frontierRoot(await frontierAt(hashReader(on), size));
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

/** What another machine of ours keeps, and this database does not have. */
async function tipOf(on: Queryable, origin: string): Promise<Head | null> {
  const [row] = await on.query<{ log_tip: string | null }>('select log_tip from installation');
  const head = row?.log_tip ? readHead(row.log_tip) : null;
  return head?.origin === origin ? head : null;
}

const CONTINUE =
  'put a newer backup of the database in its place, or go on under a new name with "npx zgoda ledger continue --under-a-new-origin" (README, "After restoring a backup"). Until then nothing is signed: events wait, and so do confirmation mails';

function behind(size: number, known: number): LogFault {
  return {
    kind: 'behind',
    words: `The database holds ${size} leaves of the log, but a tree of ${known} was signed: it was restored from an older state. Signing now would make a second history. Either ${CONTINUE}.`,
  };
}

function forked(size: number): LogFault {
  return {
    kind: 'forked',
    words: `Two different trees of ${size} leaves were signed: the one in the database, and the one that is kept in DATA_DIR/log. There are two histories. Either ${CONTINUE}.`,
  };
}

function foreign(size: number): LogFault {
  return {
    kind: 'foreign',
    words: `DATA_DIR/log keeps a tree head of ${size} leaves under the name of this log that no key of ours signed. If DATA_DIR belongs to another installation, give this one a folder of its own. Until then nothing is signed.`,
  };
}

function notOurs(size: number): LogFault {
  return {
    kind: 'head',
    words: `The tree head of size ${size} in the database is not ours: the log does not grow. Somebody wrote into the database; "npx zgoda ledger fsck" says what is wrong. Restore a backup from before.`,
  };
}
