import type { KeyObject } from 'node:crypto';
import { parentPort } from 'node:worker_threads';
import { signNow } from '../mail/signature.js';

/** What the thread is to sign. */
export interface SigningJob {
  readonly id: number;
  readonly key: KeyObject;
  readonly texts: readonly string[];
}

/** What the thread answers: a signature for each text, or why there is none. */
export type SigningAnswer =
  { readonly id: number; readonly signatures: readonly string[] } | { readonly id: number; readonly failed: string };

function answer({ id, key, texts }: SigningJob): SigningAnswer {
  try {
    return { id, signatures: texts.map((text) => signNow(key, text)) };
  } catch (error) {
    return { id, failed: error instanceof Error ? error.message : 'unknown' };
  }
}

parentPort?.on('message', (job: SigningJob) => parentPort?.postMessage(answer(job)));
