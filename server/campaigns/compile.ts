import { Worker } from 'node:worker_threads';
import type { CompileAnswer, CompileJob } from './compile-thread.js';

const TIME_LIMIT_MS = 20_000;
const MEMORY_MB = 512;

/**
 * Compiles in a thread of its own with no environment, bounded memory and time, so that no file that somebody uploads can stop the service (T11).
 */
export async function compileApart(job: CompileJob): Promise<CompileAnswer> {
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
