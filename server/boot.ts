import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { makeBell } from './bell.js';
import { makeMeter } from './meter.js';
import type { Config } from './config.js';
import { openJournal } from './consent/journal.js';
import type { Context } from './context.js';
import { connect, type Database } from './database/connect.js';
import { embeddedConnection, startEmbedded } from './database/embedded.js';
import { migrate } from './database/migrate.js';
import { carryRings } from './database/notify.js';
import { Refusal } from './errors.js';
import { createKeysFile, loadKeysFile } from './keys/keys-file.js';
import { makeKeyring, type Keyring, type KeysFile } from './keys/keyring.js';
import { nameOfLog, startLog } from './ledger/start.js';
import { anchorRoots } from './ledger/anchor.js';
import { witnessPolicy } from './ledger/attested.js';
import { hostOf } from './links/urls.js';
import type { Logger } from './logger.js';
import type { Outbound } from './outbound.js';

export interface Booted {
  readonly ctx: Context;
  /** Resolves when an embedded database of ours ends; never for another. */
  readonly databaseEnded: Promise<void>;
  /** Closes what was opened, the database last. */
  close(): Promise<void>;
}

export interface BootOptions {
  /** For tests: what time it is. */
  readonly now?: () => Date;
  /** For tests: a prepared embedded database to copy. */
  readonly template?: string;
  /** For tests: servers of others. */
  readonly outbound?: Outbound;
  /** CLI commands use the running service's database where there is one. */
  readonly mayShare?: boolean;
}

/** Opens database and keys, brings the schema up to date, and checks that they belong together (T5). */
export async function boot(config: Config, logger: Logger, options: BootOptions = {}): Promise<Booted> {
  witnessPolicy(config);
  anchorRoots(config);
  await makeDataDir(config.dataDir);
  const { db, stop, ended } = await openDatabase(config, logger, options);
  try {
    await migrate(db);
    const now = options.now ?? (() => new Date());
    const { keyring, logOrigin } = await openKeys(config, db, now());
    const audiences = await rememberHost(db, hostOf(config.publicUrl), now());
    const journal = await openJournal(config.dataDir);
    const bell = makeBell();
    // A process with all roles hears its own rings.
    const quiet =
      config.databaseUrl && config.roles.length < 3 ? carryRings(config.databaseUrl, db, bell, logger) : null;
    const ctx: Context = {
      config,
      keyring,
      db,
      logger,
      bell,
      meter: makeMeter(),
      journal,
      audiences,
      logOrigin,
      publicUrl: config.publicUrl,
      now,
    };
    await startLog(ctx);
    return {
      ctx,
      databaseEnded: ended,
      close: async () => {
        await quiet?.();
        await journal.close();
        await db.close();
        await stop();
      },
    };
  } catch (error) {
    await db.close().catch(() => undefined);
    await stop();
    throw error;
  }
}

async function makeDataDir(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 }).catch((error: unknown) => {
    const why = error instanceof Error ? error.message : 'unknown reason';
    throw new Refusal('config-invalid', `The folder ${path} (DATA_DIR) cannot be made: ${why}`, {}, { cause: error });
  });
}

interface Opened {
  db: Database;
  ended: Promise<void>;
  stop: () => Promise<void>;
}

async function openDatabase(config: Config, logger: Logger, options: BootOptions): Promise<Opened> {
  if (config.databaseUrl) return notOurs(await reach(config.databaseUrl));
  const running = options.mayShare ? await embeddedConnection(config.dataDir) : null;
  if (running) return notOurs(await connect(running, 4));
  const embedded = await startEmbedded({
    dataDir: config.dataDir,
    logger,
    ...(options.template ? { template: options.template } : {}),
  });
  const ended = embedded.exited.then(() => undefined);
  return { db: await connect(embedded, 8), ended, stop: async () => embedded.stop() };
}

/** Says where it looked, and what came back: never the password. */
async function reach(url: string): Promise<Database> {
  try {
    return await connect({ url });
  } catch (error) {
    if (!(error instanceof Refusal) || !(error.cause instanceof Error)) throw error;
    const { cause } = error;
    const why = cause.message || ('code' in cause ? String(cause.code) : 'no reason given');
    throw new Refusal(
      error.code,
      `The database at ${new URL(url).host} (DATABASE_URL) does not answer: ${why}`,
      {},
      { cause },
    );
  }
}

function notOurs(db: Database): Opened {
  return { db, ended: new Promise(() => undefined), stop: async () => Promise.resolve() };
}

interface Installation {
  key_check: Buffer;
  log_origin: string;
}

async function openKeys(config: Config, db: Database, now: Date): Promise<{ keyring: Keyring; logOrigin: string }> {
  const known = await readInstallation(db);
  const file = (await loadKeysFile(config.keysFile)) ?? (await makeKeys(config, known, now));
  const keyring = makeKeyring(file);
  if (!known) {
    await db.query(
      'insert into installation (id, key_check, log_origin, created_at) values (1, $1, $2, $3) on conflict do nothing',
      [keyring.check, originOf(config), now],
    );
  }
  // Of several processes that start together one wrote the row: all compare with what stands there.
  const installation = known ?? (await readInstallation(db));
  if (!installation?.key_check.equals(keyring.check)) {
    throw new Refusal(
      'keys-invalid',
      `The keys in ${config.keysFile} do not belong to this database. Put the file back that was made with it (see "Keys" in the README).`,
    );
  }
  return { keyring, logOrigin: await nameOfLog(db, keyring, installation.log_origin, now) };
}

async function readInstallation(db: Database): Promise<Installation | null> {
  const [row] = await db.query<Installation>('select key_check, log_origin from installation');
  return row ?? null;
}

async function makeKeys(config: Config, known: Installation | null, now: Date): Promise<KeysFile> {
  if (known) {
    throw new Refusal(
      'keys-invalid',
      `The database holds data, but there is no keys file at ${config.keysFile}. Nothing can be read without it: restore it from its backup.`,
    );
  }
  if (config.production) {
    throw new Refusal(
      'keys-invalid',
      `There is no keys file at ${config.keysFile}. Make one with "npx zgoda keys create", back it up, then start again.`,
    );
  }
  return createKeysFile(config.keysFile, now);
}

// A demo's log must never be mistaken for a real one (T10).
function originOf(config: Config): string {
  const host = hostOf(config.publicUrl);
  return config.production ? `${host}/log` : `${host}/log/demo-${randomBytes(4).toString('hex')}`;
}

async function rememberHost(db: Database, host: string, now: Date): Promise<string[]> {
  await db.query('insert into link_host (host, first_used_at) values ($1, $2) on conflict do nothing', [host, now]);
  const rows = await db.query<{ host: string }>('select host from link_host order by host = $1 desc', [host]);
  return rows.map((row) => row.host);
}
