import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { administer, TEST_DATABASE_URL } from './database.js';
import type { Home } from './process.js';
import { eventually } from './service.js';

/** A copy of a database. */
export interface Backup {
  /** Puts the database back as it was, and nothing else. */
  restore(): Promise<void>;
  drop(): Promise<void>;
}

/** Copies the database of a stopped service. */
export async function backUp(home: Home): Promise<Backup> {
  if (!TEST_DATABASE_URL) {
    const [database, copy] = [join(home.dataDir, 'db'), join(home.dataDir, '..', 'backup')];
    await cp(database, copy, { recursive: true });
    return {
      restore: async () => {
        await rm(database, { recursive: true });
        await cp(copy, database, { recursive: true });
      },
      drop: async () => Promise.resolve(),
    };
  }
  const server = TEST_DATABASE_URL;
  const name = new URL(home.settings['DATABASE_URL'] ?? '').pathname.slice(1);
  // Whoever was connected last may take a moment to go.
  const copy = async (from: string, to: string): Promise<void> =>
    eventually(async () => administer(server, `create database ${to} template ${from}`));
  const drop = async (database: string): Promise<void> =>
    administer(server, `drop database if exists ${database} with (force)`);
  await copy(name, `${name}_backup`);
  return {
    restore: async () => {
      await drop(name);
      await copy(`${name}_backup`, name);
    },
    drop: async () => drop(`${name}_backup`),
  };
}
