import { isIP } from 'node:net';
import type { Context } from '../context.js';

/** How much the gateway takes; what is over a limit may come later. */
export interface Limits {
  /** Connections at a time: in all, and of one address. */
  readonly connections: number;
  readonly connectionsOfOne: number;
  /** New connections of one address in a minute. */
  readonly connectsAMinute: number;
  /** Of a transaction. */
  readonly recipients: number;
  /** Of a credential in a minute. */
  readonly recipientsAMinute: number;
  /** Wrong passwords of one address in ten minutes. */
  readonly failures: number;
  /** Between connecting and the right password, in ms. */
  readonly strangerMs: number;
  /** Between two mails, in ms. */
  readonly idleMs: number;
  /** For one mail, in ms; and how fast it must come after the first `slowMs`, in bytes a second. */
  readonly mailMs: number;
  readonly slowMs: number;
  readonly bytesASecond: number;
  /** Bytes of mails that wait to leave. */
  readonly spoolBytes: number;
  /** How often a renewed certificate is looked for, in ms. */
  readonly certificateMs: number;
}

export const LIMITS: Limits = {
  ...{ connections: 200, connectionsOfOne: 100, connectsAMinute: 6_000 },
  ...{ recipients: 1_000, recipientsAMinute: 120_000, failures: 20 },
  ...{ strangerMs: 30_000, idleMs: 300_000, mailMs: 1_800_000, slowMs: 30_000, bytesASecond: 1_000 },
  ...{ spoolBytes: 8 * 1024 ** 3, certificateMs: 60_000 },
};

/** Counts who comes, and says whether they may. What is counted is forgotten with the process, as nothing depends on it but peace. */
export interface Doorkeeper {
  /** Why a connection is not taken now; null: it is, and counted until it leaves. */
  enter(sessionId: string, address: string): string | null;
  leave(sessionId: string): void;
  /** May this address try another password? */
  mayTry(address: string): boolean;
  /** Notes a wrong password; returns how long the answer waits, in ms. */
  noteFailure(address: string): number;
  /** May a credential name that many more recipients in this minute? Counts them if so. */
  mayName(credentialId: string, recipients: number): boolean;
  /** Do so many mails wait that no more fit? */
  isFull(): Promise<boolean>;
}

const MINUTE_MS = 60_000;
const FAILURES_MS = 10 * MINUTE_MS;
const LOOK_MS = 5_000;
/** A wrong password is answered the later the more there were, within bounds. */
const DELAY_MS = 300;
const MOST_DELAY_MS = 5_000;

export function makeDoorkeeper(ctx: Context, limits: Limits): Doorkeeper {
  const inside = new Map<string, string>();
  const connects = makeCounter(MINUTE_MS);
  const failures = makeCounter(FAILURES_MS);
  const named = makeCounter(MINUTE_MS);
  let looked = { at: -Infinity, isFull: false };
  return {
    enter: (sessionId, address) => {
      const who = ownerOf(address);
      const ofOne = [...inside.values()].filter((one) => one === who).length;
      if (inside.size >= limits.connections) return 'too many connections';
      if (ofOne >= limits.connectionsOfOne) return 'too many connections from your address';
      if (connects.add(who, 1) > limits.connectsAMinute) return 'too many new connections from your address';
      inside.set(sessionId, who);
      return null;
    },
    leave: (sessionId) => void inside.delete(sessionId),
    mayTry: (address) => failures.count(ownerOf(address)) < limits.failures,
    noteFailure: (address) => Math.min(failures.add(ownerOf(address), 1) * DELAY_MS, MOST_DELAY_MS),
    mayName: (credentialId, recipients) => {
      if (named.count(credentialId) + recipients > limits.recipientsAMinute) return false;
      named.add(credentialId, recipients);
      return true;
    },
    isFull: async () => {
      if (performance.now() - looked.at < LOOK_MS) return looked.isFull;
      looked = { at: performance.now(), isFull: looked.isFull };
      const [row] = await ctx.db.query<{ bytes: string }>(
        'select coalesce(sum(bytes), 0) as bytes from gateway_mail where done_at is null',
      );
      looked = { ...looked, isFull: Number(row?.bytes ?? 0) > limits.spoolBytes };
      return looked.isFull;
    },
  };
}

/** An IPv4 address, or the /64 that one owner of IPv6 addresses has. */
function ownerOf(address: string): string {
  if (isIP(address) !== 6) return address;
  const [left = '', right] = address.split('::');
  const head = left.split(':').filter((group) => group !== '');
  const tail = (right ?? '').split(':').filter((group) => group !== '');
  const zeros = right === undefined ? [] : Array<string>(Math.max(0, 8 - head.length - tail.length)).fill('0');
  return [...head, ...zeros, ...tail].slice(0, 4).join(':');
}

/** Counts per key within a window of time. Windows that are over are forgotten when a key comes anew, all of them when there are many. */
function makeCounter(windowMs: number): { add(key: string, n: number): number; count(key: string): number } {
  const windows = new Map<string, { until: number; n: number }>();
  const current = (key: string): { until: number; n: number } | undefined => {
    const window = windows.get(key);
    return window && window.until > performance.now() ? window : undefined;
  };
  return {
    count: (key) => current(key)?.n ?? 0,
    add: (key, n) => {
      const window = current(key) ?? { until: performance.now() + windowMs, n: 0 };
      window.n += n;
      windows.set(key, window);
      if (windows.size > 10_000)
        for (const [one, { until }] of windows) if (until <= performance.now()) windows.delete(one);
      return window.n;
    },
  };
}
