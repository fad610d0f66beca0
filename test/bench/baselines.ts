import { generateKeyPairSync, randomBytes, randomUUID, sign } from 'node:crypto';
import pg from 'pg';
import { bareSlice, type Slice } from './figures.js';

/** Sizes of the values that a sign-up writes into its three tables, in bytes. */
const SIZES = [120, 1_600, 420];
const CONNECTIONS = 10;

/** Baseline (b): transactions of three inserts of a similar size, over ten connections, as a plain program would write them. */
export async function openThreeInserts(
  url: string,
): Promise<{ run(ms: number): Promise<Slice>; close(): Promise<void> }> {
  const pool = new pg.Pool({ connectionString: url, max: CONNECTIONS });
  await pool.query(
    SIZES.map(
      (_, n) => `create table baseline_${n} (id uuid primary key, at timestamptz not null, value bytea not null)`,
    ).join(';'),
  );
  const transact = async (): Promise<void> => {
    const client = await pool.connect();
    try {
      await client.query('begin');
      for (const [n, size] of SIZES.entries())
        await client.query(`insert into baseline_${n} (id, at, value) values ($1, $2, $3)`, [
          randomUUID(),
          new Date(),
          randomBytes(size),
        ]);
      await client.query('commit');
    } finally {
      client.release();
    }
  };
  return {
    run: async (ms) => timed(ms, CONNECTIONS, transact),
    close: async () => pool.end(),
  };
}

/** Baseline (d): RSA-2048 signatures of one thread. */
export function rsaSignatures(ms: number): Slice {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const message = randomBytes(600);
  const started = performance.now();
  let count = 0;
  while (performance.now() - started < ms) {
    for (let n = 0; n < 50; n += 1) sign('sha256', message, privateKey);
    count += 50;
  }
  return bareSlice(count, performance.now() - started);
}

async function timed(ms: number, lanes: number, work: () => Promise<void>): Promise<Slice> {
  const latencies: number[] = [];
  const started = performance.now();
  const lane = async (): Promise<void> => {
    while (performance.now() - started < ms) {
      const at = performance.now();
      await work();
      latencies.push(performance.now() - at);
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return { count: latencies.length, ms: performance.now() - started, latencies, rssMb: 0, cpuMs: 0 };
}
