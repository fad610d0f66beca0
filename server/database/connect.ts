import 'reflect-metadata';
import { createHash } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import type pg from 'pg';
import { DataSource } from 'typeorm';
import { dataSourceOptions, type DatabaseAddress } from '../../ormconfig.js';
import { Refusal } from '../errors.js';

/** Something that runs SQL: the database, or a transaction on it. Values go in as parameters only, and are never personal plaintext (T4). */
export interface Queryable {
  query<Row>(sql: string, params?: readonly unknown[]): Promise<Row[]>;
  /**
   * As `query`, for the hot paths: planned once a connection, not once a call. Only for statements that find rows by unique keys, whose plan never has to
   * change, and never `select *`, whose columns may. The embedded database plans every time: all share its one session.
   */
  prepared<Row>(sql: string, params?: readonly unknown[]): Promise<Row[]>;
}

/** An open transaction. */
export interface Tx extends Queryable {
  readonly inTransaction: true;
}

export interface Database extends Queryable {
  /**
   * Commits when `work` returns, rolls back when it throws. Keep it short: on the embedded database everybody waits for it (T17). `lock`: the advisory lock
   * that it holds from its begin to its end; whoever else wants it waits.
   */
  transaction<T>(work: (tx: Tx) => Promise<T>, lock?: number): Promise<T>;
  /** For migrations and plain reads through entities. */
  readonly source: DataSource;
  readonly isEmbedded: boolean;
  close(): Promise<void>;
}

/** Opens a pool. Throws `database-busy` when the database does not answer. */
export async function connect(address: DatabaseAddress, poolSize = 10): Promise<Database> {
  const source = new DataSource(dataSourceOptions(address, poolSize));
  await guarded(async () => patiently(async () => source.initialize()));
  const pool = (source.driver as unknown as { master: pg.Pool }).master;
  // A connection that breaks while idle is replaced by the pool; without a listener it would end the process.
  pool.on('error', () => undefined);
  const isEmbedded = 'host' in address;
  const prepare = isEmbedded ? rows : preparedRows;
  return {
    source,
    isEmbedded,
    query: async (sql, params) => guarded(async () => patiently(async () => rows(pool, sql, params))),
    prepared: async (sql, params) => guarded(async () => patiently(async () => prepare(pool, sql, params))),
    transaction: async (work, lock) => guarded(async () => inTransaction(pool, prepare, work, lock)),
    close: async () => source.destroy(),
  };
}

/** Is this error the database being away, rather than a mistake of ours? SQLSTATE classes 08, 53, 57P and socket errors. */
export function isAway(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  if (
    /^(08|53|57P)/.test(code) ||
    /^(ECONNREFUSED|ECONNRESET|ENOENT|EPIPE|ETIMEDOUT|ENOTFOUND|EHOSTUNREACH)$/.test(code)
  )
    return true;
  return (
    code === '' &&
    /Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error/.test(
      error.message,
    )
  );
}

async function inTransaction<T>(
  pool: pg.Pool,
  prepare: typeof rows,
  work: (tx: Tx) => Promise<T>,
  lock?: number,
): Promise<T> {
  const client = await patiently(async () => pool.connect());
  let broken: Error | undefined;
  // The pool listens to idle connections only: without this, one that breaks between two statements would end the process.
  const lost = (error: Error): void => {
    broken = error;
  };
  client.on('error', lost);
  try {
    await client.query(lock === undefined ? 'begin' : `begin; select pg_advisory_xact_lock(${Math.trunc(lock)})`);
    const result = await work({
      inTransaction: true,
      query: async (sql, params) => rows(client, sql, params),
      prepared: async (sql, params) => prepare(client, sql, params),
    });
    await client.query('commit');
    return result;
  } catch (error) {
    await client.query('rollback').catch((failed: unknown) => {
      broken = failed instanceof Error ? failed : new Error('rollback failed');
    });
    throw error;
  } finally {
    client.off('error', lost);
    client.release(broken);
  }
}

/** No connection to be had: the statement has not reached the database, so it may be tried again. SQLSTATE too_many_connections, cannot_connect_now. */
const NO_ROOM = ['53300', '57P03'];
const PATIENCE_MS = 10_000;

// Many processes share the server's connections, and each opens more of them under load: a moment later there is one again.
async function patiently<T>(work: () => Promise<T>): Promise<T> {
  const end = Date.now() + PATIENCE_MS;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      const hasNoRoom = error instanceof Error && 'code' in error && NO_ROOM.includes(String(error.code));
      if (!hasNoRoom || Date.now() > end) throw error;
      await setTimeout(50 + Math.random() * 200);
    }
  }
}

async function rows<Row>(on: pg.Pool | pg.PoolClient, sql: string, params: readonly unknown[] = []): Promise<Row[]> {
  const result = await on.query(sql, [...params]);
  return result.rows as Row[];
}

const names = new Map<string, string>();

async function preparedRows<Row>(
  on: pg.Pool | pg.PoolClient,
  sql: string,
  params: readonly unknown[] = [],
): Promise<Row[]> {
  const name = names.get(sql) ?? createHash('sha256').update(sql).digest('hex').slice(0, 32);
  names.set(sql, name);
  const result = await on.query({ name, text: sql, values: [...params] });
  return result.rows as Row[];
}

async function guarded<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (isAway(error)) throw new Refusal('database-busy', 'The database does not answer.', {}, { cause: error });
    throw error;
  }
}
