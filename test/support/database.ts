import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from '../../server/database/connect.js';
import { startEmbedded } from '../../server/database/embedded.js';
import { migrate } from '../../server/database/migrate.js';
import { makeLogger } from '../../server/logger.js';

/** The PostgreSQL to test on; without it tests run on the embedded database. */
export const TEST_DATABASE_URL = process.env['TEST_DATABASE_URL'];

/** A database of its own for one test file. */
export interface TestDatabase {
  /** What a service is started with. */
  readonly settings: Readonly<Record<string, string>>;
  /** For `boot`: the prepared embedded database to copy. */
  readonly template?: string;
  drop(): Promise<void>;
}

let made = 0;
let template: Promise<string> | null = null;

/** A fresh, migrated database: a clone of a template that is made once a run. */
export async function createTestDatabase(): Promise<TestDatabase> {
  template ??= TEST_DATABASE_URL ? makeTemplate(TEST_DATABASE_URL) : makeEmbeddedTemplate();
  const from = await template;
  if (!TEST_DATABASE_URL) return { settings: {}, template: from, drop: async () => Promise.resolve() };
  made += 1;
  const name = `zgoda_test_${process.pid}_${made}`;
  await administer(TEST_DATABASE_URL, `create database ${name} template ${from}`);
  return {
    settings: { DATABASE_URL: urlOf(TEST_DATABASE_URL, name) },
    drop: async () => administer(TEST_DATABASE_URL, `drop database if exists ${name} with (force)`),
  };
}

/** Called once at the end of the run. */
export async function dropTemplate(): Promise<void> {
  const from = await template;
  if (from === null) return;
  if (TEST_DATABASE_URL) await administer(TEST_DATABASE_URL, `drop database if exists ${from} with (force)`);
  else await rm(join(from, '..'), { recursive: true, force: true });
}

/** The address of another database on the same server. */
export function urlOf(server: string, name: string): string {
  const url = new URL(server);
  url.pathname = `/${name}`;
  return url.href;
}

/** Runs one statement as the server's administrator. */
export async function administer(server: string, sql: string): Promise<void> {
  const db = await connect({ url: server }, 1);
  try {
    await db.query(sql);
  } finally {
    await db.close();
  }
}

async function makeTemplate(server: string): Promise<string> {
  const name = `zgoda_template_${process.pid}`;
  await administer(server, `create database ${name}`);
  const db = await connect({ url: urlOf(server, name) }, 1);
  await migrate(db);
  await db.close();
  return name;
}

async function makeEmbeddedTemplate(): Promise<string> {
  const dataDir = await mkdtemp(join(tmpdir(), 'zgoda-template-'));
  const embedded = await startEmbedded({ dataDir, logger: makeLogger('warn') });
  const db = await connect(embedded, 1);
  await migrate(db);
  // Nobody makes a database from these; without them there is half as much to copy for each test file.
  await db.query("update pg_database set datistemplate = false, datallowconn = true where datname like 'template_'");
  for (const unused of ['template0', 'template1']) await db.query(`drop database ${unused}`);
  await db.close();
  await embedded.stop();
  return join(dataDir, 'db');
}
