import { execFile, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createTransport, type Transporter } from 'nodemailer';
import { addCredential, type NewCredential } from '../../server/gateway/add-credential.js';
import type { Context } from '../../server/context.js';
import type { Tx } from '../../server/database/connect.js';
import { addConfirmed, type Person } from './people.js';
import { startTestService, type TestService } from './service.js';
import { startSink, type Sink, type SinkOptions, type SunkMail } from './sink.js';

/** A whole service behind which a sink takes the mail, and what logs in to its gateway. */
export interface GatewayTest {
  readonly service: TestService;
  readonly sink: Sink;
  readonly port: number;
  readonly tlsPort: number | null;
  login(wanted?: Partial<NewCredential>): Promise<Login>;
  /** Mails that came to an address. */
  mailsTo(address: string): SunkMail[];
  stop(): Promise<void>;
}

export interface Login {
  readonly id: string;
  readonly user: string;
  readonly pass: string;
}

const OWNER = { who: 'operator', isOwner: true } as const;

export async function startGatewayTest(
  settings: Readonly<Record<string, string>> = {},
  options: SinkOptions = {},
): Promise<GatewayTest> {
  const sink = await startSink(options);
  const service = await startTestService({ settings: { SMTP_URL: sink.url, ...settings } });
  const { gateway } = service.service;
  return {
    ...{ service, sink, port: gateway?.port ?? 0, tlsPort: gateway?.tlsPort ?? null },
    login: async (wanted = {}) => {
      const lists = wanted.isTransactional ? [] : ['news'];
      const { id, userName, password } = await addCredential(service.ctx, { lists, by: OWNER, ...wanted });
      return { id, user: userName, pass: password };
    },
    mailsTo: (address) => sink.mails.filter(({ to }) => to.toLowerCase() === address.toLowerCase()),
    stop: async () => {
      await service.stop();
      await sink.stop();
    },
  };
}

/** People who confirmed, while a worker runs: in one transaction, so that it finds nothing to be decided. */
export async function addReaders(ctx: Context, addresses: readonly string[], list = 'news'): Promise<Person[]> {
  return ctx.db.transaction(async (tx) => {
    const inside = {
      ...ctx,
      db: { ...ctx.db, ...tx, transaction: async <T>(work: (on: Tx) => Promise<T>) => work(tx) },
    };
    const people: Person[] = [];
    for (const address of addresses) people.push(await addConfirmed(inside, address, list));
    return people;
  });
}

/** nodemailer as a client of the gateway. */
export function mailer(port: number, { user, pass }: Login, more: Readonly<Record<string, unknown>> = {}): Transporter {
  return createTransport({ host: '127.0.0.1', port, ignoreTLS: true, auth: { user, pass }, ...more });
}

/** A mail as a program would hand it in. */
export function letter(more = ''): string {
  return `From: "Wisła Bookshop" <letters@bookshop.example>\r\nTo: readers@bookshop.example\r\nSubject: New books\r\n${more}MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nDear reader,\r\nnew books came.\r\n`;
}

/** An answer of the server: its code, and all its lines. */
export interface Said {
  readonly code: number;
  readonly text: string;
}

/** A connection on which every byte is ours. */
export interface Talk {
  readonly socket: Socket;
  /** Sends a line and waits for the answer. */
  say(line: string): Promise<Said>;
  /** Sends bytes and waits for nothing. */
  write(bytes: string | Buffer): void;
  /** The next answer. Throws when the connection ends before. */
  hear(): Promise<Said>;
  /** AUTH PLAIN. */
  login(login: Login): Promise<Said>;
  cut(): void;
}

/** Connects, hears the greeting, and says EHLO. */
export async function talkTo(port: number): Promise<Talk> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  let text = '';
  let isOver = false;
  const wake: (() => void)[] = [];
  const tell = (): void => wake.splice(0).forEach((one) => one());
  socket.on('data', (more: Buffer) => {
    text += more.toString();
    tell();
  });
  socket.on('close', () => {
    isOver = true;
    tell();
  });
  const hear = async (): Promise<Said> => {
    for (;;) {
      const found = /^(?:\d{3}-[^\r\n]*\r\n)*(\d{3})(?: [^\r\n]*)?\r\n/.exec(text);
      if (found) {
        text = text.slice(found[0].length);
        return { code: Number(found[1]), text: found[0] };
      }
      if (isOver) throw new Error('the connection is over');
      await new Promise<void>((resolve) => wake.push(resolve));
    }
  };
  const talk: Talk = {
    ...{ socket, hear },
    say: async (line) => {
      socket.write(`${line}\r\n`);
      return hear();
    },
    write: (bytes) => void socket.write(bytes),
    login: async ({ user, pass }) => talk.say(`AUTH PLAIN ${Buffer.from(`\0${user}\0${pass}`).toString('base64')}`),
    cut: () => socket.destroy(),
  };
  await once(socket, 'connect');
  await hear();
  await talk.say('EHLO client.example');
  return talk;
}

/** Logs in and names sender and recipients; returns the answers to the latter. */
export async function envelope(talk: Talk, to: readonly string[], from = 'crm@bookshop.example'): Promise<Said[]> {
  await talk.say(`MAIL FROM:<${from}>`);
  const said: Said[] = [];
  for (const one of to) said.push(await talk.say(`RCPT TO:<${one}>`));
  return said;
}

/** DATA and a mail, to its last dot. */
export async function hand(talk: Talk, mail: string): Promise<Said> {
  const ready = await talk.say('DATA');
  if (ready.code !== 354) return ready;
  return talk.say(`${mail.replace(/^\./gm, '..')}.`);
}

/** A certificate for this machine, made by openssl. */
export async function makeCertificate(): Promise<{ cert: string; key: string; drop: () => Promise<void> }> {
  const dir = await mkdtemp(join(tmpdir(), 'zgoda-tls-'));
  const [cert, key] = [join(dir, 'cert.pem'), join(dir, 'key.pem')];
  await promisify(execFile)('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'],
    ...['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1', '-keyout', key, '-out', cert],
  ]);
  return { cert, key, drop: async () => rm(dir, { recursive: true, force: true }) };
}

/** A test that needs a program: skipped with a notice where there is none. */
export function itWith(program: string, title: string, test: () => Promise<void>): void {
  const isThere = spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;
  if (!isThere) console.warn(`      skipped, no ${program}: ${title}`);
  (isThere ? it : it.skip)(title, test);
}
