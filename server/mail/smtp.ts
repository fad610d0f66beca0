import type { Logger } from '../logger.js';
import { SmtpTrouble, type SmtpConnection } from './smtp-connection.js';
import { deferral, SmtpSessions, type PoolTimeouts } from './smtp-sessions.js';
import { handOver, type SmtpMail, type SmtpOrder, type SmtpOutcome, type TakeNext } from './smtp-transaction.js';

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
  readonly #sessions: SmtpSessions;
  readonly #orders: Order[] = [];
  /** Nothing of them was sent but their commands. */
  readonly #announced = new Set<Order>();
  readonly #onEmpty: (() => void)[] = [];
  #free: number;
  #inFlight = 0;
  #isClosed = false;

  constructor({ url, connections = 5, logger, name, timeouts = {} }: SmtpPoolOptions) {
    this.#sessions = new SmtpSessions({ url, logger, name, timeouts });
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
    return this.#sessions.verify();
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
    this.#sessions.end();
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
    if (connection && !this.#isClosed) this.#sessions.keep(connection);
    else connection?.end();
    this.#free += 1;
    if (this.#inFlight === 0 && this.#isClosed) for (const tell of this.#onEmpty.splice(0)) tell();
  }

  /** On a connection that is open, or on a fresh one when there is none or the server had left it: nothing of the mail was sent then. */
  async #handOn(open: SmtpConnection | null, order: Order, takeNext: TakeNext): Promise<Handed> {
    const isAnnounced = open?.announced != null;
    if (!isAnnounced && !order.mayGo()) return { connection: open, outcome: null };
    const connection = isAnnounced || open?.isUsable ? open : this.#sessions.take();
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
      connection = await this.#sessions.open();
      return { connection, outcome: await handOver(connection, order, takeNext) };
    } catch (error) {
      if (!(error instanceof SmtpTrouble)) throw error;
      connection?.end();
      return { connection: null, outcome: deferral(error, order.mail) };
    }
  }
}
