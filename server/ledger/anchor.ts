import { readFileSync } from 'node:fs';
import type { Config } from '../config.js';
import type { Context } from '../context.js';
import { Refusal } from '../errors.js';
import { draw } from '../keys/draw.js';
import { OutboundError, type Outbound } from '../outbound.js';
import { cosignersOf, withCosignatures, witnessPolicy } from './attested.js';
import { AttestorFault, takeTurn } from './attestor.js';
import { Malformed } from './malformed.js';
import { meetsQuorum, type Policy } from './policy.js';
import { nonceFrom, openTimeStampReply, QUERY_TYPE, REPLY_TYPE, timeStampQuery } from './rfc3161.js';
import { readRoots, verifyTimeStamp, type TimeStamp, type TrustedRoot } from './rfc3161-token.js';
import { publicCheckpoint } from './store.js';

/** Has an authority stamp the log when it is due; returns how many stamps were added. */
export type Anchor = (signal: AbortSignal) => Promise<number>;

const HOUR_MS = 3_600_000;
/** A stamp is fetched so much earlier than it must be there, of each hour between two; at most an hour. Time for witnesses, and for a second try. */
const MARGIN = 0.1;
/** How long a head may wait for enough witnesses before it is stamped without them, in ms. */
const QUORUM_WAIT_MS = 120_000;
/** How fresh another authority's stamp must be for this one to stamp the very same note, in ms. */
const SAME_NOTE_MS = 1_800_000;
const MAX_ANSWER_BYTES = 65_536;
const TIMEOUT_MS = 8_000;

const known = new WeakMap<Config, readonly TrustedRoot[]>();

/** The certificates of ANCHOR_TRUST, read once. Throws `config-invalid`. */
export function anchorRoots(config: Config): readonly TrustedRoot[] {
  const roots = known.get(config) ?? (config.anchorTrust === null ? [] : readTrust(config.anchorTrust));
  known.set(config, roots);
  return roots;
}

function readTrust(path: string): TrustedRoot[] {
  try {
    return readRoots(readFileSync(path, 'utf8'));
  } catch (error) {
    if (!(error instanceof Malformed)) throw error;
    throw new Refusal('config-invalid', `ANCHOR_TRUST, ${path}: ${error.message}`, {}, { cause: error });
  }
}

/**
 * Anchors for one authority (P-08): the first soon after the log has a public head, then so often that nothing waits longer than ANCHOR_HOURS, while the log
 * grows. A head waits a little for its witnesses, so that the stamp covers their signatures too.
 */
export function makeAnchor(ctx: Context, outbound: Outbound, authority: string): Anchor {
  let dueSince: Date | null = null;
  let isTold = false;
  const readLast = lastStampReader(ctx, authority);
  return async (signal) => {
    const due = await nextStamp(ctx, authority, await readLast());
    if (!due) {
      dueSince = null;
      return 0;
    }
    dueSince ??= ctx.now();
    const isLate = ctx.now().getTime() - dueSince.getTime() >= QUORUM_WAIT_MS;
    if (!due.isWitnessed && !isLate) return 0;
    if (!due.isWitnessed && !isTold) ctx.logger.warn({ authority }, 'stamped without enough witnesses');
    isTold = !due.isWitnessed;
    let added = 0;
    const attestor = { kind: 'authority', name: authority, label: new URL(authority).host } as const;
    const ask = async (): Promise<void> => {
      added = await keep(ctx, due, authority, await fetchStamp(ctx, { outbound, authority, note: due.note, signal }));
    };
    await takeTurn(ctx, attestor, ask, signal);
    return added;
  };
}

interface Due {
  readonly size: number;
  /** What is stamped. */
  readonly note: string;
  readonly isWitnessed: boolean;
}

/** What should be stamped now, or null. */
async function nextStamp(ctx: Context, authority: string, last: Last | null): Promise<Due | null> {
  const head = await publicCheckpoint(ctx.db, ctx.now());
  if (!head || (last && head.size <= last.size)) return null;
  const interval = ctx.config.anchorHours * HOUR_MS;
  const pause = interval - Math.min(interval * MARGIN, HOUR_MS);
  if (last && ctx.now().getTime() - last.at.getTime() < pause) return null;
  // Two stamps over one note say more in a receipt than two over two.
  const same = await stampedByOthers(ctx, authority, last?.size ?? 0);
  if (same) return { ...same, isWitnessed: true };
  const isWitnessed = isEnough(witnessPolicy(ctx.config), await cosignersOf(ctx.db, head));
  return { size: head.size, note: await withCosignatures(ctx.db, head), isWitnessed };
}

// Where none is needed but some are asked, one is worth a short wait.
function isEnough(policy: Policy | null, cosigners: ReadonlySet<string>): boolean {
  if (!policy || policy.witnesses.length === 0) return true;
  return meetsQuorum(policy, cosigners) && cosigners.size > 0;
}

interface Last {
  readonly size: number;
  readonly at: Date;
}

interface StampRow {
  size: string;
  note: string;
  token: Buffer;
  stamped_at: Date;
}

/** How many rows that do not verify are passed over. */
const MOST_FALSE = 16;

// Whoever can write rows must not keep the log from being stamped by rows of his own (T6): each is verified, once.
function lastStampReader(ctx: Context, authority: string): () => Promise<Last | null> {
  const verified = new Map<string, boolean>();
  return async () => {
    const rows = await ctx.db.query<StampRow>(
      `select size, note, token, stamped_at from log_stamp where authority = $1 order by size desc limit ${MOST_FALSE}`,
      [authority],
    );
    for (const row of rows) {
      const isGood = verified.get(row.size) ?? (await isGenuine(ctx, row));
      verified.set(row.size, isGood);
      if (isGood) return { size: Number(row.size), at: row.stamped_at };
    }
    return null;
  };
}

async function isGenuine(ctx: Context, { note, token, stamped_at: at }: StampRow): Promise<boolean> {
  try {
    return (await verifyTimeStamp(token, note, anchorRoots(ctx.config))).at.getTime() === at.getTime();
  } catch (error) {
    if (!(error instanceof Malformed)) throw error;
    ctx.logger.error(
      { problem: error.message },
      'a time stamp in the database does not verify, and counts for nothing',
    );
    return false;
  }
}

async function stampedByOthers(
  ctx: Context,
  authority: string,
  after: number,
): Promise<Omit<Due, 'isWitnessed'> | null> {
  const rows = await ctx.db.query<StampRow>(
    `select s.size, s.note, s.token, s.stamped_at from log_stamp s join log_checkpoint h on h.size = s.size and starts_with(s.note, h.note)
     where s.size > $1 and s.stamped_at > $2 and s.authority = any($3) and s.authority <> $4
     order by s.size desc, s.stamped_at limit 1`,
    [after, new Date(ctx.now().getTime() - SAME_NOTE_MS), ctx.config.anchors, authority],
  );
  const [row] = rows;
  return row && (await isGenuine(ctx, row)) ? { size: Number(row.size), note: row.note } : null;
}

interface Fetching {
  readonly outbound: Outbound;
  readonly authority: string;
  readonly note: string;
  readonly signal: AbortSignal;
}

async function fetchStamp(ctx: Context, { outbound, authority, note, signal }: Fetching): Promise<TimeStamp> {
  const nonce = nonceFrom(draw(8));
  try {
    const { status, type, body } = await outbound({
      url: authority,
      type: QUERY_TYPE,
      body: timeStampQuery(note, nonce),
      headers: { Accept: REPLY_TYPE },
      maxBytes: MAX_ANSWER_BYTES,
      timeoutMs: TIMEOUT_MS,
      signal,
    });
    if (status !== 200) throw new AttestorFault(`it answers ${status}`);
    if (type !== REPLY_TYPE) throw new AttestorFault('what it answers is no time-stamp response');
    return await openTimeStampReply(body, { note, nonce, roots: anchorRoots(ctx.config), now: ctx.now() });
  } catch (error) {
    if (error instanceof OutboundError || error instanceof Malformed)
      throw new AttestorFault(error.message, { cause: error });
    throw error;
  }
}

async function keep(ctx: Context, { size, note }: Due, authority: string, { token, at }: TimeStamp): Promise<number> {
  const rows = await ctx.db.query(
    `insert into log_stamp (size, authority, note, token, stamped_at) values ($1, $2, $3, $4, $5) on conflict do nothing returning size`,
    [size, authority, note, token, at],
  );
  if (rows.length === 0)
    throw new AttestorFault('what it stamped has no place: another stamp of this size stands there');
  return rows.length;
}
