import { expect } from 'chai';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { Agent, get as httpGet, type IncomingMessage } from 'node:http';
import { connect as connectTo, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createTransport } from 'nodemailer';
import { ROOT } from '../../server/config.js';
import { sealOrganisation } from '../../server/consent/read-catalogue.js';
import type { Context } from '../../server/context.js';
import { connect } from '../../server/database/connect.js';
import { createKeysFile } from '../../server/keys/keys-file.js';
import { DEMO } from '../../server/tour/demo.js';
import { administer, TEST_DATABASE_URL } from '../support/database.js';
import { addMany } from '../support/people.js';
import { freePort, MAIN, mailsTo, mailTo, makeHome, run, untilReady, type Home } from '../support/process.js';
import { eventually } from '../support/service.js';
import { startSink, type Sink, type SunkMail } from '../support/sink.js';
import { linkIn, pressConfirm, signUp } from '../support/story.js';
import { get, headingOf } from '../support/web.js';

const onPostgres = TEST_DATABASE_URL ? it : it.skip;
const onEmbedded = TEST_DATABASE_URL ? it.skip : it;

describe('starting and stopping', function () {
  this.timeout(90_000);
  const homes: Home[] = [];
  const closers: (() => Promise<unknown>)[] = [];

  const home = async (settings: Record<string, string> = {}): Promise<Home> => {
    const made = await makeHome(settings);
    homes.push(made);
    return made;
  };
  const sink = async (...options: Parameters<typeof startSink>): Promise<Sink> => {
    const made = await startSink(...options);
    closers.push(async () => made.stop());
    return made;
  };

  afterEach(async () => {
    for (const made of homes.splice(0)) await made.drop();
    for (const close of closers.splice(0)) await close();
  });

  describe('settings', () => {
    it('names all mistakes at once on standard error, and exits 1', async () => {
      const mistaken = run(MAIN, [], {
        PORT: 'many',
        SMTP_URL: 'ftp://a',
        ROLE: 'cook',
        SEND_WINDOW: '0',
        LOG_LEVEL: 'x',
      });

      expect(await mistaken.exited).to.equal(1);

      for (const name of ['PORT', 'SMTP_URL', 'ROLE', 'SEND_WINDOW', 'LOG_LEVEL'])
        expect(mistaken.err()).to.match(new RegExp(`^  - ${name} `, 'm'));
      expect(mistaken.out()).to.equal('');
      expect(mistaken.err()).to.not.match(/^ +at /m);
    });

    it('wants a mail server, an address, a database and a keys file in production, beside all other mistakes', async () => {
      const bare = run(MAIN, [], { NODE_ENV: 'production', PORT: 'many' });

      expect(await bare.exited).to.equal(1);

      for (const name of ['SMTP_URL', 'PUBLIC_URL', 'DATABASE_URL', 'KEYS_FILE']) expect(bare.err()).to.contain(name);
      expect(bare.err()).to.contain('PORT');
    });

    it('refuses to split roles on the embedded database', async () => {
      const split = run(MAIN, [], { ROLE: 'web' });

      expect(await split.exited).to.equal(1);
      expect(split.err()).to.contain('DATABASE_URL');
    });

    it('says which database does not answer, and why, but not its password', async () => {
      const port = await freePort();
      const lost = run(MAIN, [], {
        DATABASE_URL: `postgres://zgoda:secret@127.0.0.1:${port}/zgoda`,
        DATA_DIR: tmpdir(),
      });

      expect(await lost.exited).to.equal(1);
      expect(lost.err()).to.contain(`127.0.0.1:${port}`).and.to.contain('ECONNREFUSED');
      expect(lost.err()).to.not.contain('secret');
    });

    it('says which port is taken', async () => {
      const taken = createServer().listen(0, '127.0.0.1');
      await once(taken, 'listening');
      closers.push(async () => new Promise((resolve) => taken.close(resolve)));
      const { port } = taken.address() as { port: number };
      const here = await home({ PORT: String(port) });
      const there = await home({ INBOUND_PORT: String(port) });

      const [web, inbound] = [here.launch(), there.launch()];

      expect(await web.exited).to.equal(1);
      expect(web.err()).to.contain(`Port ${port} is taken. Set PORT to a free one.`);
      expect(await inbound.exited).to.equal(1);
      expect(inbound.err()).to.contain(`INBOUND_PORT ${port}`);
    });
  });

  describe('keys', () => {
    it('refuses a foreign keys file for a database with data, and writes nothing', async () => {
      const here = await home();
      await (await here.start()).stop();
      await rename(here.keysFile, `${here.keysFile}.right`);
      await createKeysFile(here.keysFile, new Date());
      const right = { KEYS_FILE: `${here.keysFile}.right` };
      const before = await here.look(dump, right);

      const wrong = here.launch();

      expect(await wrong.exited).to.equal(1);
      expect(wrong.err()).to.contain(here.keysFile).and.to.contain('do not belong to this database');
      expect(await here.look(dump, right)).to.deep.equal(before);
    });

    it('refuses a database with data without its keys file, and makes none', async () => {
      const here = await home();
      await (await here.start()).stop();
      await rm(here.keysFile);

      const keyless = here.launch();

      expect(await keyless.exited).to.equal(1);
      expect(keyless.err()).to.contain('there is no keys file').and.to.contain(here.keysFile);
      expect(existsSync(here.keysFile)).to.equal(false);
    });

    onPostgres('makes no keys in production, not even for an empty database', async () => {
      const here = await home({ ...PRODUCTION, SMTP_URL: (await sink()).url });

      const first = here.launch();

      expect(await first.exited).to.equal(1);
      expect(first.err()).to.contain('npx zgoda keys create');
      expect(existsSync(here.keysFile)).to.equal(false);
      expect((await here.zgoda(['keys', 'create'])).code).to.equal(0);
      const service = await here.start();
      expect((await service.stop()).code).to.equal(0);
    });
  });

  onPostgres('lets ten processes start together on one fresh database, as a role with few connections', async () => {
    const here = await home();
    const owner = await ownedByNobodySpecial(here);
    closers.push(async () => owner.drop());
    const ports = await Promise.all(Array.from({ length: 10 }, freePort));

    const ten = ports.map((port) => here.launch({ PORT: String(port), DATABASE_URL: owner.url }));
    const ready = await Promise.all(ten.map(async (one) => untilReady(one)));

    expect(new Set(await Promise.all(ready.map(async ({ base }) => text(`${base}/log/vkey`)))).size).to.equal(1);
    const counts = await here.look(async ({ db }) =>
      db.query(
        'select (select count(*)::int from migration) as migrations, (select count(*)::int from organisation) as demos',
      ),
    );
    expect(counts).to.deep.equal([{ migrations: await countMigrations(), demos: 1 }]);
    expect(await readdir(join(here.keysFile, '..'))).to.deep.equal(['data', 'keys.json']);
    await Promise.all(ten.map(async (one) => one.kill()));
  }).timeout(180_000);

  onEmbedded('refuses a second service on the same data folder, and says whose it is', async () => {
    const here = await home();
    const first = await here.start();

    const second = here.launch({ PORT: '0' });

    expect(await second.exited).to.equal(1);
    expect(second.err()).to.match(/belongs to process \d+, which is running.*DATA_DIR/);
    expect((await get(`${first.base}/readyz`)).status).to.equal(200);
  });

  it('tells that it lives and what it is ready for', async () => {
    const service = await (await home()).start();

    const alive = await get(`${service.base}/healthz`);
    const ready = await get(`${service.base}/readyz`);

    expect(JSON.parse(alive.text)).to.deep.equal({ status: 'ok' });
    expect(JSON.parse(ready.text)).to.include({
      ...{ status: 'ready', database: true, keys: true, disk: true, sender: true, embedded: !TEST_DATABASE_URL },
    });
    if (!TEST_DATABASE_URL) expect(ready.text).to.contain('for trying out');
  });

  describe('at SIGTERM', () => {
    it('finishes the mails in flight, takes no new ones, and exits 0 within ten seconds', async () => {
      const slow = await sink({ onMail: async () => sleep(1500) });
      const here = await home({ SMTP_URL: slow.url, SEND_WINDOW: '5' });
      await here.start().then(async (service) => service.stop());
      await here.look(async (ctx) => addMany(ctx, 40));
      const service = await here.start();
      const campaign = await sendCampaign(here);
      await eventually(async () => Promise.resolve(expect(slow.begun()).to.be.at.least(4)));

      const ended = await service.stop();

      expect(ended.code, service.err()).to.equal(0);
      expect(ended.ms).to.be.below(10_000);
      expect(slow.mails).to.have.length(slow.begun());
      expect(slow.mails.length).to.be.below(40);
      expect(await outcomes(here, campaign)).to.deep.equal({ queued: 40 - slow.mails.length, sent: slow.mails.length });
    });

    it('does not wait for an open keep-alive connection, nor for a stream that never ends', async () => {
      const service = await (await home()).start();
      const agent = new Agent({ keepAlive: true, maxSockets: 2 });
      closers.push(async () => {
        agent.destroy();
        return Promise.resolve();
      });
      await open(`${service.base}/healthz`, agent);
      // An answer that is never read to its end holds a connection as an event stream does.
      const half = await halfRequest(new URL(service.base));
      closers.push(async () => Promise.resolve(half.destroy()));

      const ended = await service.stop();

      expect(ended.code, service.err()).to.equal(0);
      expect(ended.ms).to.be.below(10_000);
    });

    it('ends a process that is still starting', async () => {
      const starting = (await home()).launch();
      await sleep(400);

      const { code, ms } = await starting.stop();

      expect([0, null]).to.include(code);
      expect(ms).to.be.below(10_000);
    });
  });

  onPostgres('splits into a web, a worker and a gateway process', async () => {
    const mails = await sink();
    const here = await home({ SMTP_URL: mails.url });
    const web = await here.start({ ROLE: 'web' });
    await here.start({ ROLE: 'worker' });
    const gateway = await here.start({ ROLE: 'gateway' });
    await here.look(async ({ db, keyring }) => {
      await db.query(`update organisation set inbound_domain = 'in.example.org'`);
      await sealOrganisation(db, keyring, DEMO.organisation.slug);
    });

    expect((await signUp(web, 'ada@example.org')).status).to.equal(200);
    const asked = await eventually(async () => Promise.resolve(mailFor(mails, 'ada@example.org')));
    const link = linkIn({ id: '', raw: asked.raw, parsed: await mails.parsed(asked) }, 'c');
    const confirmed = await pressConfirm(link);
    expect(headingOf(confirmed)).to.contain('Confirmed');

    // The catalogue is read anew every five seconds.
    await sleep(5_500);
    await sendCampaign(here);
    const letter = await eventually(async () => Promise.resolve(mailFor(mails, 'ada@example.org', 2)), 20_000);
    const mailto = /<mailto:(u\+[a-z2-7]+@in\.example\.org)/.exec(letter.raw.toString().replace(/\r\n\s/g, ''))?.[1];
    expect(mailto, 'a mailto address in List-Unsubscribe').to.not.equal(undefined);
    await sendMail(gateway.inboundPort ?? 0, mailto ?? '');

    expect(await stateOf(here)).to.deep.equal(['withdrawn']);
  });

  onPostgres('answers 503 with Retry-After while the database is away, and recovers by itself', async () => {
    const proxy = await startProxy(new URL(TEST_DATABASE_URL ?? ''));
    closers.push(async () => proxy.stop());
    const plain = await home();
    const url = new URL(plain.settings['DATABASE_URL'] ?? '');
    const service = await plain.start({
      DATABASE_URL: `postgres://${url.username}@127.0.0.1:${proxy.port}${url.pathname}`,
    });
    await signUp(service, 'ada@example.org');
    const link = linkIn(await mailTo(service, 'ada@example.org'), 'c');

    proxy.cut();
    const confirming = await eventually(async () => {
      const page = await get(link);
      expect(page.status).to.equal(503);
      return page;
    });
    const ready = await get(`${service.base}/readyz`);
    const alive = await get(`${service.base}/healthz`);
    const asJson = await fetch(link, { headers: { accept: 'application/json' } });

    expect(Number(confirming.headers.get('retry-after'))).to.be.within(1, 60);
    expect(confirming.text).to.contain('othing was changed');
    expect(ready.status).to.equal(503);
    expect(JSON.parse(ready.text)).to.include({ status: 'not ready', database: false });
    expect(alive.status).to.equal(200);
    expect(asJson.status).to.equal(503);
    expect(asJson.headers.get('content-type')).to.contain('application/problem+json');

    await proxy.mend();
    await eventually(async () => expect((await get(`${service.base}/readyz`)).status).to.equal(200));
    expect(headingOf(await pressConfirm(link))).to.contain('Confirmed');
    await signUp(service, 'boris@example.org');
    expect(linkIn(await mailTo(service, 'boris@example.org'), 'c')).to.contain('/c/');
    await service.stop();
  });

  onEmbedded(
    'ends when its database is killed under it, and goes on where it was when it is started again',
    async () => {
      const here = await home();
      const service = await here.start();
      await signUp(service, 'ada@example.org');
      const link = linkIn(await mailTo(service, 'ada@example.org'), 'c');
      const { pid } = JSON.parse(await readFile(join(here.dataDir, 'db.lock'), 'utf8')) as { pid: number };

      process.kill(pid, 'SIGKILL');

      // It cannot save anything any more: whatever starts it again helps, pretending would not.
      expect(await service.exited).to.equal(1);
      expect(service.out()).to.contain('the embedded database has ended');
      await here.start();
      expect(headingOf(await pressConfirm(link))).to.contain('Confirmed');
    },
  );

  it('keeps mail while the mail server is away, and sends it within seconds of its return', async () => {
    const first = await startSink();
    const here = await home({ SMTP_URL: first.url });
    const service = await here.start();
    await first.stop();
    const people = Array.from({ length: 8 }, (_, i) => `ada${i}@example.org`);
    for (const address of people) expect((await signUp(service, address)).status).to.equal(200);
    await eventually(async () => {
      const state = JSON.parse((await get(`${service.base}/readyz`)).text) as {
        sender: boolean;
        status: string;
        noMailSince: string | null;
      };
      expect(state).to.include({ sender: false, status: 'ready' });
      expect(Date.parse(state.noMailSince ?? ''), 'since when').to.be.closeTo(Date.now(), 30_000);
    });
    expect((await get(`${service.base}/metrics`)).text).to.match(/^zgoda_outage_seconds [1-9]/m);
    // Long enough for the pauses between tries to grow.
    await sleep(6_000);

    const back = await sink({ port: first.port });

    await eventually(async () => Promise.resolve(expect(addresses(back)).to.deep.equal([...people].sort())), 12_000);
    expect((await get(`${service.base}/metrics`)).text).to.match(/^zgoda_outage_seconds 0$/m);
    expect((await here.look(async ({ db }) => db.query(`select 1 from delivery where attempts > 1`))).length).to.equal(
      0,
    );
    expect((await service.stop()).code).to.equal(0);
  });

  onEmbedded('makes its database, its keys and the demo at the first start of all', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'zgoda-first-'));
    closers.push(async () => rm(folder, { recursive: true, force: true }));
    const service = await untilReady(
      run(MAIN, [], { PORT: '0', INBOUND_PORT: '0', DATA_DIR: join(folder, 'data'), LOG_LEVEL: 'warn' }),
    );

    expect((await get(`${service.base}/lists/news`)).status).to.equal(200);
    expect(await mailsTo(service, 'nobody@example.org')).to.deep.equal([]);
    expect(service.out()).to.contain('embedded: for trying out').and.to.contain(`${service.base}/mailbox`);
    expect(JSON.parse(await readFile(join(folder, 'data-keys.json'), 'utf8'))).to.include({ format: 'zgoda-keys/v1' });
    expect((await service.stop()).code).to.equal(0);
  });
});

const PRODUCTION = {
  NODE_ENV: 'production',
  PUBLIC_URL: 'https://consent.example.org',
  HOST: '127.0.0.1',
  ABUSE_LIMITS: 'on',
};

async function text(url: string): Promise<string> {
  return (await fetch(url)).text();
}

/** A number for everything that a database holds, table by table. */
async function dump({ db }: Context): Promise<Record<string, string>> {
  const tables = await db.query<{ name: string }>(
    `select relname as name from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace order by 1`,
  );
  const digests: Record<string, string> = {};
  for (const { name } of tables) {
    const [row] = await db.query<{ digest: string | null }>(
      `select md5(string_agg(t::text, ' ' order by t::text)) as digest from "${name}" t`,
    );
    digests[name] = row?.digest ?? '';
  }
  return digests;
}

/** Makes the database as `create database` leaves it, for a role that may do nothing else and has half of the connections that they would like. */
async function ownedByNobodySpecial(here: Home): Promise<{ url: string; drop(): Promise<void> }> {
  const url = new URL(here.settings['DATABASE_URL'] ?? '');
  const [role, database] = [`zgoda_role_${process.pid}`, url.pathname.slice(1)];
  const db = await connect({ url: url.href }, 1);
  await db.query(`create role ${role} login connection limit 50`);
  await db.query('drop schema public cascade');
  await db.query(`create schema public authorization ${role}`);
  await db.query(`alter database ${database} owner to ${role}`);
  await db.close();
  url.username = role;
  return { url: url.href, drop: async () => administer(TEST_DATABASE_URL ?? '', `drop role ${role}`) };
}

async function countMigrations(): Promise<number> {
  return (await readdir(join(ROOT, 'entities/migrations'))).length;
}

async function sendCampaign(here: Home): Promise<string> {
  const file = join(here.dataDir, 'letter.html');
  await writeFile(file, '<html><head><title>Hello</title></head><body><p>Hello</p></body></html>');
  const sent = await here.zgoda(['campaign', 'send', file, '--list', 'news', '--json']);
  expect(sent.code, sent.err).to.equal(0);
  return (JSON.parse(sent.out) as { campaign: string }).campaign;
}

async function outcomes(here: Home, campaign: string): Promise<Record<string, number>> {
  const rows = await here.look(async ({ db }) =>
    db.query<{ state: string; n: number }>(
      'select state, count(*)::int as n from delivery where message_id = $1 group by 1',
      [campaign],
    ),
  );
  return Object.fromEntries(rows.map(({ state, n }) => [state, n]));
}

async function stateOf(here: Home): Promise<string[]> {
  const rows = await here.look(async ({ db }) => db.query<{ state: string }>('select state from consent'));
  return rows.map(({ state }) => state);
}

function mailFor(sink: Sink, address: string, count = 1): SunkMail {
  const found = sink.mails.filter((mail) => mail.to === address);
  const last = found.at(-1);
  if (!last || found.length < count) throw new Error(`${found.length} mails to ${address}`);
  return last;
}

function addresses(sink: Sink): string[] {
  return sink.mails.map((mail) => mail.to).sort();
}

async function sendMail(port: number, to: string): Promise<void> {
  const transport = createTransport({ host: '127.0.0.1', port, secure: false, ignoreTLS: true });
  await transport.sendMail({ from: 'ada@example.org', to, subject: 'unsubscribe', text: 'unsubscribe' });
  transport.close();
}

async function open(url: string, agent: Agent): Promise<void> {
  const answer = await new Promise<IncomingMessage>((resolve, reject) =>
    httpGet(url, { agent }, resolve).on('error', reject),
  );
  answer.resume();
  await once(answer, 'end');
}

async function halfRequest(url: URL): Promise<Socket> {
  const socket = connectTo(Number(url.port), url.hostname);
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  socket.write('POST /lists/news HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nemail=');
  await sleep(200);
  return socket;
}

interface Proxy {
  readonly port: number;
  /** Breaks every connection and takes no new ones. */
  cut(): void;
  mend(): Promise<void>;
  stop(): Promise<void>;
}

/** A TCP proxy in front of the database. */
async function startProxy(target: URL): Promise<Proxy> {
  const sockets = new Set<Socket>();
  let server: Server;
  const listen = async (port: number): Promise<number> => {
    server = createServer((from) => {
      const to = connectTo(Number(target.port || 5432), target.hostname);
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
    }).listen(port, '127.0.0.1');
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  };
  const port = await listen(0);
  const cut = (): void => {
    server.close();
    sockets.forEach((socket) => socket.destroy());
  };
  return {
    port,
    cut,
    mend: async () => {
      await listen(port);
    },
    stop: async () => {
      cut();
      return Promise.resolve();
    },
  };
}
