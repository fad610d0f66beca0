import { createHash } from 'node:crypto';
import { Worker } from 'node:worker_threads';
import type { CompileAnswer, CompileJob } from './compile-thread.js';
import { SizedCache } from './sized-cache.js';

const TIME_LIMIT_MS = 20_000;
const MEMORY_MB = 512;
/** Of the results that are kept, in characters. */
const MAX_KEPT = 4_000_000;

/** Results by what was compiled: a file is read again for each look at its campaign. */
const kept = new SizedCache<CompileAnswer>(MAX_KEPT, (answer) => ('html' in answer ? answer.html.length : Infinity));

/**
 * Compiles in a thread of its own with no environment, bounded memory and time, so that no file that somebody uploads can stop the service or change what
 * becomes of another (T11). What was compiled a short while ago is not compiled again.
 */
export async function compileApart(job: CompileJob): Promise<CompileAnswer> {
  const key = createHash('sha256').update(job.kind).update('\0').update(job.source).digest('base64');
  return kept.of(key, async () => runThread(job));
}

async function runThread(job: CompileJob): Promise<CompileAnswer> {
  const thread = new Worker(new URL('./compile-thread.js', import.meta.url), {
    workerData: job,
    env: {},
    execArgv: [],
    stdout: true,
    stderr: true,
    resourceLimits: { maxOldGenerationSizeMb: MEMORY_MB },
  });
  try {
    return await new Promise<CompileAnswer>((resolve) => {
      const tooMuch = (): void => resolve({ failed: 'The file takes too long to compile.' });
      const timer = setTimeout(tooMuch, TIME_LIMIT_MS);
      thread.once('message', (answer: CompileAnswer) => resolve(answer));
      thread.once('error', tooMuch);
      thread.once('exit', () => {
        clearTimeout(timer);
        tooMuch();
      });
    });
  } finally {
    await thread.terminate();
  }
}
