import { PGlite } from '@electric-sql/pglite';
import { expect } from 'chai';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, cp, mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import {
  embeddedConnection,
  lockFile,
  readOwner,
  socketPath,
  startEmbedded,
  type Embedded,
  type EmbeddedAddress,
} from '../../server/database/embedded.js';
import { Gate } from '../../server/database/gate.js';
import { makeLogger } from '../../server/logger.js';
import { Refusal } from '../../server/errors.js';

const OWNER = fileURLToPath(new URL('../support/embedded-owner.js', import.meta.url));
const logger = makeLogger('silent');

describe('the embedded database', () => {
  let folder: string;
  let template: string;
  let running: Embedded[] = [];
  let clients: pg.Client[] = [];
  let folders = 0;

  before('makes a database to copy', async () => {
    folder = await mkdtemp(join(tmpdir(), 'zgoda-test-'));
    const made = await startEmbedded({ dataDir: join(folder, 'template'), logger });
    const client = await open(made);
    await client.query('create table acknowledged (id int primary key)');
    await client.query('create table parcel (writer int, round int, body text, primary key (writer, round))');
    await client.query('create table step (id serial primary key, label text, transaction text)');
    await client.end();
    await made.stop();
    template = join(folder, 'template', 'db');
  });

  afterEach(async () => {
    // A client whose server was killed has ended already, and with an error.
    await Promise.all(clients.map(async (client) => client.end().catch(() => undefined)));
    await Promise.all(running.map(async (embedded) => embedded.stop()));
    clients = [];
    running = [];
  });

  after(async () => rm(folder, { recursive: true, force: true }));

  describe('through its gate', () => {
    let shared: Embedded;

    before(async () => {
      shared = await startEmbedded({ dataDir: newDataDir(), template, logger });
    });

    after(async () => shared.stop());

    it('gives each of eight connections its own rows back, 300 kB each, for twenty rounds', async () => {
      const writers = await openMany(shared, 8);

      const wrong = await Promise.all(writers.map(async (client, writer) => exchangeParcels(client, writer, 20)));

      expect(wrong.flat()).to.deep.equal([]);
      const { rows } = await writers[0]!.query<{ misplaced: string; all: string }>(
        "select count(*) as all, count(*) filter (where body not like writer || ' ' || round || ' %') as misplaced from parcel",
      );
      expect(rows).to.deep.equal([{ all: '160', misplaced: '0' }]);
    });

    it('never lets the transactions of two clients interleave', async () => {
      const four = await openMany(shared, 4);

      await Promise.all(four.map(async (client, index) => takeSteps(client, `client ${index}`, 10)));

      const { rows } = await four[0]!.query<{ label: string; transaction: string }>(
        'select label, transaction from step order by id',
      );
      const runs = rows.filter((row, at) => row.transaction !== rows[at - 1]?.transaction);
      expect(rows).to.have.length(4 * 10 * 5);
      expect(runs).to.have.length(4 * 10);
      expect(new Set(rows.map(({ label, transaction }) => `${label} ${transaction}`))).to.have.length(4 * 10);
    });

    it('leaves nothing behind of a client that is cut off in a transaction', async () => {
      const [cut, next] = await openMany(shared, 2);
      await cut!.query("set work_mem = '7MB'; prepare left_over as select 1; select pg_advisory_lock(7)");
      await cut!.query('create temp table left_over (id int); begin; insert into acknowledged (id) values (-1)');

      socketOf(cut!).destroy();

      const state = await next!.query<{ memory: string; rows: string; left: string }>(
        `select current_setting('work_mem') as memory, (select count(*) from acknowledged) as rows,
           (select count(*) from pg_prepared_statements) + (select count(*) from pg_class where relname = 'left_over')
           + (select count(*) from pg_locks where locktype = 'advisory') as left`,
      );
      expect(state.rows).to.deep.equal([{ memory: '4MB', rows: '0', left: '0' }]);
    });

    it('leaves nothing behind of a client that is cut off after a Flush, before its Sync', async () => {
      const cut = await greeted(shared);
      const next = await open(shared);
      cut.write(Buffer.concat([parse('insert into acknowledged (id) values (-2)'), BIND, EXECUTE, FLUSH]));
      await readUntil(cut, (text) => text.includes('INSERT 0 1'));

      cut.destroy();

      expect((await next.query('select id from acknowledged')).rows).to.deep.equal([]);
    });

    it('tells errors to the client that made them', async () => {
      const eight = await openMany(shared, 8);

      const errors = await Promise.all(eight.map(async (client, index) => collectForeignErrors(client, index, 20)));

      expect(errors.flat()).to.deep.equal([]);
    });

    it('puts requests together from single bytes, and answers them in order', async () => {
      const socket = await greeted(shared);
      const requests = Buffer.concat([query("select 'first'"), query('select 1/0'), query("select 'third'")]);

      for (const byte of requests) socket.write(Buffer.of(byte));

      const answer = await readUntil(socket, (text) => text.includes('third') && text.endsWith('Z\0\0\0\x05I'));
      expect(answer).to.match(/first.*division by zero.*third/s);
      socket.destroy();
    });

    it('lets the others work while a client has sent half a message', async () => {
      const half = await greeted(shared);
      half.write(query('begin').subarray(0, 8));
      const other = await open(shared);

      const { rows } = await other.query<{ answer: number }>('select 42 as answer');

      expect(rows).to.deep.equal([{ answer: 42 }]);
      half.destroy();
    });

    it('refuses COPY FROM STDIN and goes on', async () => {
      const client = await open(shared);

      const refused = await messageOf(client.query('copy acknowledged from stdin'));

      expect(refused).to.include('does not work on the embedded database');
      expect((await client.query('select 1 as one')).rows).to.deep.equal([{ one: 1 }]);
    });

    it('turns a client away that speaks nonsense, and nobody else', async () => {
      const nonsense = await greeted(shared);
      const other = await open(shared);

      nonsense.write(Buffer.from('~\0\0\0\x04'));

      expect(await readUntil(nonsense, (text) => text.includes('FATAL'))).to.include('08P01');
      expect((await other.query('select 1 as one')).rows).to.deep.equal([{ one: 1 }]);
    });

    it('has its socket in a directory that only its user can enter', async () => {
      const { mode } = await stat(shared.host);

      expect(mode & 0o777).to.equal(0o700);
    });
  });

  describe('in the process of the test', () => {
    let db: PGlite;
    let gate: Gate;
    let host: string;

    before(async () => {
      host = newDataDir();
      await mkdir(host);
      await cp(template, join(host, 'db'), { recursive: true });
      db = await PGlite.create(join(host, 'db'));
      gate = new Gate(db, { idleInTransactionMs: 100, onBroken: (error) => expect.fail(String(error)) });
      await gate.listen(socketPath(host, 5432));
    });

    after(async () => {
      await gate.close();
      await db.close();
    });

    it('rolls a client back that sits in a transaction for too long', async () => {
      const idle = await open({ host, port: 5432 });
      const patient = await open({ host, port: 5432 });
      await idle.query('begin');
      await idle.query('insert into acknowledged (id) values (1)');

      const [[error], { rows }] = await Promise.all([
        once(idle, 'error') as Promise<[pg.DatabaseError]>,
        patient.query<{ count: string }>('select count(*) from acknowledged'),
      ]);

      expect(error.code).to.equal('25P03');
      expect(rows).to.deep.equal([{ count: '0' }]);
    });

    it('writes a checkpoint when the transaction that is open has ended', async () => {
      const client = await open({ host, port: 5432 });
      const lastCheckpoint = async () =>
        (await client.query<{ redo_lsn: string }>('select redo_lsn from pg_control_checkpoint()')).rows;
      await client.query('begin; insert into acknowledged (id) values (2)');
      const before = await lastCheckpoint();

      gate.checkpoint();

      expect(await lastCheckpoint()).to.deep.equal(before);
      await client.query('commit');
      expect(await lastCheckpoint()).not.to.deep.equal(before);
    });
  });

  it('keeps every acknowledged row when its process is killed', async () => {
    const dataDir = newDataDir();
    const first = await start(dataDir);
    const writers = await openMany(first, 4);
    const acknowledged: number[] = [];
    const writing = writers.map(async (client, writer) => {
      for (let id = writer; ; id += writers.length) {
        await client.query('insert into acknowledged (id) values ($1)', [id]);
        acknowledged.push(id);
        if (acknowledged.length === 500) process.kill(readOwner(lockFile(dataDir))!.pid, 'SIGKILL');
      }
    });

    await Promise.allSettled(writing);

    expect(await first.exited).to.equal(null);
    expect(acknowledged.length).to.be.at.least(500);
    expect(await missingFrom(await start(dataDir), acknowledged)).to.deep.equal([]);
  });

  it('keeps every acknowledged row when its owner is killed, and can be owned again at once', async () => {
    const dataDir = newDataDir();
    await (await startEmbedded({ dataDir, template, logger })).stop();
    const owner = spawn(process.execPath, [OWNER, dataDir], { stdio: ['ignore', 'pipe', 'inherit'] });
    const acknowledged: number[] = [];
    for await (const line of createInterface(owner.stdout)) {
      acknowledged.push(Number(line));
      if (acknowledged.length === 300) owner.kill('SIGKILL');
    }

    const again = await start(dataDir);

    expect(acknowledged.length).to.be.at.least(300);
    expect(await missingFrom(again, acknowledged)).to.deep.equal([]);
  });

  it('refuses a second owner, and names the first', async () => {
    const dataDir = newDataDir();
    await start(dataDir);

    const refusal: unknown = await startEmbedded({ dataDir, logger }).catch((error: unknown) => error);

    expect(refusal).to.be.instanceOf(Refusal).with.property('code', 'database-busy');
    expect((refusal as Refusal).message).to.include(`process ${readOwner(lockFile(dataDir))!.pid}`);
    expect((refusal as Refusal).message).to.include('DATA_DIR');
  });

  for (const [whose, pid] of [
    ['a process that has ended', () => spawnSync('true').pid],
    ['an earlier process with the id of one that runs', () => process.pid],
  ] as const) {
    it(`takes over the lock of ${whose}`, async () => {
      const dataDir = newDataDir();
      await mkdir(dataDir);
      const stale = { pid: pid(), startedAt: '1', host: join(dataDir, 'socket'), port: 5432 };
      await writeFile(lockFile(dataDir), JSON.stringify(stale));

      const taken = await start(dataDir);

      expect(await missingFrom(taken, [])).to.deep.equal([]);
      expect(readOwner(lockFile(dataDir))!.pid).not.to.equal(stale.pid);
    });
  }

  it('has one owner when several processes find the same stale lock', async () => {
    const dataDir = newDataDir();
    await mkdir(dataDir);
    const stale = { pid: spawnSync('true').pid, startedAt: '1', host: join(dataDir, 'socket'), port: 5432 };
    await writeFile(lockFile(dataDir), JSON.stringify(stale));

    const starts = await Promise.allSettled([start(dataDir), start(dataDir), start(dataDir)]);

    expect(starts.map(({ status }) => status).sort()).to.deep.equal(['fulfilled', 'rejected', 'rejected']);
  });

  it('closes the socket directory that it finds open', async () => {
    const dataDir = newDataDir();
    await mkdir(join(dataDir, 'socket'), { recursive: true });
    await chmod(join(dataDir, 'socket'), 0o777);

    const { host } = await start(dataDir);

    expect((await stat(host)).mode & 0o777).to.equal(0o700);
  });

  it('works in a folder whose path is too long for a socket', async () => {
    const dataDir = join(newDataDir(), 'long'.repeat(25), 'longer'.repeat(20));
    const embedded = await start(dataDir);

    const found = await embeddedConnection(dataDir);

    expect(dirname(embedded.host)).to.equal(tmpdir());
    expect((await stat(embedded.host)).mode & 0o777).to.equal(0o700);
    expect(found).to.deep.equal({ host: embedded.host, port: embedded.port });
    expect(await missingFrom(found!, [])).to.deep.equal([]);
    await embedded.stop();
    expect(existsSync(embedded.host)).to.equal(false);
  });

  it('is found by another process while it runs, and only then', async () => {
    const dataDir = newDataDir();
    const before = await embeddedConnection(dataDir);
    const embedded = await start(dataDir);

    const found = await embeddedConnection(dataDir);

    await embedded.stop();
    expect(before).to.equal(null);
    expect(found).to.deep.equal({ host: embedded.host, port: embedded.port });
    expect(await embeddedConnection(dataDir)).to.equal(null);
  });

  it('closes on SIGTERM, rolls back what is open and leaves no lock', async () => {
    const dataDir = newDataDir();
    const embedded = await start(dataDir);
    const client = await open(embedded);
    await client.query('insert into acknowledged (id) values (1)');
    await client.query('begin; insert into acknowledged (id) values (2)');

    process.kill(readOwner(lockFile(dataDir))!.pid, 'SIGINT');
    process.kill(readOwner(lockFile(dataDir))!.pid, 'SIGTERM');

    expect(await embedded.exited).to.equal(0);
    expect(await readdir(dataDir)).to.have.members(['db', 'socket']);
    const rows = await (await open(await start(dataDir))).query('select id from acknowledged');
    expect(rows.rows).to.deep.equal([{ id: 1 }]);
  });

  it('begins anew when its first start was cut short', async () => {
    const dataDir = newDataDir();
    await mkdir(join(dataDir, 'db'), { recursive: true });
    await writeFile(join(dataDir, 'db', 'PG_VERSION'), '18');
    await writeFile(join(dataDir, 'db.unfinished'), '');

    const embedded = await start(dataDir);

    expect(await missingFrom(embedded, [])).to.deep.equal([]);
  });

  it('says what is wrong, and what to do, when it cannot be opened', async () => {
    const dataDir = newDataDir();
    await mkdir(join(dataDir, 'db'), { recursive: true });
    await writeFile(join(dataDir, 'db', 'PG_VERSION'), '18');

    const text = await messageOf(startEmbedded({ dataDir, logger }));

    expect(text).to.include(join(dataDir, 'db')).and.to.include('backup');
  });

  it('says that the data folder cannot be used', async () => {
    const file = newDataDir();
    await writeFile(file, '');

    const text = await messageOf(startEmbedded({ dataDir: join(file, 'data'), logger }));

    expect(text).to.include('DATA_DIR');
  });

  function newDataDir(): string {
    return join(folder, String(folders++));
  }

  async function start(dataDir: string): Promise<Embedded> {
    const embedded = await startEmbedded({ dataDir, template, logger });
    running.push(embedded);
    return embedded;
  }

  async function open({ host, port }: EmbeddedAddress): Promise<pg.Client> {
    const client = new pg.Client({ host, port, user: 'postgres', database: 'postgres' });
    clients.push(client);
    // The server's end is part of what is tested; the query that it cuts off tells the test.
    client.on('error', () => undefined);
    await client.connect();
    return client;
  }

  async function openMany(address: EmbeddedAddress, count: number): Promise<pg.Client[]> {
    return Promise.all(Array.from({ length: count }, async () => open(address)));
  }

  async function missingFrom(address: EmbeddedAddress, ids: number[]): Promise<number[]> {
    const client = await open(address);
    const { rows } = await client.query<{ id: number }>('select id from acknowledged');
    const there = new Set(rows.map(({ id }) => id));
    return ids.filter((id) => !there.has(id));
  }
});

async function exchangeParcels(client: pg.Client, writer: number, rounds: number): Promise<string[]> {
  const wrong: string[] = [];
  for (let round = 0; round < rounds; round++) {
    const body = `${writer} ${round} `.padEnd(300_000, String.fromCharCode(97 + writer));
    await client.query('insert into parcel (writer, round, body) values ($1, $2, $3)', [writer, round, body]);
    const { rows } = await client.query<{ body: string; echo: string }>(
      'select body, $3::text as echo from parcel where writer = $1 and round = $2',
      [writer, round, body],
    );
    if (rows.length !== 1 || rows[0]?.body !== body || rows[0].echo !== body) wrong.push(`${writer}/${round}`);
  }
  return wrong;
}

async function takeSteps(client: pg.Client, label: string, transactions: number): Promise<void> {
  for (let transaction = 0; transaction < transactions; transaction++) {
    await client.query('begin');
    for (let step = 0; step < 5; step++) {
      await client.query('insert into step (label, transaction) values ($1, pg_current_xact_id()::text)', [label]);
    }
    await client.query('commit');
  }
}

async function collectForeignErrors(client: pg.Client, index: number, rounds: number): Promise<string[]> {
  const wrong: string[] = [];
  for (let round = 0; round < rounds; round++) {
    const name = `missing_${index}_${round}`;
    const error = await messageOf(client.query(`select * from ${name} where id = $1`, [round]));
    const { rows } = await client.query<{ told: string }>('select $1::text as told', [name]);
    if (!error.includes(`"${name}"`) || rows[0]?.told !== name) wrong.push(error);
  }
  return wrong;
}

async function messageOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'no error',
    (error: unknown) => (error as Error).message,
  );
}

function socketOf(client: pg.Client): Socket {
  return (client as unknown as { connection: { stream: Socket } }).connection.stream;
}

/** A raw connection that has been let in. */
async function greeted({ host, port }: EmbeddedAddress): Promise<Socket> {
  const socket = connect(socketPath(host, port));
  socket.write(Buffer.from('\0\0\0\x17\0\x03\0\0user\0postgres\0\0'));
  await readUntil(socket, (text) => text.endsWith('Z\0\0\0\x05I'));
  return socket;
}

// The unnamed portal, without parameters, all rows.
const BIND = Buffer.from('B\0\0\0\x0c\0\0\0\0\0\0\0\0');
const EXECUTE = Buffer.from('E\0\0\0\x09\0\0\0\0\0');
const FLUSH = Buffer.from('H\0\0\0\x04');

function query(sql: string): Buffer {
  return message('Q', `${sql}\0`);
}

function parse(sql: string): Buffer {
  return message('P', `\0${sql}\0\0\0`);
}

function message(type: string, body: string): Buffer {
  const head = Buffer.from(`${type}\0\0\0\0`);
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, Buffer.from(body)]);
}

async function readUntil(socket: Socket, enough: (text: string) => boolean): Promise<string> {
  let text = '';
  while (!enough(text)) {
    const [chunk] = (await once(socket, 'data')) as [Buffer];
    text += chunk.toString('latin1');
  }
  return text;
}
