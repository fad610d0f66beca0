import { createServer, type Socket } from 'node:net';
import type { TestDatabase } from './database.js';
import { putBefore, type Proxy } from './wire.js';

/**
 * What goes wrong at a statement: the database answers it with an error; its connection breaks before the database has it, or once it is done and nobody
 * hears; all connections break at once.
 */
export const FAULTS = ['error', 'cut before', 'cut after', 'cut all'] as const;
export type Fault = (typeof FAULTS)[number];

export interface FaultyDatabase {
  /** For `startTestService`. */
  readonly database: TestDatabase;
  /** Makes the nth statement from now on go wrong, whoever sends it; resolves when it did. */
  strike(fault: Fault, nth: number): Promise<void>;
}

/** A fresh database that does as it is told until it strikes. */
export async function faultyDatabase(): Promise<FaultyDatabase> {
  const { database, proxy } = await putBefore(startFaulty);
  return { database, strike: async (fault, nth) => proxy.strike(fault, nth) };
}

interface Line {
  readonly from: Socket;
  readonly to: Socket;
  /** Bytes of a message that is not whole yet. */
  rest: Buffer;
  hasBegun: boolean;
  /** A statement was parsed since the last Sync: what is bound belongs to it. */
  isParsed: boolean;
  /** Its answer is nobody's any more. */
  isDeaf: boolean;
}

interface Faulty extends Proxy {
  strike(fault: Fault, nth: number): Promise<void>;
}

function startFaulty(reach: () => Socket): Faulty {
  const lines = new Set<Line>();
  let armed: { fault: Fault; left: number; struck: () => void } | null = null;
  const cut = (line: Line): void => {
    lines.delete(line);
    line.from.destroy();
    line.to.destroy();
  };

  /** Counts a statement down, and returns what is to be done with it. */
  const due = (): Fault | null => {
    if (!armed || (armed.left -= 1) > 0) return null;
    const { fault, struck } = armed;
    armed = null;
    setImmediate(struck);
    return fault;
  };
  const pass = (line: Line, message: Buffer): void => {
    const fault = isStatement(line, message) ? due() : null;
    if (fault === 'cut before') cut(line);
    else if (fault === 'cut all') lines.forEach(cut);
    else line.to.write(fault === 'error' ? broken(message) : message);
    if (fault === 'cut after') line.isDeaf = true;
  };
  const server = createServer((from) => {
    const line: Line = { from, to: reach(), rest: Buffer.alloc(0), hasBegun: false, isParsed: false, isDeaf: false };
    lines.add(line);
    from.on('data', (chunk) => {
      for (const message of messagesIn(line, chunk)) if (lines.has(line)) pass(line, message);
    });
    // The database says something once it is through with all up to a Sync.
    line.to.on('data', (chunk) => (line.isDeaf ? cut(line) : from.write(chunk)));
    for (const socket of [from, line.to]) socket.on('error', () => cut(line)).on('close', () => cut(line));
  });
  return {
    server,
    stop: () => {
      server.close();
      lines.forEach(cut);
    },
    strike: async (fault, nth) =>
      new Promise((struck) => {
        armed = { fault, left: nth, struck };
      }),
  };
}

/** Whole messages of PostgreSQL's protocol: a type (but for the first one) and a length that counts itself. */
function messagesIn(line: Line, chunk: Buffer): Buffer[] {
  line.rest = Buffer.concat([line.rest, chunk]);
  const messages: Buffer[] = [];
  for (;;) {
    const head = line.hasBegun ? 1 : 0;
    if (line.rest.length < head + 4) return messages;
    const size = head + line.rest.readUInt32BE(head);
    if (line.rest.length < size) return messages;
    messages.push(line.rest.subarray(0, size));
    line.rest = line.rest.subarray(size);
    line.hasBegun = true;
  }
}

/** Is this what begins a statement: a simple query, a parse, or a bind of what was parsed long ago? */
function isStatement(line: Line, message: Buffer): boolean {
  const type = String.fromCharCode(message[0] ?? 0);
  const wasParsed = line.isParsed;
  if (type === 'P') line.isParsed = true;
  if (type === 'S') line.isParsed = false;
  return type === 'Q' || type === 'P' || (type === 'B' && !wasParsed);
}

/** The same kind of message with a statement that the database refuses. */
function broken(message: Buffer): Buffer {
  const type = String.fromCharCode(message[0] ?? 0);
  const text = 'select a_fault_that_was_asked_for()\0';
  if (type === 'Q') return framed('Q', Buffer.from(text));
  const name = message.subarray(5, message.indexOf(0, 5) + 1);
  if (type === 'P') return framed('P', Buffer.concat([name, Buffer.from(text), Buffer.alloc(2)]));
  return framed('B', Buffer.from('\0a_fault_that_was_asked_for\0\0\0\0\0\0\0', 'latin1'));
}

function framed(type: string, body: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.write(type, 0);
  head.writeUInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}
