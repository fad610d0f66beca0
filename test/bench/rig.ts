import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { boot, type Booted } from '../../server/boot.js';
import { readConfig, ROOT } from '../../server/config.js';
import { catalogue } from '../../server/consent/catalogue.js';
import { setup } from '../../server/consent/setup.js';
import type { Context } from '../../server/context.js';
import { dkimKeysOf } from '../../server/delivery/dkim-keys.js';
import { fromDomain } from '../../server/delivery/signing.js';
import { makeLogger } from '../../server/logger.js';
import { DEMO } from '../../server/tour/demo.js';
import { administer, urlOf } from '../support/database.js';
import { startChild, stopProcess, type Child } from './child.js';

/** All that measures need: a database of its own, a sink for mail, and the service as people run it. */
export interface Rig {
  readonly ctx: Context;
  readonly databaseUrl: string;
  /** What the service is started with. */
  readonly settings: Readonly<Record<string, string>>;
  readonly sink: Child;
  readonly sinkPort: number;
  /** Starts the service; returns it once it is ready. */
  startService(): Promise<ServiceUnderTest>;
  /** Starts a process that only sends; returns it once it runs. */
  startSender(): Promise<Sender>;
  /** Starts a child that ends with the rig. */
  child(script: string): Child;
  /** Ends all processes and drops the database. May be called twice. */
  close(): Promise<void>;
}

export interface ServiceUnderTest {
  readonly base: string;
  readonly pid: number;
}

export interface Sender {
  readonly pid: number;
  stop(): Promise<void>;
}

const READY_MS = 30_000;
let made = 0;

export interface RigOptions {
  /** Where the service leaves CPU profiles. */
  readonly profileDir: string | null;
  /** Mail is signed with RSA-2048 alone, as the baseline's is, or with Ed25519 as well. */
  readonly hasEd25519: boolean;
}

/** Makes a fresh database with the demo organisation, on the PostgreSQL at `server`. */
export async function makeRig(server: string, options: RigOptions): Promise<Rig> {
  const closers: (() => Promise<unknown>)[] = [];
  let closing: Promise<void> | null = null;
  const close = async (): Promise<void> => {
    closing ??= (async () => {
      for (const one of closers.reverse()) await one().catch((error: unknown) => console.error(error));
    })();
    return closing;
  };
  try {
    return await build(server, options, closers, close);
  } catch (error) {
    await close();
    throw error;
  }
}

async function build(
  server: string,
  { profileDir, hasEd25519 }: RigOptions,
  closers: (() => Promise<unknown>)[],
  close: () => Promise<void>,
): Promise<Rig> {
  made += 1;
  const name = `zgoda_bench_${process.pid}_${made}`;
  await administer(server, `create database ${name}`);
  closers.push(async () => administer(server, `drop database if exists ${name} with (force)`));
  const dir = await mkdtemp(join(tmpdir(), 'zgoda-bench-'));
  closers.push(async () => rm(dir, { recursive: true, force: true }));

  const child = (script: string, settings: Record<string, string> = {}): Child => {
    const started = startChild(`test/bench/children/${script}`, settings);
    closers.push(async () => started.stop());
    return started;
  };
  const sink = child('sink.js');
  const sinkPort = (await sink.call('listen')) as number;
  const settings = {
    NODE_ENV: 'development',
    PORT: String(await freePort()),
    INBOUND_PORT: '0',
    GATEWAY_PORT: String(await freePort()),
    DATABASE_URL: urlOf(server, name),
    SMTP_URL: `smtp://127.0.0.1:${sinkPort}`,
    DATA_DIR: join(dir, 'data'),
    ABUSE_LIMITS: 'off',
    LOG_LEVEL: 'warn',
  };
  const booted = await bootBeside(settings, join(dir, 'bench'));
  closers.push(async () => booted.close());
  await setup(booted.ctx, DEMO);
  await makeDkimKeys(booted.ctx, hasEd25519);
  return {
    ctx: booted.ctx,
    databaseUrl: settings.DATABASE_URL,
    settings,
    sink,
    sinkPort,
    child: (script) => child(script, settings),
    startService: async () => startService(settings, profileDir, closers),
    startSender: async () => startSender(settings, closers),
    close,
  };
}

// Where the DNS does not show an Ed25519 key yet, it waits, and RSA signs alone.
async function makeDkimKeys(ctx: Context, hasEd25519: boolean): Promise<void> {
  for (const { id, fromAddress } of (await catalogue(ctx)).organisations)
    await dkimKeysOf(ctx, { organisationId: id, domain: fromDomain({ fromAddress }) });
  if (!hasEd25519) await ctx.db.query(`update dkim_key set used_from = null where algorithm = 'ed25519'`);
}

/** The bench's own way to the same database with the same keys. */
async function bootBeside(settings: Readonly<Record<string, string>>, dataDir: string): Promise<Booted> {
  const keysFile = `${settings['DATA_DIR'] ?? ''}-keys.json`;
  const config = readConfig({ ...settings, DATA_DIR: dataDir, KEYS_FILE: keysFile });
  return boot(config, makeLogger('warn'));
}

async function startService(
  settings: Readonly<Record<string, string>>,
  profileDir: string | null,
  closers: (() => Promise<unknown>)[],
): Promise<ServiceUnderTest> {
  const profile = profileDir === null ? [] : ['--cpu-prof', `--cpu-prof-dir=${profileDir}`];
  const service = spawn(process.execPath, [...profile, ...(await startWords())], {
    cwd: ROOT,
    env: { ...process.env, ...settings },
    stdio: ['ignore', 'ignore', 'inherit'],
    // Ctrl-C reaches the whole group: the bench ends the service itself.
    detached: true,
  });
  closers.push(async () => stopProcess(service));
  const base = `http://localhost:${settings['PORT'] ?? ''}`;
  const end = performance.now() + READY_MS;
  while (performance.now() < end && service.exitCode === null) {
    const answer = await fetch(`${base}/readyz`).catch(() => null);
    if (answer?.ok) return { base, pid: service.pid ?? 0 };
    await setTimeout(100);
  }
  throw new Error('the service did not become ready');
}

async function startSender(
  settings: Readonly<Record<string, string>>,
  closers: (() => Promise<unknown>)[],
): Promise<Sender> {
  // It makes less garbage than one that serves pages, and is to stay small (README, Production).
  const words = (await startWords()).flatMap((word) =>
    word.startsWith('--max-semi-space-size=') ? ['--max-semi-space-size=8', '--heap-growing-percent=40'] : [word],
  );
  const sender = spawn(process.execPath, words, {
    cwd: ROOT,
    env: { ...process.env, ...settings, ROLE: 'worker' },
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  });
  const stop = async (): Promise<void> => stopProcess(sender);
  closers.push(stop);
  await once(sender.stdout, 'data', { signal: AbortSignal.timeout(READY_MS) });
  sender.stdout.resume();
  return { pid: sender.pid ?? 0, stop };
}

/** What `npm start` runs, so that the bench measures what people get. */
async function startWords(): Promise<string[]> {
  const { scripts } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as { scripts: { start: string } };
  return scripts.start.split(' ').slice(1);
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
