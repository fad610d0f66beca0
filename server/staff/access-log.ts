import type { AccessLog } from '../../entities/access-log.js';
import type { Context } from '../context.js';
import type { Tx } from '../database/connect.js';
import { Refusal } from '../errors.js';
import { decryptField, encryptField, type Place } from '../keys/field.js';
import { isSealed, seal } from '../keys/seal.js';

/** What staff did with the data of a person. */
export interface Look {
  readonly staffId: string;
  /** null: nobody was found. */
  readonly subscriberId: string | null;
  readonly what: AccessLog['what'];
  /** Of an unmasking or a correction; with the key of the person's profile, under which it is kept. */
  readonly why?: { readonly field: string; readonly reason: string; readonly profileKey: Buffer };
  /** Of an export, whose reason belongs to no person: encrypts it for the entry of that number. */
  readonly sealReason?: (number: string) => Buffer;
}

/** Who looked at a person so far, this time not counted. */
export interface Looks {
  readonly count: number;
  readonly unmasked: number;
  readonly corrected: number;
  readonly last: { readonly staffId: string; readonly at: Date } | null;
  /** Rows that we did not write. */
  readonly forged: number;
}

/** So many fields may one staff member unmask in an hour (C-31). */
export const MOST_UNMASKED = 20;

/** Numbers are given one after the other, so that a missing entry shows. Any number, the same for all processes. */
const LOCK = 8_021_975;

/** Writes down one look. */
export async function noteLook(ctx: Context, look: Look): Promise<void> {
  await ctx.db.transaction(async (tx) => append(ctx, tx, look), LOCK);
}

/** Writes down an unmasking and then reads the value, in one transaction: no entry, no value (C-31). Throws `too-many`. */
export async function unmasking<T>(ctx: Context, look: Look, read: (tx: Tx) => Promise<T>): Promise<T> {
  return ctx.db.transaction(async (tx) => {
    const [row] = await tx.query<{ n: number }>(
      `select count(*)::int as n from access_log where staff_id = $1 and what = 'unmask' and happened_at > $2::timestamptz - interval '1 hour'`,
      [look.staffId, ctx.now()],
    );
    if ((row?.n ?? 0) >= MOST_UNMASKED)
      throw new Refusal('too-many', `At most ${MOST_UNMASKED} fields can be shown in an hour.`);
    await append(ctx, tx, look);
    return read(tx);
  }, LOCK);
}

/** Writes down a correction and makes it, in one transaction: neither without the other (Art. 16). */
export async function correcting(ctx: Context, look: Look, write: (tx: Tx) => Promise<void>): Promise<void> {
  await ctx.db.transaction(async (tx) => {
    await append(ctx, tx, look);
    await write(tx);
  }, LOCK);
}

/** For the gateway (T12): to whom a transactional mail goes, written down in the transaction that takes it. That holds `lock` from its begin. */
export const sendRecord = {
  lock: LOCK,
  write: async (
    ctx: Context,
    tx: Tx,
    sends: readonly { readonly credentialId: string; readonly subscriberId: string }[],
  ): Promise<void> => {
    for (const { credentialId, subscriberId } of sends)
      await append(ctx, tx, { staffId: credentialId, subscriberId, what: 'send' });
  },
};

/** Who looked at a person. */
export async function looksAt(ctx: Context, subscriberId: string): Promise<Looks> {
  const rows = await ctx.db.query<Row>(`${SELECT} where subscriber_id = $1 order by number`, [subscriberId]);
  const ours = rows.filter((row) => isOurs(ctx, row));
  const seen = ours.filter((row) => row.what === 'view');
  const last = seen.at(-1);
  return {
    count: seen.length,
    unmasked: ours.filter((row) => row.what === 'unmask').length,
    corrected: ours.filter((row) => row.what === 'correct').length,
    last: last ? { staffId: last.staffId, at: last.happenedAt } : null,
    forged: rows.length - ours.length,
  };
}

/** Why fields of a person were unmasked or corrected, oldest first; for whoever may know. */
export async function reasonsFor(
  ctx: Context,
  subscriberId: string,
  profileKey: Buffer,
): Promise<{ staffId: string; at: Date; field: string; reason: string }[]> {
  const rows = await ctx.db.query<Row>(
    `${SELECT} where subscriber_id = $1 and what in ('unmask', 'correct') order by number`,
    [subscriberId],
  );
  return rows.flatMap((row) => {
    if (!row.reason || !isOurs(ctx, row)) return [];
    const why = decryptField(profileKey, placeOf(row.number), row.reason).toString();
    return [{ staffId: row.staffId, at: row.happenedAt, ...(JSON.parse(why) as { field: string; reason: string }) }];
  });
}

type Row = Pick<AccessLog, 'number' | 'staffId' | 'subscriberId' | 'what' | 'happenedAt' | 'reason' | 'seal'>;

const SELECT = `select number, staff_id as "staffId", subscriber_id as "subscriberId", what, happened_at as "happenedAt", reason, seal from access_log`;

/** Entries that we wrote. `condition`: SQL, never from outside. */
export async function readLooks(ctx: Context, condition: string): Promise<Row[]> {
  const rows = await ctx.db.query<Row>(`${SELECT} where ${condition} order by number`);
  return rows.filter((row) => isOurs(ctx, row));
}

async function append(ctx: Context, tx: Tx, { staffId, subscriberId, what, why, sealReason }: Look): Promise<void> {
  const [next] = await tx.query<{ number: string }>('select coalesce(max(number), 0) + 1 as number from access_log');
  const number = next?.number ?? '1';
  const reason = why
    ? encryptField(why.profileKey, placeOf(number), JSON.stringify({ field: why.field, reason: why.reason }))
    : (sealReason?.(number) ?? null);
  const row = { number, staffId, subscriberId, what, happenedAt: ctx.now(), reason };
  await tx.query(
    'insert into access_log (number, staff_id, subscriber_id, what, happened_at, reason, seal) values ($1, $2, $3, $4, $5, $6, $7)',
    [number, staffId, subscriberId, what, row.happenedAt, reason, seal(ctx.keyring, 'access_log', sealedParts(row))],
  );
}

function isOurs(ctx: Pick<Context, 'keyring'>, row: Row): boolean {
  return isSealed(ctx.keyring, 'access_log', sealedParts(row), row.seal);
}

function sealedParts(row: Omit<Row, 'seal'>): (string | Date | Buffer | null)[] {
  return [row.number, row.staffId, row.subscriberId, row.what, row.happenedAt, row.reason];
}

/** Where the reason of an entry belongs. */
export function placeOf(number: string): Place {
  return { table: 'access_log', column: 'reason', row: number };
}
