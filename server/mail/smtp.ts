import type { Logger } from '../logger.js';
import { ownName } from './smtp-name.js';
import { SmtpConnection, SmtpTrouble, type SmtpTimeouts } from './smtp-connection.js';
import { readSmtpUrl } from './smtp-server-url.js';
import { clean, handOver, type SmtpMail, type SmtpOutcome } from './smtp-transaction.js';
import { enhancedCode } from './smtp-wire.js';

export type { SmtpMail, SmtpOutcome };

export interface SmtpPool {
  /** Waits for a free connection, then hands the mail over. Says what became of it; does not throw for what a server does. */
  send(mail: SmtpMail): Promise<SmtpOutcome>;
  /** As `send`, unless the mail may not go any more when its connection is free: null then. */
  sendIf(mail: SmtpMail, mayGo: () => boolean): Promise<SmtpOutcome | null>;
  /** Can we connect and log in? Remembered for a few seconds. */
  verify(): Promise<boolean>;
  /** The same of each server. */
  verifyEach(): Promise<readonly boolean[]>;
  /** Waits for the mails in flight, then says goodbye. Mails that still wait for a connection are deferred. */
  close(): Promise<void>;
  /** Mails that hold a connection now. */
  readonly inFlight: number;
}

export interface SmtpPoolOptions {
  readonly url: string;
  readonly connections?: number;
  readonly logger: Logger;
  /** How we introduce ourselves in EHLO: our host name by default. */
  readonly name?: string;
  readonly timeouts?: Partial<PoolTimeouts>;
}

interface PoolTimeouts extends SmtpTimeouts {
  /** An unused connection is closed after this time. */
  readonly idle: number;
  readonly verify: number;
}

const TIMEOUTS: PoolTimeouts = {
  connect: 30_000,
  greeting: 30_000,
  answer: 60_000,
  dataEnd: 120_000,
  idle: 20_000,
  verify: 5_000,
};

/** Persistent connections to the one server that takes our mail. */
export function makeSmtpPool(options: SmtpPoolOptions): SmtpPool {
  return new Pool(options);
}

class Pool implements SmtpPool {
  readonly #server;
  readonly #name: string;
  readonly #timeouts: PoolTimeouts;
  readonly #logger: Logger;
  readonly #idle = new Map<SmtpConnection, NodeJS.Timeout>();
  readonly #waiting: (() => void)[] = [];
  readonly #onEmpty: (() => void)[] = [];
  #free: number;
  #inFlight = 0;
  #isClosed = false;
  #isReachable = true;
  #verified: { readonly at: number; readonly answer: Promise<boolean> } | null = null;

  constructor({ url, connections = 5, logger, name, timeouts = {} }: SmtpPoolOptions) {
    this.#server = readSmtpUrl(url);
    this.#name = ownName(name);
    this.#timeouts = { ...TIMEOUTS, ...timeouts };
    this.#logger = logger;
    this.#free = connections;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  async send(mail: SmtpMail): Promise<SmtpOutcome> {
    return (await this.sendIf(mail, () => true)) ?? { kind: 'deferred', reply: 'It was stopped.' };
  }

  async sendIf(mail: SmtpMail, mayGo: () => boolean): Promise<SmtpOutcome | null> {
    if (!this.#isClosed) await this.#enter();
    if (this.#isClosed) return { kind: 'deferred', reply: 'The service is stopping.' };
    this.#inFlight += 1;
    try {
      if (!mayGo()) return null;
      return (await this.#sendOnIdle(mail)) ?? (await this.#sendOnFresh(mail));
    } finally {
      this.#inFlight -= 1;
      this.#leave();
    }
  }

  async verify(): Promise<boolean> {
    const now = performance.now();
    if (!this.#verified || now - this.#verified.at > 3_000) this.#verified = { at: now, answer: this.#tryToConnect() };
    return this.#verified.answer;
  }

  async verifyEach(): Promise<boolean[]> {
    return [await this.verify()];
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const wake of this.#waiting.splice(0)) wake();
    if (this.#inFlight > 0) await new Promise<void>((resolve) => this.#onEmpty.push(resolve));
    for (const connection of [...this.#idle.keys()]) this.#retire(connection);
  }

  async #enter(): Promise<void> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  #leave(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#free += 1;
    if (this.#inFlight === 0 && this.#isClosed) for (const tell of this.#onEmpty.splice(0)) tell();
  }

  /** Null when no connection was at hand, or when the server had left the one that was: nothing of the mail was sent then. */
  async #sendOnIdle(mail: SmtpMail): Promise<SmtpOutcome | null> {
    const connection = this.#takeIdle();
    if (!connection) return null;
    try {
      return await handOver(connection, mail);
    } catch (error) {
      if (error instanceof SmtpTrouble) return null;
      throw error;
    } finally {
      this.#keep(connection);
    }
  }

  async #sendOnFresh(mail: SmtpMail): Promise<SmtpOutcome> {
    let connection: SmtpConnection | null = null;
    try {
      connection = await SmtpConnection.open(this.#server, this.#name, this.#timeouts);
      this.#noteReachable();
      return await handOver(connection, mail);
    } catch (error) {
      if (!(error instanceof SmtpTrouble)) throw error;
      if (!connection) this.#noteUnreachable(error);
      return deferral(error, mail);
    } finally {
      if (connection) this.#keep(connection);
    }
  }

  #takeIdle(): SmtpConnection | null {
    for (const connection of [...this.#idle.keys()].reverse()) {
      clearTimeout(this.#idle.get(connection));
      this.#idle.delete(connection);
      if (connection.isUsable) return connection;
      connection.end();
    }
    return null;
  }

  #keep(connection: SmtpConnection): void {
    if (this.#isClosed || !connection.isUsable) {
      connection.end();
      return;
    }
    this.#idle.set(
      connection,
      setTimeout(() => this.#retire(connection), this.#timeouts.idle),
    );
  }

  #retire(connection: SmtpConnection): void {
    clearTimeout(this.#idle.get(connection));
    this.#idle.delete(connection);
    connection.end();
  }

  async #tryToConnect(): Promise<boolean> {
    const { verify: limit } = this.#timeouts;
    const timeouts = { ...this.#timeouts, connect: limit, greeting: limit, answer: limit };
    try {
      (await SmtpConnection.open(this.#server, this.#name, timeouts)).end();
      this.#noteReachable();
      return true;
    } catch (error) {
      if (!(error instanceof SmtpTrouble)) throw error;
      this.#noteUnreachable(error);
      return false;
    }
  }

  // Said once, not for every mail.
  #noteUnreachable(trouble: SmtpTrouble): void {
    const { host, port } = this.#server;
    if (this.#isReachable)
      this.#logger.warn({ host, port, reply: deferral(trouble).reply }, 'the mail server takes no mail');
    this.#isReachable = false;
  }

  #noteReachable(): void {
    if (!this.#isReachable) this.#logger.info('the mail server takes mail again');
    this.#isReachable = true;
  }
}

function deferral({ message, reply }: SmtpTrouble, mail?: SmtpMail): Extract<SmtpOutcome, { kind: 'deferred' }> {
  if (!reply || reply.code < 400) return { kind: 'deferred', reply: message, isUntried: true };
  const enhanced = enhancedCode(reply);
  return {
    ...{ kind: 'deferred', code: reply.code, reply: clean(reply, mail), isUntried: true },
    ...(enhanced === undefined ? {} : { enhanced }),
  };
}
