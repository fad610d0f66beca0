// The process that owns the embedded database: PGlite blocks its process for the length of a query, so it gets one of its own.
import { randomUUID } from 'node:crypto';
import { constants, copyFileSync, existsSync, mkdirSync, readdirSync } from 'node:fs';
import { access, chmod, link, lstat, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { PGlite } from '@electric-sql/pglite';
import { Refusal } from '../errors.js';
import {
  answers,
  isRunning,
  lockFile,
  readOwner,
  socketPath,
  startOf,
  type ChildMessage,
  type EmbeddedAddress,
  type Owner,
} from './embedded.js';
import { Gate } from './gate.js';

const PORT = 5432;
// Node cuts longer paths silently, at 107 bytes on Linux and 103 on macOS.
const LONGEST_SOCKET_PATH = 103;
const TEMPORARY_PREFIX = 'zgoda-db-';
const LOCK_PATIENCE_MS = 10_000;
const CHECKPOINT_EVERY_MS = 5 * 60_000;
const EXPECTED = ['database-busy', 'config-invalid'] as const;

const [dataDir = '', template] = process.argv.slice(2);

// To compile the database's WebAssembly once more, optimized, takes several seconds of all cores and makes no query of ours faster.
setFlagsFromString('--no-wasm-dynamic-tiering');
setFlagsFromString('--liftoff-only');

// On Ctrl-C the terminal tells the whole group; the parent still needs the database to finish, and says when to stop.
process.on('SIGINT', () => undefined);
process.on('SIGHUP', () => undefined);
process.on('uncaughtException', (error) => fail(error));
const stopAsked = new Promise<void>((done) => {
  process.once('SIGTERM', done);
  process.once('message', () => done());
  process.once('disconnect', () => done());
});

await run().catch((error: unknown) => fail(error));

async function run(): Promise<never> {
  await makeDataDir();
  const host = await makeSocketDir();
  const owner = { pid: process.pid, startedAt: startOf(process.pid), host, port: PORT };
  const lock = await takeLock(owner).catch(async (error: unknown) => {
    await removeSocketDir(owner);
    throw error;
  });
  const db = await openDatabase();
  const gate = new Gate(db, { onBroken: (error) => fail(error) });
  await rm(socketPath(host, PORT), { force: true });
  await gate.listen(socketPath(host, PORT));
  const checkpoints = setInterval(() => gate.checkpoint(), CHECKPOINT_EVERY_MS);
  tell({ kind: 'ready', host, port: PORT });

  await stopAsked;

  clearInterval(checkpoints);
  await gate.close();
  await db.exec('checkpoint');
  await db.close();
  await removeSocketDir(owner);
  await rm(lock);
  process.exit(0);
}

async function makeDataDir(): Promise<void> {
  try {
    await mkdir(dataDir, { recursive: true, mode: 0o700 });
    await access(dataDir, constants.W_OK);
  } catch (error) {
    const text = `The data folder ${dataDir} cannot be used: ${messageOf(error)}. Set DATA_DIR to a folder that can be written.`;
    throw new Refusal('config-invalid', text, {}, { cause: error });
  }
}

/** A directory that only this user can enter, before there is a socket in it: the socket itself asks for no password. */
async function makeSocketDir(): Promise<string> {
  const near = join(dataDir, 'socket');
  if (fits(near)) {
    await mkdir(near, { recursive: true, mode: 0o700 });
    const { uid } = await lstat(near);
    if (uid !== process.getuid?.()) throw new Refusal('config-invalid', `${near} belongs to another user. Remove it.`);
    await chmod(near, 0o700);
    return near;
  }
  // mkdtemp makes it 0700 and never takes one that is there.
  const far = await mkdtemp(join(tmpdir(), TEMPORARY_PREFIX));
  if (fits(far)) return far;
  await rm(far, { recursive: true });
  throw new Refusal('config-invalid', `${dataDir} and ${tmpdir()} are both too long for a socket. Shorten DATA_DIR.`);
}

function fits(directory: string): boolean {
  return Buffer.byteLength(socketPath(directory, PORT)) <= LONGEST_SOCKET_PATH;
}

async function removeSocketDir({ host }: EmbeddedAddress): Promise<void> {
  const temporary = dirname(host) === tmpdir() && basename(host).startsWith(TEMPORARY_PREFIX);
  if (temporary) await rm(host, { recursive: true, force: true });
}

/** Becomes the owner of the data folder: PGlite would open it twice and destroy it. */
async function takeLock(owner: Owner): Promise<string> {
  const lock = lockFile(dataDir);
  const mine = `${lock}.${randomUUID()}`;
  await writeFile(mine, JSON.stringify(owner), { mode: 0o600 });
  try {
    // A link appears whole or not at all, and only where nothing is.
    while (!(await linked(mine, lock))) await removeStale(lock);
  } finally {
    await rm(mine);
  }
  return lock;
}

async function linked(file: string, lock: string): Promise<boolean> {
  try {
    await link(file, lock);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Waits for an owner that is starting or stopping, refuses beside one that works, and clears away the lock of a dead one. */
async function removeStale(lock: string): Promise<void> {
  const before = await readFile(lock, 'utf8').catch(() => '');
  const owner = readOwner(lock);
  // In another container an owner's process id means nothing here, but its socket answers.
  const until = Date.now() + LOCK_PATIENCE_MS;
  while (owner && (isRunning(owner) || (await answers(owner)))) {
    if (Date.now() > until || (await answers(owner))) throw busy(owner);
    if (!existsSync(lock)) return;
    await pause(50);
  }
  if ((await readFile(lock, 'utf8').catch(() => '')) !== before) return;
  const grave = `${lock}.${randomUUID()}`;
  await rename(lock, grave).catch(() => undefined);
  const removed = await readFile(grave, 'utf8').catch(() => before);
  // Somebody else was faster even so, and this is their lock: give it back.
  if (removed !== before) await linked(grave, lock);
  else if (owner) await removeSocketDir(owner);
  await rm(grave, { force: true });
}

function busy({ pid }: Owner): Refusal {
  const text = `The embedded database in ${dataDir} belongs to process ${pid}, which is running. Stop that one, or set DATA_DIR to another folder.`;
  return new Refusal('database-busy', text);
}

/** Opens, copies or makes the database. What a crash left half made is made again: nobody has used it yet. */
async function openDatabase(): Promise<PGlite> {
  const folder = join(dataDir, 'db');
  const unfinished = join(dataDir, 'db.unfinished');
  if (existsSync(unfinished)) await rm(folder, { recursive: true, force: true });
  if (!existsSync(folder)) {
    await writeFile(unfinished, '');
    if (template) copyTemplate(template, folder);
    else await mkdir(folder, { mode: 0o700 });
  }
  const db = await PGlite.create(folder).catch((error: unknown) => {
    const text = `The embedded database in ${folder} cannot be opened: ${messageOf(error)}. Put back a backup, or move the folder away to start with an empty one.`;
    throw new Error(text, { cause: error });
  });
  await rm(unfinished, { force: true });
  return db;
}

function copyTemplate(from: string, to: string): void {
  if (!existsSync(join(from, 'PG_VERSION'))) throw new Refusal('config-invalid', `${from} is not a database to copy.`);
  copyFolder(from, to);
}

// More than a thousand small files: `cp` asks so much about each that it takes three times as long.
function copyFolder(from: string, to: string): void {
  mkdirSync(to, { mode: 0o700 });
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const copy = entry.isDirectory() ? copyFolder : copyFileSync;
    copy(join(from, entry.name), join(to, entry.name));
  }
}

function tell(message: ChildMessage, then: () => void = () => undefined): void {
  // The parent may be gone; then there is nobody to tell, and `disconnect` ends us.
  if (process.connected) process.send?.(message, undefined, undefined, () => then());
  else then();
}

/** Ends at once, without closing: the lock is seen to be stale, and the next start recovers from the write-ahead log. */
function fail(error: unknown): void {
  const message = messageOf(error);
  const code = error instanceof Refusal ? EXPECTED.find((known) => known === error.code) : undefined;
  if (!code) process.stderr.write(`${message}\n`);
  tell({ kind: 'failed', code: code ?? null, message }, () => process.exit(1));
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
