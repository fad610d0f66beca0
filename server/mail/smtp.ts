import type { Logger } from '../logger.js';
import { ownName } from './smtp-name.js';
import { SmtpConnection, SmtpTrouble, type SmtpTimeouts } from './smtp-connection.js';
import { readSmtpUrl } from './smtp-server-url.js';
import { clean, handOver, type SmtpMail, type SmtpOrder, type SmtpOutcome, type TakeNext } from './smtp-transaction.js';
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

const STOPPING: SmtpOutcome = { kind: 'deferred', reply: 'The service is stopping.' };

interface Order extends SmtpOrder {
  mayGo: () => boolean;
  readonly resolve: (outcome: SmtpOutcome | null) => void;
  readonly reject: (error: unknown) => void;
}

/** What became of a mail, and the connection if it may still be used. */
interface Handed {
  readonly connection: SmtpConnection | null;
  readonly outcome: SmtpOutcome | null;
}

class Pool implements SmtpPool {
  readonly #server;
  readonly #name: string;
  readonly #timeouts: PoolTimeouts;
  readonly #logger: Logger;
  readonly #idle = new Map<SmtpConnection, NodeJS.Timeout>();
  readonly #orders: Order[] = [];
  /** Nothing of them was sent but their commands. */
  readonly #announced = new Set<Order>();
  readonly #onEmpty: (() => void)[] = [];
  #free: number;
  #inFlight = 0;
  #isClosed = false;
  #isReachable = true;
  #verified: { readonly at: number; readonly answer: Promise<boolean> } | null = null;

  constructor({ url, connections = 10, logger, name, timeouts = {} }: SmtpPoolOptions) {
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
    if (this.#isClosed) return STOPPING;
    return new Promise((resolve, reject) => {
      this.#orders.push({ mail, mayGo, resolve, reject });
      if (this.#free === 0) return;
      this.#free -= 1;
      void this.#serve();
    });
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
    for (const { resolve } of this.#orders.splice(0)) resolve(STOPPING);
    for (const order of this.#announced) {
      order.mayGo = () => false;
      order.resolve(STOPPING);
    }
    if (this.#inFlight > 0) await new Promise<void>((resolve) => this.#onEmpty.push(resolve));
    for (const connection of [...this.#idle.keys()]) this.#retire(connection);
  }

  /** Hands over mail after mail, one connection at a time, until none waits. What waits, waits for a connection: so the next may be announced. */
  async #serve(): Promise<void> {
    let connection: SmtpConnection | null = null;
    let order = this.#orders.shift();
    while (order) {
      let announced: Order | undefined;
      const takeNext: TakeNext = (fits) => {
        const next = this.#orders[0];
        if (!next?.mayGo() || !fits(next.mail)) return;
        announced = this.#orders.shift();
        this.#announced.add(next);
      };
      const { resolve, reject } = order;
      this.#inFlight += 1;
      this.#announced.delete(order);
      try {
        const handed: Handed = await this.#handOn(connection, order, takeNext);
        connection = handed.connection;
        resolve(handed.outcome);
      } catch (error) {
        connection = null;
        reject(error);
      }
      this.#inFlight -= 1;
      order = announced ?? this.#orders.shift();
    }
    if (connection) this.#keep(connection);
    this.#free += 1;
    if (this.#inFlight === 0 && this.#isClosed) for (const tell of this.#onEmpty.splice(0)) tell();
  }

  /** On a connection that is open, or on a fresh one when there is none or the server had left it: nothing of the mail was sent then. */
  async #handOn(open: SmtpConnection | null, order: Order, takeNext: TakeNext): Promise<Handed> {
    const isAnnounced = open?.announced != null;
    if (!isAnnounced && !order.mayGo()) return { connection: open, outcome: null };
    const connection = isAnnounced || open?.isUsable ? open : this.#takeIdle();
    if (open && open !== connection) open.end();
    if (connection) {
      try {
        return { connection, outcome: await handOver(connection, order, takeNext) };
      } catch (error) {
        if (!(error instanceof SmtpTrouble)) throw error;
        connection.end();
      }
    }
    return this.#handOnFresh(order, takeNext);
  }

  async #handOnFresh(order: Order, takeNext: TakeNext): Promise<Handed> {
    let connection: SmtpConnection | null = null;
    try {
      connection = await SmtpConnection.open(this.#server, this.#name, this.#timeouts);
      this.#noteReachable();
      return { connection, outcome: await handOver(connection, order, takeNext) };
    } catch (error) {
      if (!(error instanceof SmtpTrouble)) throw error;
      if (!connection) this.#noteUnreachable(error);
      connection?.end();
      return { connection: null, outcome: deferral(error, order.mail) };
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
