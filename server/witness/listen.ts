import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Refusal } from '../errors.js';
import { MAX_ADD_CHECKPOINT_BYTES } from '../ledger/add-checkpoint.js';
import { answer, type Witness } from './answer.js';

/** Where a witness listens. */
export interface Place {
  readonly host: string;
  readonly port: number;
}

/** A witness that listens. */
export interface Listening {
  readonly url: string;
  /** Answers what has come, then ends. */
  stop(): Promise<void>;
}

/** Serves add-checkpoint over HTTP, and at `/` says who it is. Throws `config-invalid` when the port cannot be had. */
export async function listen(
  witness: Witness,
  { host, port }: Place,
  onError: (error: unknown) => void,
): Promise<Listening> {
  const server = createServer(
    { requestTimeout: 10_000, headersTimeout: 5_000, keepAliveTimeout: 90_000, maxHeaderSize: 8_192 },
    (req, res) => {
      serve(witness, req, res).catch((error: unknown) => {
        onError(error);
        if (!res.headersSent) say(res, 500, 'The witness cannot sign now.\n');
      });
    },
  );
  server.maxConnections = 100;
  await opened(server, host, port);
  const address = server.address() as AddressInfo;
  return {
    url: `http://${address.family === 'IPv6' ? `[${address.address}]` : address.address}:${address.port}`,
    stop: async () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeIdleConnections();
        setTimeout(() => server.closeAllConnections(), 2000).unref();
      }),
  };
}

async function opened(server: Server, host: string, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const why = error.code === 'EADDRINUSE' ? `Port ${port} is taken. Choose another with --port.` : error.message;
      reject(new Refusal('config-invalid', why, {}, { cause: error }));
    });
    server.listen(port, host, resolve);
  });
}

async function serve(witness: Witness, req: IncomingMessage, res: ServerResponse): Promise<void> {
  const path = (req.url ?? '').split('?')[0];
  if (path === '/' && (req.method === 'GET' || req.method === 'HEAD')) introduce(witness, res);
  else if (path !== '/add-checkpoint') say(res, 404, 'There is only add-checkpoint here.\n');
  else if (req.method !== 'POST') say(res.setHeader('Allow', 'POST'), 405, 'POST it.\n');
  else await take(witness, req, res);
}

async function take(witness: Witness, req: IncomingMessage, res: ServerResponse): Promise<void> {
  const body = await readBody(req);
  if (body === null) {
    say(res.setHeader('Connection', 'close'), 413, 'That is too large.\n');
    return;
  }
  const { status, type, body: text } = await answer(witness, body);
  say(res, status, text, type);
}

function introduce({ identity, logs }: Witness, res: ServerResponse): void {
  const follows = logs.map((log) => `follows ${log.name}\n`).join('');
  say(res, 200, `${identity.vkey}\n${follows}`);
}

/** Null: more than there is room for, whatever was announced. */
async function readBody(req: IncomingMessage): Promise<string | null> {
  if (Number(req.headers['content-length'] ?? 0) > MAX_ADD_CHECKPOINT_BYTES) return null;
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of req as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_ADD_CHECKPOINT_BYTES) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function say(res: ServerResponse, status: number, text: string, type = 'text/plain; charset=utf-8'): void {
  res.writeHead(status, { 'Content-Type': type, 'Cache-Control': 'no-store', 'X-Content-Type-Options': 'nosniff' });
  res.end(text);
}
