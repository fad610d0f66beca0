import { fork, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { Refusal } from '../errors.js';
import type { Logger } from '../logger.js';

/** Where `pg` finds the database: the socket's directory and the port in its name. User and database are `postgres`, without a password. */
export interface EmbeddedAddress {
  readonly host: string;
  readonly port: number;
}

/** A running embedded database, owned by a child of this process. */
export interface Embedded extends EmbeddedAddress {
  /** Rolls back what is open, writes a checkpoint and ends the child. Close the pools first. */
  stop(): Promise<void>;
  /** Resolves when the child has ended: with its exit code, or null when it was killed. It never rejects. */
  readonly exited: Promise<number | null>;
}

/** What starting takes. */
export interface EmbeddedOptions {
  readonly dataDir: string;
  readonly logger: Logger;
  /** The `db` folder of a stopped database: copied when `dataDir` has none yet. */
  readonly template?: string;
}

/** Who owns a data folder: the child that has it open, and where it listens. `startedAt` tells a process from a later one with its id. */
export interface Owner extends EmbeddedAddress {
  readonly pid: number;
  readonly startedAt: string | null;
}

const CHILD = fileURLToPath(new URL('embedded-child.js', import.meta.url));
const STOP_WITHIN_MS = 20_000;
const ANSWER_WITHIN_MS = 1000;
const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f]);

const ownerShape = z.object({ pid: z.int(), startedAt: z.string().nullable(), host: z.string(), port: z.int() });
/** What the child tells its parent: once, ready or failed. */
export type ChildMessage = z.infer<typeof childMessage>;

const childMessage = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('ready'), host: z.string(), port: z.int() }),
  z.object({
    kind: z.literal('failed'),
    code: z.enum(['database-busy', 'config-invalid']).nullable(),
    message: z.string(),
  }),
]);

/** Starts the embedded database of a data folder. Throws `database-busy` when another process owns it. */
export async function startEmbedded({ dataDir, logger, template }: EmbeddedOptions): Promise<Embedded> {
  const child = fork(CHILD, [resolve(dataDir), ...(template ? [resolve(template)] : [])], {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    // A debugger's port or a loader is the parent's; secrets in the environment are none of the child's business.
    execArgv: [],
    env: { TMPDIR: process.env['TMPDIR'] },
  });
  const lastWords = collect(child, logger);
  const exited = new Promise<number | null>((done) => {
    child.once('exit', (code) => done(code));
    child.once('error', () => done(null));
  });
  const { host, port } = await readiness(child, exited, lastWords);
  return { host, port, exited, stop: async () => stop(child, exited) };
}

/** Where a running service offers the database of this data folder; null when nobody does, so that the caller may start it. */
export async function embeddedConnection(dataDir: string): Promise<EmbeddedAddress | null> {
  const owner = readOwner(lockFile(dataDir));
  if (!owner || !isRunning(owner) || !(await answers(owner))) return null;
  return { host: owner.host, port: owner.port };
}

/** The lock file of a data folder. */
export function lockFile(dataDir: string): string {
  return join(resolve(dataDir), 'db.lock');
}

/** Who a lock file names; null when there is none, or when it is not whole. */
export function readOwner(file: string): Owner | null {
  const text = readIfThere(file);
  if (text === null) return null;
  try {
    return ownerShape.parse(JSON.parse(text));
  } catch {
    return null;
  }
}

/** Whether the very process that wrote the lock still runs. */
export function isRunning({ pid, startedAt }: Owner): boolean {
  if (!processExists(pid)) return false;
  const now = startOf(pid);
  return now === startedAt || (now === null && process.platform !== 'linux');
}

/** When a process started, in the kernel's words; null when it has ended, or when the system has no /proc. */
export function startOf(pid: number): string | null {
  // The second field is the program's name and may hold blanks and brackets. 3 is the state, 22 the start in ticks since boot.
  const fields = readIfThere(`/proc/${pid}/stat`)
    ?.replace(/^.*\) /s, '')
    .split(' ');
  const ended = fields?.[0] === 'Z' || fields?.[0] === 'X';
  return ended ? null : (fields?.[19] ?? null);
}

/** Whether a gate answers there. */
export async function answers({ host, port }: EmbeddedAddress): Promise<boolean> {
  return new Promise((done) => {
    const socket = connect(socketPath(host, port), () => socket.write(SSL_REQUEST));
    socket.setTimeout(ANSWER_WITHIN_MS, () => socket.destroy());
    socket.once('data', () => {
      done(true);
      socket.destroy();
    });
    socket.once('error', () => socket.destroy());
    socket.once('close', () => done(false));
  });
}

/** The socket that `pg` opens for a host that is a directory. */
export function socketPath(host: string, port: number): string {
  return join(host, `.s.PGSQL.${port}`);
}

async function readiness(
  child: ChildProcess,
  exited: Promise<number | null>,
  lastWords: string[],
): Promise<EmbeddedAddress> {
  const told = new Promise<ChildMessage>((done) =>
    child.once('message', (message) => done(childMessage.parse(message))),
  );
  const first = await Promise.race([told, exited]);
  if (first === null || typeof first === 'number') {
    throw new Error(
      `The embedded database ended before it was ready (exit code ${first ?? 'none, killed'}). ${MORE_ROOM}`,
      {
        cause: new Error(lastWords.join('') || 'it said nothing'),
      },
    );
  }
  if (first.kind === 'ready') return first;
  await exited;
  throw first.code ? new Refusal(first.code, first.message) : new Error(first.message);
}

const MORE_ROOM =
  'It needs about 1 GB of memory on its first start; with DATABASE_URL the service uses a PostgreSQL instead.';

async function stop(child: ChildProcess, exited: Promise<number | null>): Promise<void> {
  if (child.connected) child.send({ kind: 'stop' }, () => undefined);
  // Killing loses nothing that was acknowledged: the next start recovers it from the write-ahead log.
  const killer = setTimeout(() => child.kill('SIGKILL'), STOP_WITHIN_MS);
  await exited;
  clearTimeout(killer);
}

function collect(child: ChildProcess, logger: Logger): string[] {
  const lines: string[] = [];
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    logger.warn({ text }, 'embedded database');
    lines.push(text);
    if (lines.length > 20) lines.shift();
  });
  return lines;
}

function processExists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it is there, and somebody else's.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function readIfThere(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ESRCH') return null;
    throw error;
  }
}
