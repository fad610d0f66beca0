import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { simpleParser } from 'mailparser';
import { boot } from '../../server/boot.js';
import { readConfig } from '../../server/config.js';
import type { Context } from '../../server/context.js';
import { embeddedConnection } from '../../server/database/embedded.js';
import { makeLogger } from '../../server/logger.js';
import { createTestDatabase } from './database.js';
import { eventually, type ReceivedMail } from './service.js';

/** The programs as they are shipped. */
export const MAIN = fileURLToPath(new URL('../../server/main.js', import.meta.url));
export const CLI = fileURLToPath(new URL('../../server/cli.js', import.meta.url));

/** A program of ours that runs in a process of its own. */
export interface Running {
  readonly pid: number;
  /** Everything that it wrote so far. */
  readonly out: () => string;
  readonly err: () => string;
  /** Its exit code; null when it was killed. */
  readonly exited: Promise<number | null>;
  signal(signal: NodeJS.Signals): void;
  /** `kill -9`; resolves when it is gone. */
  kill(): Promise<void>;
  /** SIGTERM: its exit code and how long it took, in ms. */
  stop(): Promise<{ code: number | null; ms: number }>;
}

/** A service in a process of its own that answers. */
export interface RunningService extends Running {
  readonly base: string;
  /** Of the listener for incoming mail; null without the gateway role. */
  readonly inboundPort: number | null;
}

/** What a service lives in: it can be started there, killed, and started again. */
export interface Home {
  readonly dataDir: string;
  readonly keysFile: string;
  readonly settings: Readonly<Record<string, string>>;
  /** Starts it; resolves when it is ready. */
  start(more?: Readonly<Record<string, string>>): Promise<RunningService>;
  /** Starts it without waiting for anything. */
  launch(more?: Readonly<Record<string, string>>): Running;
  /** Runs a command line on the same data. */
  zgoda(args: readonly string[], more?: Readonly<Record<string, string>>): Promise<Ended>;
  /** Looks at the data as the service would, whether it runs or not. */
  look<T>(work: (ctx: Context) => Promise<T>, more?: Readonly<Record<string, string>>): Promise<T>;
  drop(): Promise<void>;
}

/** A command that has ended. */
export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

const READY_MS = 150_000;
const living = new Set<ChildProcess>();

// A test that fails must not leave processes behind.
process.on('exit', () => living.forEach((child) => child.kill('SIGKILL')));

/** A fresh database, data folder and port. Limits against abuse are off. */
export async function makeHome(settings: Readonly<Record<string, string>> = {}): Promise<Home> {
  const folder = await mkdtemp(join(tmpdir(), 'zgoda-home-'));
  const database = await createTestDatabase();
  const dataDir = join(folder, 'data');
  await mkdir(dataDir, { mode: 0o700 });
  if (database.template) await cp(database.template, join(dataDir, 'db'), { recursive: true });
  const all = {
    PORT: String(await freePort()),
    INBOUND_PORT: '0',
    GATEWAY_PORT: '0',
    LOG_LEVEL: 'warn',
    ABUSE_LIMITS: 'off',
    DATA_DIR: dataDir,
    KEYS_FILE: join(folder, 'keys.json'),
    ...database.settings,
    ...settings,
  };
  const started: Running[] = [];
  const launch = (more: Readonly<Record<string, string>> = {}): Running => {
    const running = run(MAIN, [], { ...all, ...more });
    started.push(running);
    return running;
  };
  return {
    dataDir,
    keysFile: all.KEYS_FILE,
    settings: all,
    launch,
    start: async (more) => untilReady(launch(more), `http://localhost:${more?.['PORT'] ?? all.PORT}`),
    zgoda: async (args, more = {}) => {
      const running = run(CLI, args, { ...all, ...more });
      started.push(running);
      const code = await running.exited;
      return { code, out: running.out(), err: running.err() };
    },
    look: async (work, more = {}) => {
      const config = readConfig({ ...all, ...more });
      const booted = await boot(config, makeLogger('fatal'), { mayShare: true });
      try {
        return await work(booted.ctx);
      } finally {
        await booted.close();
      }
    },
    drop: async () => {
      await Promise.all(started.map(async (running) => running.kill()));
      // The embedded database ends by itself when its service is gone; its files must not be taken away under it.
      await eventually(async () => {
        if (existsSync(join(dataDir, 'db.lock')) && !(await isUnowned(dataDir))) throw new Error('still owned');
      });
      await database.drop();
      await rm(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });
    },
  };
}

/** Runs a program of ours with these settings and nothing else of our environment. */
export function run(program: string, args: readonly string[], settings: Readonly<Record<string, string>>): Running {
  const child = spawn(process.execPath, [program, ...args], {
    env: { PATH: process.env['PATH'], TMPDIR: process.env['TMPDIR'], ...settings },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  living.add(child);
  const text = { out: '', err: '' };
  child.stdout.setEncoding('utf8').on('data', (more: string) => (text.out += more));
  child.stderr.setEncoding('utf8').on('data', (more: string) => (text.err += more));
  const exited = once(child, 'close').then(([code]) => {
    living.delete(child);
    return code as number | null;
  });
  return {
    pid: child.pid ?? 0,
    out: () => text.out,
    err: () => text.err,
    exited,
    signal: (signal) => void child.kill(signal),
    kill: async () => {
      child.kill('SIGKILL');
      await exited;
    },
    stop: async () => {
      const from = performance.now();
      child.kill('SIGTERM');
      const code = await exited;
      return { code, ms: performance.now() - from };
    },
  };
}

/** Waits for the words that a service says when it has started, and for its pages where it has any: at `local`, or where it says. */
export async function untilReady(running: Running, local?: string): Promise<RunningService> {
  const ended = running.exited.then((code) => {
    throw new Error(`it ended with ${code ?? 'a signal'} before it was ready:\n${running.out()}\n${running.err()}`);
  });
  const ready = eventually(async () => {
    const [, roles = '', said = ''] = /^Zgoda is running \(([^)]*)\)(?: at (\S+))?/m.exec(running.out()) ?? [];
    if (roles === '') throw new Error(`not ready:\n${running.out()}\n${running.err()}`);
    const base = said === '' ? '' : (local ?? said);
    if (base !== '' && (await fetch(`${base}/readyz`)).status !== 200) throw new Error(`${base}/readyz is not 200`);
    const [, port] = /Mail in: +port (\d+)/.exec(running.out()) ?? [];
    return { ...running, base, inboundPort: port === undefined ? null : Number(port) };
  }, READY_MS);
  return Promise.race([ready, ended]);
}

/** The newest mail in a service's built-in mailbox to an address, once there are `count`. */
export async function mailTo({ base }: { base: string }, address: string, count = 1): Promise<ReceivedMail> {
  const id = await eventually(async () => {
    const mails = await mailsTo({ base }, address);
    if (mails.length < count) throw new Error(`${mails.length} mails to ${address}`);
    return mails[0]?.id ?? '';
  }, 15_000);
  const raw = Buffer.from(await (await fetch(`${base}/mailbox/${id}.eml`)).arrayBuffer());
  return { id, raw, parsed: await simpleParser(raw) };
}

/** All mails in a service's built-in mailbox to an address, newest first. */
export async function mailsTo({ base }: { base: string }, address: string): Promise<{ id: string }[]> {
  const answer = await fetch(`${base}/mailbox.json?to=${encodeURIComponent(address)}`);
  return (await answer.json()) as { id: string }[];
}

/** A port that is free now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function isUnowned(dataDir: string): Promise<boolean> {
  return (await embeddedConnection(dataDir)) === null;
}
