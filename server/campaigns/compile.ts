import { createHash } from 'node:crypto';
import { Worker } from 'node:worker_threads';
import type { CompileAnswer, CompileJob } from './compile-thread.js';

const TIME_LIMIT_MS = 20_000;
const MEMORY_MB = 512;
/** Of the results that are kept, in characters. */
const MAX_KEPT = 4_000_000;

type Compiled = Extract<CompileAnswer, { html: string }>;

/** Results by what was compiled, the one used last at the end: a file is read again for each look at its campaign. */
const kept = new Map<string, Compiled>();
let keptSize = 0;

/**
 * Compiles in a thread of its own with no environment, bounded memory and time, so that no file that somebody uploads can stop the service or change what
 * becomes of another (T11). What was compiled a short while ago is not compiled again.
 */
export async function compileApart(job: CompileJob): Promise<CompileAnswer> {
  const key = createHash('sha256').update(job.kind).update('\0').update(job.source).digest('base64');
  const known = kept.get(key);
  const answer = known ?? (await runThread(job));
  if ('html' in answer) keep(key, answer);
  return answer;
}

function keep(key: string, answer: Compiled): void {
  if (answer.html.length > MAX_KEPT) return;
  keptSize += answer.html.length - (kept.get(key)?.html.length ?? 0);
  kept.delete(key);
  kept.set(key, answer);
  for (const [oldest, { html }] of kept) {
    if (keptSize <= MAX_KEPT) break;
    keptSize -= html.length;
    kept.delete(oldest);
  }
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
