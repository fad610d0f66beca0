import { createHash, type KeyObject } from 'node:crypto';
import type { Context } from '../context.js';
import type { Queryable } from '../database/connect.js';
import type { Keyring } from '../keys/keyring.js';
import { loadKeysFile } from '../keys/keys-file.js';
import { makeKeyring } from '../keys/keyring.js';
import { isSealed, seal } from '../keys/seal.js';
import { formatVkey, parseVkey, verifierKey, type VerifierKey } from './note.js';

/** A key of the log. It signs trees of `firstSize` leaves and more, until the next one does (P-25). */
export interface LogKey {
  readonly firstSize: number;
  readonly vkey: string;
  readonly key: VerifierKey;
  readonly startedAt: Date;
  /** The last signed tree head under the key before; null for the first key. */
  readonly oldTip: string | null;
}

interface Row {
  first_size: string;
  vkey: string;
  started_at: Date;
  old_tip: string | null;
  seal: Buffer;
}

/** The keys of the log, oldest first: only those that we wrote down. */
export async function readLogKeys(on: Queryable, keyring: Keyring): Promise<LogKey[]> {
  const rows = await on.query<Row>('select * from log_key order by first_size, started_at');
  return rows.filter((row) => isSealed(keyring, 'log_key', sealedParts(row), row.seal)).map(toLogKey);
}

/** Sizes at which keys stand that we never wrote down. */
export async function strangeLogKeys(on: Queryable, keyring: Keyring): Promise<string[]> {
  const rows = await on.query<Row>('select * from log_key order by first_size, started_at');
  return rows.filter((row) => !isSealed(keyring, 'log_key', sealedParts(row), row.seal)).map((row) => row.first_size);
}

/** Writes down the key that signs from now on. */
export async function writeLogKey(on: Queryable, keyring: Keyring, next: Omit<LogKey, 'key'>): Promise<void> {
  const row = {
    first_size: String(next.firstSize),
    vkey: next.vkey,
    old_tip: next.oldTip,
    started_at: next.startedAt,
  };
  await on.query(
    'insert into log_key (first_size, vkey, old_tip, started_at, seal) values ($1, $2, $3, $4, $5) on conflict do nothing',
    [row.first_size, row.vkey, row.old_tip, row.started_at, seal(keyring, 'log_key', sealedParts(row))],
  );
}

/** The key that signs trees of this size, or null: none of ours does. One that the keys file knows as former signs nothing bigger than it did. */
export function keyAt(keys: readonly LogKey[], size: number, keyring: Pick<Keyring, 'formerLogs'>): VerifierKey | null {
  const found = keys.filter((one) => one.firstSize <= size).at(-1);
  if (!found) return null;
  const former = keyring.formerLogs.find((one) => one.vkey === found.vkey);
  return former && former.lastSize < size ? null : found.key;
}

/** All keys that ever signed for the log of this name, or will: for a head that the database does not know. */
export function ourVerifiers(keyring: Keyring, keys: readonly LogKey[], origin: string): VerifierKey[] {
  const privates = [keyring.logPrivate, keyring.nextLogPrivate].filter((key) => key !== null);
  return [
    ...privates.map((key) => verifierKey(origin, key)),
    ...keyring.formerLogs.map(({ vkey }) => parseVkey(vkey)),
    ...keys.map(({ key }) => key),
  ];
}

/** The private key behind a vkey: from the keyring, or from the keys file, where it may have been changed since this process started; else null. */
export async function privateLogKey(ctx: Pick<Context, 'keyring' | 'config'>, vkey: string): Promise<KeyObject | null> {
  const found = findPrivate(ctx.keyring, vkey);
  if (found) return found;
  const file = await loadKeysFile(ctx.config.keysFile);
  const fresh = file && makeKeyring(file);
  return fresh?.check.equals(ctx.keyring.check) ? findPrivate(fresh, vkey) : null;
}

/** Name of the files that belong to a log or to a key of one: 16 hex digits. */
export function fileNameOf(originOrVkey: string): string {
  return createHash('sha256').update(originOrVkey).digest('hex').slice(0, 16);
}

function findPrivate(keyring: Keyring, vkey: string): KeyObject | null {
  const { name } = parseVkey(vkey);
  const keys = [keyring.logPrivate, keyring.nextLogPrivate].filter((key) => key !== null);
  return keys.find((key) => formatVkey(verifierKey(name, key)) === vkey) ?? null;
}

function toLogKey(row: Row): LogKey {
  return {
    firstSize: Number(row.first_size),
    vkey: row.vkey,
    key: parseVkey(row.vkey),
    startedAt: row.started_at,
    oldTip: row.old_tip,
  };
}

function sealedParts(row: Omit<Row, 'seal'>): Parameters<typeof seal>[2] {
  return [row.first_size, row.vkey, row.old_tip, row.started_at];
}
