import { execFile, execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { freePort } from './process.js';
import { eventually } from './service.js';

/** A PostgreSQL that belongs to one test, so that it may be crashed. */
export interface OwnPostgres {
  readonly url: string;
  /** Ends it as a crash would, and starts it again; resolves when it answers. */
  crash(): Promise<void>;
  stop(): Promise<void>;
}

const HOME = '/usr/lib/postgresql';

/** Starts one from Debian's programs on a free port; null where there are none. */
export async function startOwnPostgres(): Promise<OwnPostgres | null> {
  const versions = existsSync(HOME) ? readdirSync(HOME).map(Number).filter(Number.isFinite) : [];
  const bin = join(HOME, String(Math.max(...versions)), 'bin');
  if (!existsSync(join(bin, 'initdb'))) return null;
  const folder = await mkdtemp(join(tmpdir(), 'zgoda-postgres-'));
  // It does not run as root.
  const user = process.getuid?.() === 0 ? { uid: idOf('-u'), gid: idOf('-g') } : {};
  if (user.uid !== undefined) chownSync(folder, user.uid, user.gid ?? 0);
  const data = join(folder, 'data');
  await promisify(execFile)(join(bin, 'initdb'), ['-D', data, '-A', 'trust', '-U', 'postgres', '--no-sync'], {
    ...{ ...user, cwd: folder },
  });
  const port = await freePort();
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
  let child: ChildProcess;
  const start = async (): Promise<void> => {
    const settings = [`port=${port}`, `unix_socket_directories=${folder}`, 'listen_addresses=127.0.0.1'];
    const args = ['-D', data, ...settings.flatMap((setting) => ['-c', setting])];
    child = spawn(join(bin, 'postgres'), args, { ...user, cwd: folder, stdio: 'ignore' });
    await eventually(async () => ask(url), 30_000);
  };
  // SIGQUIT: at once, with no word to anybody and no checkpoint. SIGINT: in order.
  const end = async (signal: 'SIGQUIT' | 'SIGINT'): Promise<void> => {
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  };
  await start();
  return {
    url,
    crash: async () => {
      await end('SIGQUIT');
      await start();
    },
    stop: async () => {
      await end('SIGINT');
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function ask(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query('select 1');
  } finally {
    await client.end().catch(() => undefined);
  }
}

function idOf(which: '-u' | '-g'): number {
  return Number(execFileSync('id', [which, 'postgres']).toString());
}
