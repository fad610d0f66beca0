import { createServer, type Server, type Socket } from 'node:net';
import type { PGlite } from '@electric-sql/pglite';

/** What the gate needs besides the database. */
export interface GateOptions {
  /** How long a client may sit in an open transaction without a complete message, in milliseconds. */
  readonly idleInTransactionMs?: number;
  /** The one session can no longer be trusted: the process must end, and a new one recovers from the write-ahead log. */
  readonly onBroken: (error: unknown) => void;
}

const LARGEST_REQUEST = 64 * 1024 * 1024;
const LARGEST_STARTUP = 10_000;
const IDLE_IN_TRANSACTION_MS = 30_000;
const TOO_LARGE = 'the request is larger than the embedded database takes (64 MB)';
const TOO_LONG_IDLE =
  'the transaction was idle for too long and was rolled back: the embedded database has one session';

const PROTOCOL_3_0 = 196608;
const CANCEL_REQUEST = 80877102;
const ENCRYPTION_REQUESTS = [80877103, 80877104];

// PGlite ends its process when it runs out of bytes inside COPY FROM STDIN. A CopyFail that is already there turns that into an error of
// the one statement; outside COPY the protocol has it ignored.
const COPY_FAIL = message('f', 'COPY FROM STDIN does not work on the embedded database');

// The first may be skipped after an error before Sync, the second may find nothing to roll back; a Sync alone would commit.
const ROLLBACK = Buffer.concat([message('Q', 'rollback'), message('S'), message('Q', 'rollback')]);
const DISCARD_ALL = message('Q', 'discard all');
const CHECKPOINT = message('Q', 'checkpoint');

/**
 * Lets many clients of the PostgreSQL protocol share the one session of a PGlite. A client gets the session when a request of its own is
 * complete (up to Query or Sync) and keeps it until ReadyForQuery says idle. Whoever comes next starts with `discard all`: no setting,
 * lock, temporary table or prepared statement passes from one client to another, and none survives between two transactions.
 */
export class Gate {
  readonly server: Server;
  /** What a new client is told: come in, the parameters, ready. */
  greeting: Buffer = Buffer.alloc(0);
  readonly #db: PGlite;
  readonly #options: GateOptions;
  readonly #clients = new Set<Client>();
  #waiting: Client[] = [];
  #holder: Client | null = null;
  #last: Client | null = null;
  #idleTimer: NodeJS.Timeout | undefined;
  #checkpointDue = false;
  #running = false;
  #work: Promise<void> = Promise.resolve();

  constructor(db: PGlite, options: GateOptions) {
    this.#db = db;
    this.#options = options;
    this.server = createServer((socket) => this.#clients.add(new Client(socket, this)));
  }

  /** Opens the gate on a socket path. Its directory must already be closed to other users. */
  async listen(path: string): Promise<void> {
    // Every client is greeted with what PGlite says to the first one; the key in it is of no use, there is nothing to cancel.
    this.greeting = await this.#execute(startupMessage());
    await new Promise<void>((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen(path, resolve);
    });
  }

  /** Disconnects everybody, rolls back what was open, and leaves the session idle. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()));
    for (const client of this.#clients) {
      client.leave();
      client.socket.destroy();
    }
    await closed;
    await this.#work;
  }

  /** Writes a checkpoint as soon as the session is idle. PGlite has no checkpointer: without this its log grows for ever. */
  checkpoint(): void {
    this.#checkpointDue = true;
    this.#wake();
  }

  /** A client has a complete request. */
  queue(client: Client): void {
    if (client !== this.#holder && !this.#waiting.includes(client)) this.#waiting.push(client);
    this.#wake();
  }

  /** A client has left: what it had open must not reach the next one. */
  leave(client: Client): void {
    if (client.socket.destroyed) this.#clients.delete(client);
    this.#waiting = this.#waiting.filter((other) => other !== client);
    this.#wake();
  }

  #wake(): void {
    if (this.#running) return;
    this.#running = true;
    this.#work = this.#serveAll().catch((error: unknown) => this.#options.onBroken(error));
  }

  async #serveAll(): Promise<void> {
    for (let turn = this.#nextTurn(); turn; turn = this.#nextTurn()) await turn();
    // In the same tick as the decision that nothing is left: a wake in between would be lost.
    this.#running = false;
  }

  #nextTurn(): (() => Promise<void>) | null {
    if (this.#holder?.gone) return async () => this.#rollBack();
    if (!this.#holder && this.#checkpointDue) return async () => this.#writeCheckpoint();
    const client = this.#holder ?? this.#waiting.shift();
    const request = client?.requests.shift();
    return client && request ? async () => this.#serve(client, request) : null;
  }

  async #serve(client: Client, request: Request): Promise<void> {
    clearTimeout(this.#idleTimer);
    if (client !== this.#last) await this.#execute(DISCARD_ALL);
    this.#last = client;

    const reply = await this.#execute(request.bytes);

    // After a Flush the transaction goes on, whatever the last bytes look like.
    const state = request.flush ? 'T' : readyState(reply);
    client.send(reply);
    this.#holder = state === 'I' ? null : client;
    if (this.#holder) this.#idleTimer = setTimeout(() => client.refuse('25P03', TOO_LONG_IDLE), this.#idleLimit);
    else if (client.requests.length > 0) this.#waiting.push(client);
  }

  async #rollBack(): Promise<void> {
    clearTimeout(this.#idleTimer);
    const state = readyState(await this.#execute(ROLLBACK));
    if (state !== 'I') throw new Error(`the session is in state ${state} after a rollback`);
    this.#holder = null;
  }

  async #writeCheckpoint(): Promise<void> {
    this.#checkpointDue = false;
    await this.#execute(CHECKPOINT);
  }

  async #execute(bytes: Buffer): Promise<Buffer> {
    const reply: Buffer[] = [];
    // The view lies in memory that is used again: copy. PGlite's other calls keep every message that they ever parsed.
    await this.#db.execProtocolRawStream(bytes, { onRawData: (view) => reply.push(Buffer.from(view)) });
    return Buffer.concat(reply);
  }

  get #idleLimit(): number {
    return this.#options.idleInTransactionMs ?? IDLE_IN_TRANSACTION_MS;
  }
}

/** All that must run in one go: messages up to Query, FunctionCall, Sync or Flush. */
interface Request {
  readonly bytes: Buffer;
  readonly flush: boolean;
}

/** One connection: collects bytes until a request is complete, and only then asks the gate for the session. */
class Client {
  readonly requests: Request[] = [];
  gone = false;
  readonly #gate: Gate;
  readonly #frames = new Frames();
  #messages: Buffer[] = [];
  #bytes = 0;

  constructor(
    readonly socket: Socket,
    gate: Gate,
  ) {
    this.#gate = gate;
    socket.on('data', (chunk) => this.#receive(chunk));
    socket.on('drain', () => socket.resume());
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.leave());
  }

  /** Sends an answer. A client that does not read its answers is not read either. */
  send(bytes: Buffer): void {
    if (this.socket.writable && !this.socket.write(bytes)) this.socket.pause();
  }

  /** Ends the connection with an error that says why. */
  refuse(code: string, text: string): void {
    this.send(message('E', 'SFATAL', 'VFATAL', `C${code}`, `M${text}`, ''));
    this.leave();
  }

  /** Ends the connection. From here on none of its requests is run. */
  leave(): void {
    this.gone = true;
    this.socket.destroySoon();
    this.#gate.leave(this);
  }

  #receive(chunk: Buffer): void {
    try {
      for (const frame of this.#frames.push(chunk)) {
        if (this.gone) return;
        if (this.#frames.typed) this.#take(frame);
        else this.#start(frame);
      }
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      this.refuse('08P01', error.message);
    }
  }

  #start(frame: Buffer): void {
    const code = frame.readInt32BE(4);
    if (ENCRYPTION_REQUESTS.includes(code)) this.send(Buffer.from('N'));
    else if (code === CANCEL_REQUEST) this.leave();
    else if (code >> 16 !== PROTOCOL_3_0 >> 16) this.refuse('0A000', 'the embedded database speaks protocol 3');
    else {
      if (code > PROTOCOL_3_0) this.send(message('v', int32(PROTOCOL_3_0), int32(0)));
      this.#frames.typed = true;
      this.send(this.#gate.greeting);
    }
  }

  #take(frame: Buffer): void {
    const type = String.fromCharCode(frame[0] ?? 0);
    if (type === 'X') this.leave();
    else if ('PBDEC'.includes(type)) this.#add(frame);
    else if ('QF'.includes(type)) this.#complete(frame, COPY_FAIL);
    else if ('SH'.includes(type)) this.#complete(COPY_FAIL, frame);
    // d, c, f: the rest of a COPY that was already answered with an error. All else ends PGlite's process.
    else if (!'dcf'.includes(type)) this.refuse('08P01', `message type ${JSON.stringify(type)} is not known here`);
  }

  #add(...messages: Buffer[]): void {
    this.#messages.push(...messages);
    this.#bytes = messages.reduce((sum, { length }) => sum + length, this.#bytes);
    if (this.#bytes > LARGEST_REQUEST) throw new RangeError(TOO_LARGE);
  }

  #complete(...messages: Buffer[]): void {
    this.#add(...messages);
    this.requests.push({ bytes: Buffer.concat(this.#messages), flush: messages.at(-1)?.[0] === 0x48 });
    this.#messages = [];
    this.#bytes = 0;
    this.#gate.queue(this);
  }
}

/** Cuts a stream of bytes into protocol messages. The first ones have no type byte. */
class Frames {
  typed = false;
  #chunks: Buffer[] = [];
  #bytes = 0;
  #needed = 8;

  /** The messages that this chunk completes. Throws RangeError when a length cannot be true. */
  *push(chunk: Buffer): Generator<Buffer> {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    // Only when something is complete, or a large message would be copied again for each of its chunks.
    if (this.#bytes < this.#needed) return;
    let rest = Buffer.concat(this.#chunks);
    while (rest.length >= (this.#needed = this.#lengthOf(rest))) {
      const frame = rest.subarray(0, this.#needed);
      rest = rest.subarray(this.#needed);
      yield frame;
    }
    this.#chunks = [rest];
    this.#bytes = rest.length;
  }

  #lengthOf(rest: Buffer): number {
    const before = this.typed ? 1 : 0;
    if (rest.length < before + 4) return before + 4;
    const length = rest.readInt32BE(before);
    if (length < (this.typed ? 4 : 8)) throw new RangeError('a message with an impossible length');
    if (length > (this.typed ? LARGEST_REQUEST : LARGEST_STARTUP)) throw new RangeError(TOO_LARGE);
    return before + length;
  }
}

/** The transaction state that an answer ends with: I idle, T in a transaction, E in a failed one. */
function readyState(reply: Buffer): string {
  if (reply.subarray(-6, -1).toString('latin1') !== 'Z\0\0\0\x05') throw new Error('PGlite did not answer to the end');
  return reply.subarray(-1).toString('latin1');
}

function startupMessage(): Buffer {
  const body = Buffer.concat([int32(PROTOCOL_3_0), Buffer.from('user\0postgres\0database\0postgres\0\0')]);
  return Buffer.concat([int32(body.length + 4), body]);
}

/** A message of the protocol; texts end with a zero byte. */
function message(type: string, ...parts: (string | Buffer)[]): Buffer {
  const body = Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(`${part}\0`) : part)));
  return Buffer.concat([Buffer.from(type), int32(body.length + 4), body]);
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}
