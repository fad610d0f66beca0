import { Agent, request } from 'node:http';
import type { Slice } from './figures.js';

/** One request of a browser. */
export interface Shot {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  /** Fields of a form. */
  readonly fields?: Readonly<Record<string, string>>;
}

export interface Reply {
  readonly status: number;
  readonly body: string;
}

export interface Load {
  /** Of the server, on loopback; no path. */
  readonly base: string;
  readonly concurrency: number;
  /** At most so many requests. */
  readonly count: number;
  /** No further ones after this time. */
  readonly ms: number;
  readonly shot: (place: number) => Shot;
  /** Does the answer say that it was done? The load stops at the first that does not. */
  readonly check: (reply: Reply, place: number) => boolean;
}

const HEADERS = {
  accept: 'text/html',
  'accept-language': 'en',
  'user-agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
};

/** Fires requests over kept connections, each as soon as the one before it is answered. Throws when one is answered wrongly. */
export async function fire(load: Load): Promise<Slice> {
  const agent = new Agent({ keepAlive: true, maxSockets: load.concurrency });
  const url = new URL(load.base);
  if (!['localhost', '127.0.0.1'].includes(url.hostname)) throw new Error('load is made on loopback only');
  const latencies: number[] = [];
  const started = performance.now();
  let next = 0;
  const shoot = async (): Promise<void> => {
    while (next < load.count && performance.now() - started < load.ms) {
      const place = next;
      next += 1;
      const at = performance.now();
      const reply = await send(agent, url, load.shot(place));
      latencies.push(performance.now() - at);
      if (!load.check(reply, place))
        throw new Error(`${load.base}: answered ${reply.status}:\n${reply.body.slice(0, 1000)}`);
    }
  };
  try {
    await Promise.all(Array.from({ length: load.concurrency }, shoot));
    return { count: latencies.length, ms: performance.now() - started, latencies, rssMb: 0, cpuMs: 0 };
  } finally {
    agent.destroy();
  }
}

async function send(agent: Agent, url: URL, shot: Shot): Promise<Reply> {
  const body = shot.fields ? new URLSearchParams(shot.fields).toString() : '';
  const headers = shot.fields
    ? { ...HEADERS, 'content-type': 'application/x-www-form-urlencoded', 'content-length': body.length }
    : HEADERS;
  return new Promise((resolve, reject) => {
    const asked = request(
      // An address: resolving a name for every connection is not what is measured.
      {
        agent,
        host: '127.0.0.1',
        port: url.port,
        method: shot.method,
        path: shot.path,
        headers: { ...headers, host: url.host },
      },
      (answer) => {
        let text = '';
        answer.setEncoding('utf8');
        answer.on('data', (chunk: string) => (text += chunk));
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body: text }));
        answer.on('error', reject);
      },
    );
    asked.on('error', reject);
    asked.end(body);
  });
}
