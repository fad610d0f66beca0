import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseVkey, type VerifierKey } from '../../server/ledger/note.js';
import { CLI, freePort, run, type Running } from './process.js';
import { eventually } from './service.js';

/** A `zgoda witness` in a process of its own, which can be killed and started again in the same folder. */
export interface TestWitness {
  readonly dir: string;
  readonly url: string;
  readonly vkey: string;
  readonly key: VerifierKey;
  /** As it prints it: for a policy file. */
  readonly policyLine: string;
  running(): Running;
  /** Starts it again, in the same folder and on the same port; it may follow other logs. */
  restart(logs?: readonly string[]): Promise<void>;
  post(body: string): Promise<{ status: number; type: string; text: string }>;
  drop(): Promise<void>;
}

export async function startWitness(name: string, logs: readonly string[]): Promise<TestWitness> {
  const folder = await mkdtemp(join(tmpdir(), 'zgoda-witness-'));
  const dir = join(folder, 'memory');
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const argsFor = (follows: readonly string[]): string[] => [
    ...['witness', '--name', name, '--dir', dir, '--port', String(port)],
    ...follows.flatMap((log) => ['--log', log]),
  ];
  let running = run(CLI, argsFor(logs), {});
  const ready = async (): Promise<string> =>
    eventually(async () => {
      const line = /^witness .*$/m.exec(running.out())?.[0];
      if (line === undefined) throw new Error(`not ready:\n${running.out()}\n${running.err()}`);
      return Promise.resolve(line);
    });
  const policyLine = await ready();
  const vkey = policyLine.split(' ')[2] ?? '';
  return {
    ...{ dir, url, vkey, policyLine },
    key: parseVkey(vkey),
    running: () => running,
    restart: async (others = logs) => {
      running = run(CLI, argsFor(others), {});
      await ready();
    },
    post: async (body) => {
      const answer = await fetch(`${url}/add-checkpoint`, { method: 'POST', body });
      return { status: answer.status, type: answer.headers.get('content-type') ?? '', text: await answer.text() };
    },
    drop: async () => {
      await running.kill();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
