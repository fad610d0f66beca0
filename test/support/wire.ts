import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lockFile, socketPath, startEmbedded, startOf } from '../../server/database/embedded.js';
import { makeLogger } from '../../server/logger.js';
import { createTestDatabase, type TestDatabase } from './database.js';

/** A fresh database, and every byte that a service sends to it. */
export interface Wire {
  /** For `startTestService`, with `mayShare`. */
  readonly database: TestDatabase;
  /** What was sent so far, connection by connection. */
  sent(): Buffer[];
}

/** Puts a recording proxy before a fresh database: TCP before PostgreSQL, a socket before the embedded one. */
export async function tapDatabase(): Promise<Wire> {
  const { database, proxy } = await putBefore(startTap);
  return { database, sent: proxy.sent };
}

/** Something that listens where a database is expected. */
export interface Proxy {
  readonly server: Server;
  readonly stop: () => void;
}

/** Puts a proxy before a fresh database; `make` gets what opens a connection to the database itself. */
export async function putBefore<P extends Proxy>(
  make: (reach: () => Socket) => P,
): Promise<{ database: TestDatabase; proxy: P }> {
  const database = await createTestDatabase();
  return database.template ? beforeEmbedded(database, database.template, make) : beforePostgres(database, make);
}

async function beforePostgres<P extends Proxy>(
  database: TestDatabase,
  make: (reach: () => Socket) => P,
): Promise<{ database: TestDatabase; proxy: P }> {
  const url = new URL(database.settings['DATABASE_URL'] ?? '');
  const target = { host: url.hostname, port: Number(url.port || 5432) };
  const proxy = make(() => connect(target));
  await once(proxy.server.listen(0, '127.0.0.1'), 'listening');
  url.port = String((proxy.server.address() as AddressInfo).port);
  return {
    proxy,
    database: {
      settings: { DATABASE_URL: url.href },
      drop: async () => {
        proxy.stop();
        await database.drop();
      },
    },
  };
}

/** The service finds a lock that names our socket: it takes that for a database which runs already, and shares it. */
async function beforeEmbedded<P extends Proxy>(
  database: TestDatabase,
  template: string,
  make: (reach: () => Socket) => P,
): Promise<{ database: TestDatabase; proxy: P }> {
  const folder = await mkdtemp(join(tmpdir(), 'zgoda-wire-'));
  const [dataDir, host] = [join(folder, 'data'), join(folder, 'tap')];
  await mkdir(dataDir, { mode: 0o700 });
  await mkdir(host, { mode: 0o700 });
  const embedded = await startEmbedded({ dataDir: join(folder, 'real'), logger: makeLogger('warn'), template });
  const proxy = make(() => connect(socketPath(embedded.host, embedded.port)));
  await once(proxy.server.listen(socketPath(host, embedded.port)), 'listening');
  const owner = { pid: process.pid, startedAt: startOf(process.pid), host, port: embedded.port };
  await writeFile(lockFile(dataDir), JSON.stringify(owner));
  return {
    proxy,
    database: {
      settings: { DATA_DIR: dataDir },
      drop: async () => {
        proxy.stop();
        await embedded.stop();
        await database.drop();
        await rm(folder, { recursive: true, force: true });
      },
    },
  };
}

interface Tap extends Proxy {
  readonly sent: () => Buffer[];
}

function startTap(reach: () => Socket): Tap {
  const records: Buffer[][] = [];
  const sockets = new Set<Socket>();
  const server = createServer((from) => {
    const record: Buffer[] = [];
    records.push(record);
    const to = reach();
    from.on('data', (chunk) => record.push(chunk));
    for (const [one, other] of [
      [from, to],
      [to, from],
    ] as const) {
      sockets.add(one);
      one.pipe(other);
      one.on('error', () => other.destroy());
      one.on('close', () => {
        sockets.delete(one);
        other.destroy();
      });
    }
  });
  return {
    server,
    sent: () => records.map((record) => Buffer.concat(record)),
    stop: () => {
      server.close();
      sockets.forEach((socket) => socket.destroy());
    },
  };
}
