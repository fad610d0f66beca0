import { fork, type ChildProcess } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ROOT } from '../../server/config.js';

/** A process of its own, so that what is measured and what measures do not share a thread. */
export interface Child {
  readonly pid: number;
  /** Asks for something and waits for the answer. */
  call(what: string, input?: unknown): Promise<unknown>;
  stop(): Promise<void>;
}

interface Question {
  readonly id: number;
  readonly what: string;
  readonly input: unknown;
}

interface Answer {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: string;
}

const STOP_MS = 12_000;

/** Starts a script of dist/, with these settings added to the environment. */
export function startChild(
  script: string,
  settings: Readonly<Record<string, string>> = {},
  flags: string[] = [],
): Child {
  const child = fork(join(ROOT, 'dist', script), {
    env: { ...process.env, ...settings },
    execArgv: flags,
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  let next = 0;
  child.on('message', (answer: Answer) => {
    const asked = waiting.get(answer.id);
    waiting.delete(answer.id);
    if (answer.error === undefined) asked?.resolve(answer.value);
    else asked?.reject(new Error(`${script}: ${answer.error}`));
  });
  child.on('exit', (code) => {
    for (const { reject } of waiting.values()) reject(new Error(`${script} ended (${code ?? 'killed'})`));
    waiting.clear();
  });
  return {
    pid: child.pid ?? 0,
    call: async (what, input) =>
      new Promise((resolve, reject) => {
        const question: Question = { id: (next += 1), what, input };
        waiting.set(question.id, { resolve, reject });
        child.send(question, (error) => error && reject(error));
      }),
    stop: async () => stopProcess(child),
  };
}

/** In a child: answers what the bench asks for, and ends with it. */
export function answerCalls(handlers: Readonly<Record<string, (input: never) => unknown>>): void {
  const answer = async ({ what, input }: Question): Promise<unknown> => {
    const handler = handlers[what];
    if (!handler) throw new Error(`nobody answers ${what}`);
    return await handler(input as never);
  };
  process.on('message', (question: Question) => {
    answer(question).then(
      (value) => process.send?.({ id: question.id, value }),
      (error: unknown) =>
        process.send?.({ id: question.id, error: error instanceof Error ? (error.stack ?? error.message) : 'failed' }),
    );
  });
  process.on('disconnect', () => process.exit(0));
  // Ctrl-C reaches the whole group: the bench ends its children itself.
  process.on('SIGINT', () => undefined);
}

/** Ends a process politely, then for certain. */
export async function stopProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill('SIGTERM');
  const patience = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
  await ended;
  clearTimeout(patience);
}

/** What a process needed while `work` ran: the most memory (resident, MB), and processor time in ms. Zeros where there is no /proc. */
export async function watchProcess<T>(
  pid: number,
  work: () => Promise<T>,
): Promise<{ result: T; rssMb: number; cpuMs: number }> {
  const before = await processorMs(pid);
  let most = await residentMb(pid);
  const timer = setInterval(() => {
    void residentMb(pid).then((now) => {
      most = Math.max(most, now);
    });
  }, 200);
  try {
    const result = await work();
    const rssMb = Math.round(Math.max(most, await residentMb(pid)));
    return { result, rssMb, cpuMs: (await processorMs(pid)) - before };
  } finally {
    clearInterval(timer);
  }
}

async function residentMb(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) / 1024;
}

// User and system time in ticks of 10 ms, behind the command's name in brackets. proc(5).
async function processorMs(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) * 10;
}
