import type { Logger } from '../logger.js';
import { SmtpConnection, SmtpTrouble, type SmtpTimeouts } from './smtp-connection.js';
import { ownName } from './smtp-name.js';
import { readSmtpUrl } from './smtp-server-url.js';
import { clean, type SmtpMail, type SmtpOutcome } from './smtp-transaction.js';
import { enhancedCode } from './smtp-wire.js';

export interface PoolTimeouts extends SmtpTimeouts {
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

/** The sessions with one server: those that are open and at rest, and new ones. */
export class SmtpSessions {
  readonly #server;
  readonly #name: string;
  readonly #timeouts: PoolTimeouts;
  readonly #logger: Logger;
  readonly #resting = new Map<SmtpConnection, NodeJS.Timeout>();
  #isReachable = true;
  #verified: { readonly at: number; readonly answer: Promise<boolean> } | null = null;

  constructor(options: {
    readonly url: string;
    readonly logger: Logger;
    readonly name: string | undefined;
    readonly timeouts: Partial<PoolTimeouts>;
  }) {
    this.#server = readSmtpUrl(options.url);
    this.#name = ownName(options.name);
    this.#timeouts = { ...TIMEOUTS, ...options.timeouts };
    this.#logger = options.logger;
  }

  /** A new one. Throws SmtpTrouble. */
  async open(timeouts: SmtpTimeouts = this.#timeouts): Promise<SmtpConnection> {
    try {
      const connection = await SmtpConnection.open(this.#server, this.#name, timeouts);
      this.#noteReachable();
      return connection;
    } catch (error) {
      if (error instanceof SmtpTrouble) this.#noteUnreachable(error);
      throw error;
    }
  }

  /** One that is at rest and still good. */
  take(): SmtpConnection | null {
    for (const connection of [...this.#resting.keys()].reverse()) {
      clearTimeout(this.#resting.get(connection));
      this.#resting.delete(connection);
      if (connection.isUsable) return connection;
      connection.end();
    }
    return null;
  }

  /** Lets one rest until it is taken, or too old. */
  keep(connection: SmtpConnection): void {
    if (!connection.isUsable) {
      connection.end();
      return;
    }
    this.#resting.set(
      connection,
      setTimeout(() => this.#retire(connection), this.#timeouts.idle),
    );
  }

  /** Ends those that are at rest. */
  end(): void {
    for (const connection of [...this.#resting.keys()]) this.#retire(connection);
  }

  /** Can we connect and log in? Remembered for a few seconds. */
  async verify(): Promise<boolean> {
    const now = performance.now();
    if (!this.#verified || now - this.#verified.at > 3_000) this.#verified = { at: now, answer: this.#tryToConnect() };
    return this.#verified.answer;
  }

  async #tryToConnect(): Promise<boolean> {
    const { verify: limit } = this.#timeouts;
    try {
      (await this.open({ ...this.#timeouts, connect: limit, greeting: limit, answer: limit })).end();
      return true;
    } catch (error) {
      if (!(error instanceof SmtpTrouble)) throw error;
      return false;
    }
  }

  #retire(connection: SmtpConnection): void {
    clearTimeout(this.#resting.get(connection));
    this.#resting.delete(connection);
    connection.end();
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

/** What a session that could not go on means for a mail of which nothing was sent. */
export function deferral({ message, reply }: SmtpTrouble, mail?: SmtpMail): Extract<SmtpOutcome, { kind: 'deferred' }> {
  if (!reply || reply.code < 400) return { kind: 'deferred', reply: message, isUntried: true };
  const enhanced = enhancedCode(reply);
  return {
    ...{ kind: 'deferred', code: reply.code, reply: clean(reply, mail), isUntried: true },
    ...(enhanced === undefined ? {} : { enhanced }),
  };
}
