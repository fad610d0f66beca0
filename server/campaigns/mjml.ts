import { Worker } from 'node:worker_threads';
import type { MjmlAnswer } from './mjml-thread.js';
import { blankComments } from './comments.js';
import { refuseTemplate } from './problem.js';

const TIME_LIMIT_MS = 20_000;
const MEMORY_MB = 512;

/**
 * MJML as HTML. It is compiled in a thread of its own with no environment, bounded memory and time, so that no file that
 * somebody uploads can stop the service (T11). Throws `template-refused` with the lines of all mistakes.
 */
export async function compileMjml(source: string): Promise<string> {
  refuseIncludes(source);
  const answer = await inThread(source);
  if ('failed' in answer) throw refuseTemplate([{ line: null, reason: 'mjml-broken', message: answer.failed }]);
  if (answer.problems.length > 0) {
    throw refuseTemplate(answer.problems.map((problem) => ({ ...problem, reason: 'mjml' as const })));
  }
  return answer.html;
}

// Included files would be files of this machine. The compiler ignores the element; saying so beats a mail with a gap.
function refuseIncludes(source: string): void {
  const text = blankComments(source);
  const found = [...text.matchAll(/<mj-include\b/gi)].slice(0, 20);
  if (found.length === 0) return;
  throw refuseTemplate(
    found.map(({ index }) => ({
      line: text.slice(0, index).split('\n').length,
      reason: 'include' as const,
      message: 'mj-include is not read: put what it includes into the file itself.',
    })),
  );
}

async function inThread(source: string): Promise<MjmlAnswer> {
  const thread = new Worker(new URL('./mjml-thread.js', import.meta.url), {
    workerData: source,
    env: {},
    execArgv: [],
    stdout: true,
    stderr: true,
    resourceLimits: { maxOldGenerationSizeMb: MEMORY_MB },
  });
  try {
    return await new Promise<MjmlAnswer>((resolve) => {
      const tooMuch = (): void => resolve({ failed: 'The file takes too long to compile.' });
      const timer = setTimeout(tooMuch, TIME_LIMIT_MS);
      thread.once('message', (answer: MjmlAnswer) => resolve(answer));
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
