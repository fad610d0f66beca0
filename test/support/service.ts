import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { simpleParser, type ParsedMail } from 'mailparser';
import type { DestinationStream } from 'pino';
import type { Context } from '../../server/context.js';
import { readConfig } from '../../server/config.js';
import { fsck } from '../../server/ledger/fsck.js';
import { makeLogger } from '../../server/logger.js';
import type { Outbound } from '../../server/outbound.js';
import { serve, type Service } from '../../server/serve.js';
import { createTestDatabase, type TestDatabase } from './database.js';

/** A whole service in this process: real database, real SMTP into the built-in mailbox. */
export interface TestService {
  readonly ctx: Context;
  readonly base: string;
  readonly dataDir: string;
  readonly service: Service;
  /** Moves the service's clock on. */
  advance(ms: number): void;
  /** Waits for the newest mail to an address, `count` of them in all; parsed by a library that is not ours. */
  mailTo(address: string, count?: number): Promise<ReceivedMail>;
  /** How many mails an address has got. */
  mailsTo(address: string): Promise<number>;
  stop(): Promise<void>;
}

export interface ReceivedMail {
  readonly id: string;
  readonly raw: Buffer;
  readonly parsed: ParsedMail;
}

export interface TestOptions {
  readonly settings?: Readonly<Record<string, string>>;
  /** Absent: a fresh one. Either is dropped at the end. */
  readonly database?: TestDatabase;
  /** Servers of others. */
  readonly outbound?: Outbound;
  /** Where the log goes, instead of standard output. */
  readonly log?: DestinationStream;
}

const running = new Set<TestService>();

/** Stops the services whose own tests did not get to it, so that the run ends. */
export async function stopLeftovers(): Promise<void> {
  for (const service of running) await service.stop();
}

/** Starts a service on a fresh database with the demo organisation. Limits against abuse are off unless asked for. */
export async function startTestService(options: TestOptions = {}): Promise<TestService> {
  const dataDir = await mkdtemp(join(tmpdir(), 'zgoda-test-'));
  const database = options.database ?? (await createTestDatabase());
  const config = readConfig({
    PORT: '0',
    INBOUND_PORT: '0',
    GATEWAY_PORT: '0',
    LOG_LEVEL: 'fatal',
    ABUSE_LIMITS: 'off',
    DATA_DIR: join(dataDir, 'data'),
    ...database.settings,
    ...options.settings,
  });
  let offset = 0;
  const now = (): Date => new Date(Date.now() + offset);
  const service = await serve(config, makeLogger(config.logLevel, options.log), {
    now,
    mayShare: true,
    ...(options.outbound ? { outbound: options.outbound } : {}),
    ...(database.template ? { template: database.template } : {}),
  });
  const base = `http://localhost:${service.port}`;
  const list = async (address: string): Promise<{ id: string }[]> => {
    const answer = await fetch(`${base}/mailbox.json?to=${encodeURIComponent(address)}`);
    return (await answer.json()) as { id: string }[];
  };
  const test: TestService = {
    ctx: service.ctx,
    base,
    dataDir,
    service,
    advance: (ms) => {
      offset += ms;
    },
    mailTo: async (address, count = 1) => {
      await eventually(async () => expect(await list(address), `mails to ${address}`).to.have.length.at.least(count));
      const id = (await list(address))[0]?.id ?? '';
      const raw = Buffer.from(await (await fetch(`${base}/mailbox/${id}.eml`)).arrayBuffer());
      return { id, raw, parsed: await simpleParser(raw) };
    },
    mailsTo: async (address) => (await list(address)).length,
    stop: async () => {
      running.delete(test);
      await service.stop();
      await database.drop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
  running.add(test);
  return test;
}

/** Repeats a check until it holds; throws its last failure after `ms`. */
export async function eventually<T>(check: () => Promise<T>, ms = 10_000): Promise<T> {
  const end = Date.now() + ms;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (Date.now() > end) throw error;
      await new Promise((resolve) => setTimeout(resolve, 40));
    }
  }
}

/** Every flow ends with this: each event has its leaf, each record its commitment, each head its tree, each state its last event. */
export async function checkLedger(ctx: Context): Promise<void> {
  await eventually(async () => {
    const [row] = await ctx.db.query<{ n: number }>('select count(*)::int as n from log_queue');
    expect(row?.n, 'events without a leaf').to.equal(0);
  });
  const report = await fsck(ctx);
  expect(report.faults).to.deep.equal([]);
  const strays = await ctx.db.query<{ id: string; state: string; kind: string }>(
    `select c.id, c.state, e.kind from consent c join consent_event e on e.sign_up_id = c.sign_up_id and e.id = c.last_event_id
     where (c.state, e.kind) not in (('pending', 'offered'), ('confirmed', 'confirmed'), ('confirmed', 'renewed'), ('withdrawn', 'withdrawn'), ('withdrawn', 'offered'), ('withdrawn', 'refused'),
       ('refused', 'refused'), ('refused', 'offered'), ('expired', 'expired'), ('expired', 'offered'), ('expired', 'refused'))`,
  );
  expect(strays, 'states that do not follow from their last event').to.deep.equal([]);
}
