import { connect, isIP, type Socket } from 'node:net';
import { connect as connectTls, TLSSocket, type ConnectionOptions } from 'node:tls';
import type { Planned } from './smtp-envelope.js';
import type { SmtpServerAddress } from './smtp-server-url.js';
import { readExtensions, ReplyReader, type Reply } from './smtp-wire.js';

/** How long we wait, in milliseconds. */
export interface SmtpTimeouts {
  readonly connect: number;
  readonly greeting: number;
  readonly answer: number;
  /** For the answer to the final dot. */
  readonly dataEnd: number;
}

/** The session cannot go on. Whoever catches it knows how far the mail had come. */
export class SmtpTrouble extends Error {
  override readonly name = 'SmtpTrouble';

  constructor(
    message: string,
    /** What the server said, when it was the server that said no. */
    readonly reply: Reply | null = null,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** One session with a server, from the greeting to QUIT. Everything that it awaits has a time limit and throws SmtpTrouble. */
export class SmtpConnection {
  extensions = new Map<string, string[]>();
  /** The last transaction was refused half-way: the next one starts with RSET, in the same write. */
  needsReset = false;
  /** The mail whose commands have left behind the last one; their answers are still to come. */
  announced: Planned | null = null;
  #socket: Socket;
  #reader = new ReplyReader();
  #replies: Reply[] = [];
  #trouble: SmtpTrouble | null = null;
  #take: ((reply: Reply) => void) | null = null;
  #abort: ((trouble: SmtpTrouble) => void) | null = null;

  private constructor(
    private readonly server: SmtpServerAddress,
    readonly timeouts: SmtpTimeouts,
  ) {
    const { host, port } = server;
    this.#socket = server.implicitTls ? connectTls({ ...this.#tlsOptions(), port }) : connect({ host, port });
    this.#listen();
  }

  /** Connects, greets, encrypts when offered, logs in when the URL has a login. */
  static async open(server: SmtpServerAddress, name: string, timeouts: SmtpTimeouts): Promise<SmtpConnection> {
    const connection = new SmtpConnection(server, timeouts);
    try {
      await connection.#greet(name);
      return connection;
    } catch (error) {
      connection.end();
      throw error;
    }
  }

  /** False once the session is over, or when the server has said something that nobody asked for (421: it is about to go). */
  get isUsable(): boolean {
    return this.#trouble === null && this.#replies.length === 0 && this.#reader.isClean;
  }

  /** Throws what ended the session, if it has ended. */
  expectAlive(): void {
    if (this.#trouble) throw this.#trouble;
  }

  /** The server, and the version of TLS or `unencrypted`: for evidence. */
  get peer(): string {
    const secured = this.#socket instanceof TLSSocket ? this.#socket.getProtocol() : null;
    return `${this.server.host}:${this.server.port} ${secured ?? 'unencrypted'}`;
  }

  /** Sends bytes without waiting for them to leave. */
  write(chunks: readonly (Buffer | string)[]): void {
    this.#socket.cork();
    for (const chunk of chunks) this.#socket.write(chunk);
    this.#socket.uncork();
  }

  /** Sends bytes and waits until the system has taken them. */
  async flush(chunk: Buffer): Promise<void> {
    await this.#wait<undefined>(this.timeouts.answer, 'progress', (done) =>
      this.#socket.write(chunk, () => done(undefined)),
    );
  }

  /** The next answer. Answers that arrived before the connection was lost are still given. */
  async reply(limit = this.timeouts.answer): Promise<Reply> {
    return (
      this.#replies.shift() ??
      this.#wait<Reply>(limit, 'answer', (done) => {
        this.#take = done;
      })
    );
  }

  /** An answer that has already arrived and that nobody has taken, such as a refusal in the middle of DATA. */
  earlyReply(): Reply | undefined {
    return this.#replies.shift();
  }

  /** Ends the session, politely while that is possible. Does not wait. */
  end(): void {
    if (this.#trouble) return;
    this.#trouble = new SmtpTrouble('The connection is closed.');
    this.#socket.end('QUIT\r\n');
    const patience = setTimeout(() => this.#socket.destroy(), 1_000);
    this.#socket.once('close', () => clearTimeout(patience));
  }

  /** Drops the connection at once: the two sides no longer agree on where they are. */
  drop(message: string, reply: Reply | null = null): SmtpTrouble {
    const trouble = new SmtpTrouble(message, reply);
    this.#fail(trouble);
    return trouble;
  }

  async #greet(name: string): Promise<void> {
    await this.#connected(this.server.implicitTls ? 'secureConnect' : 'connect');
    expect(await this.reply(this.timeouts.greeting), 220);
    await this.#hello(name);
    if (!this.server.implicitTls && this.extensions.has('STARTTLS')) {
      await this.#startTls();
      await this.#hello(name);
    }
    if (this.server.login) await this.#authenticate(this.server.login);
  }

  async #hello(name: string): Promise<void> {
    this.extensions = readExtensions(expect(await this.#ask(`EHLO ${name}`), 250));
  }

  async #startTls(): Promise<void> {
    expect(await this.#ask('STARTTLS'), 220);
    // RFC 3207 6: what came in clear may be an attacker's.
    if (!this.isUsable) throw this.drop('The server spoke in clear after STARTTLS.');
    const plain = this.#socket;
    plain.removeAllListeners('data').removeAllListeners('close');
    this.#socket = connectTls({ ...this.#tlsOptions(), socket: plain });
    this.#listen();
    await this.#connected('secureConnect');
  }

  async #authenticate({ user, password }: { user: string; password: string }): Promise<void> {
    if (!('encrypted' in this.#socket) && !this.server.isLoopback) {
      throw this.drop('The server offers no STARTTLS: the password is not sent in clear.');
    }
    const offered = this.extensions.get('AUTH') ?? [];
    if (offered.includes('PLAIN')) {
      expect(await this.#ask(`AUTH PLAIN ${base64(`\0${user}\0${password}`)}`), 235);
    } else if (offered.includes('LOGIN')) {
      expect(await this.#ask('AUTH LOGIN'), 334);
      expect(await this.#ask(base64(user)), 334);
      expect(await this.#ask(base64(password)), 235);
    } else {
      throw this.drop('The server offers neither AUTH PLAIN nor AUTH LOGIN.');
    }
  }

  async #ask(command: string): Promise<Reply> {
    this.write([`${command}\r\n`]);
    return this.reply();
  }

  #tlsOptions(): ConnectionOptions {
    const { host, isLoopback } = this.server;
    return { host, rejectUnauthorized: !isLoopback, ...(isIP(host) ? {} : { servername: host }) };
  }

  async #connected(event: 'connect' | 'secureConnect'): Promise<void> {
    await this.#wait<undefined>(this.timeouts.connect, 'connection', (done) =>
      this.#socket.once(event, () => done(undefined)),
    );
  }

  #listen(): void {
    this.#socket.setNoDelay(true);
    this.#socket.on('data', (chunk: Buffer) => this.#read(chunk));
    this.#socket.on('error', (error: NodeJS.ErrnoException) =>
      this.#fail(new SmtpTrouble(`Connection failed: ${error.code ?? error.message}`, null, { cause: error })),
    );
    this.#socket.on('close', () => this.#fail(new SmtpTrouble('The server closed the connection.')));
  }

  #read(chunk: Buffer): void {
    try {
      for (const reply of this.#reader.read(chunk)) this.#deliver(reply);
    } catch (error) {
      this.#fail(new SmtpTrouble('The server does not speak SMTP.', null, { cause: error }));
    }
  }

  #deliver(reply: Reply): void {
    const take = this.#take;
    this.#take = null;
    if (take) take(reply);
    else this.#replies.push(reply);
  }

  async #wait<T>(limit: number, what: string, begin: (done: (value: T) => void) => void): Promise<T> {
    if (this.#trouble) throw this.#trouble;
    return new Promise<T>((resolve, reject) => {
      const timer = setTimeout(() => this.drop(`No ${what} within ${limit / 1000} seconds.`), limit);
      this.#abort = (trouble) => {
        clearTimeout(timer);
        reject(trouble);
      };
      begin((value) => {
        clearTimeout(timer);
        this.#abort = null;
        resolve(value);
      });
    });
  }

  #fail(trouble: SmtpTrouble): void {
    if (this.#trouble) return;
    this.#trouble = trouble;
    this.#take = null;
    this.#socket.destroy();
    this.#abort?.(trouble);
    this.#abort = null;
  }
}

function expect(reply: Reply, code: number): Reply {
  if (reply.code !== code) throw new SmtpTrouble('The server refuses the session.', reply);
  return reply;
}

function base64(text: string): string {
  return Buffer.from(text, 'utf8').toString('base64');
}
