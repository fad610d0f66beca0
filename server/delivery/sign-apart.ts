import type { KeyObject } from 'node:crypto';
import { Worker } from 'node:worker_threads';
import type { SigningAnswer, SigningJob } from './signing-thread.js';

/** So many texts go to the thread at a time: each message between threads has its price, and the first of a batch waits for its last. */
const BATCH = 8;
/** It holds keys and a few texts. */
const MEMORY = { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 2 };

interface Waiting {
  readonly text: string;
  readonly resolve: (signature: string) => void;
  readonly reject: (error: Error) => void;
}

const collected = new Map<KeyObject, Waiting[]>();
const underWay = new Map<number, readonly Waiting[]>();
let thread: Worker | null = null;
let lastId = 0;

/**
 * base64 of the signature of a text (`signNow`), made in a thread that does nothing else: that of the service has mails to write meanwhile. What is asked for at
 * the same time goes there together.
 */
export async function signApart(key: KeyObject, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const same = collected.get(key) ?? [];
    collected.set(key, same);
    if (same.length === 0) setImmediate(handOver);
    same.push({ text, resolve, reject });
    // A full one goes at once: the thread signs while the next mails are written.
    if (same.length === BATCH) {
      collected.delete(key);
      post(key, same);
    }
  });
}

function handOver(): void {
  const batches = [...collected];
  collected.clear();
  for (const [key, batch] of batches) post(key, batch);
}

function post(key: KeyObject, batch: readonly Waiting[]): void {
  thread ??= start();
  const id = (lastId += 1);
  underWay.set(id, batch);
  thread.ref();
  thread.postMessage({ id, key, texts: batch.map(({ text }) => text) } satisfies SigningJob);
}

function start(): Worker {
  const started = new Worker(new URL('./signing-thread.js', import.meta.url), {
    env: {},
    execArgv: [],
    resourceLimits: MEMORY,
  });
  started.on('message', (answer: SigningAnswer) => {
    const batch = underWay.get(answer.id) ?? [];
    underWay.delete(answer.id);
    if (underWay.size === 0) started.unref();
    if ('failed' in answer) fail(batch, new Error(answer.failed));
    else for (const [n, { resolve }] of batch.entries()) resolve(answer.signatures[n] ?? '');
  });
  // The next signature starts another.
  const lost = (error: Error): void => {
    if (thread !== started) return;
    thread = null;
    const batches = [...underWay.values()];
    underWay.clear();
    for (const batch of batches) fail(batch, error);
  };
  started.on('error', lost);
  started.on('exit', () => lost(new Error('the thread that signs has ended')));
  return started;
}

function fail(batch: readonly Waiting[], error: Error): void {
  for (const { reject } of batch) reject(error);
}
