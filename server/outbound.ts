import { lookup as dnsLookup } from 'node:dns/promises';
import { request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { isIP } from 'node:net';
import { isAllowed } from './public-address.js';

/** Why a request that leaves this machine was refused or failed. */
export type OutboundCode =
  'url-refused' | 'address-refused' | 'name-unknown' | 'unreachable' | 'redirected' | 'too-large' | 'too-slow';

/** Nothing usable came back. The message names the host, never the path: a webhook's may be a secret. */
export class OutboundError extends Error {
  override readonly name = 'OutboundError';

  constructor(
    readonly code: OutboundCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

export interface OutboundRequest {
  readonly url: string;
  /** POST if it is not said. */
  readonly method?: 'GET' | 'POST';
  /** Of the body that is posted. */
  readonly type?: string;
  readonly body?: string | Buffer;
  readonly headers?: Readonly<Record<string, string>>;
  /** Of the answer's body. */
  readonly maxBytes: number;
  /** For everything: name, connection, answer. */
  readonly timeoutMs: number;
  /** Ends it sooner. */
  readonly signal?: AbortSignal;
}

export interface OutboundAnswer {
  readonly status: number;
  /** Without parameters, in lower case. */
  readonly type: string;
  readonly body: Buffer;
}

/** All addresses of a name. */
export type Lookup = (name: string) => Promise<readonly string[]>;

/** Asks servers that somebody else runs. Throws OutboundError. */
export type Outbound = (request: OutboundRequest) => Promise<OutboundAnswer>;

/**
 * The one way to servers that settings name: authorities, witnesses, webhooks (T13). A name is looked up once, and the connection goes to the address that
 * was judged; private addresses are refused, redirects are not followed, proxies of the environment are not used. Outside production loopback and http are
 * allowed.
 */
export function makeOutbound(options: { readonly production: boolean; readonly lookup?: Lookup }): Outbound {
  const lookup = options.lookup ?? systemLookup;
  return async (request) => {
    const url = readUrl(request.url, options.production);
    const { signal, done } = deadline(request);
    try {
      const address = await Promise.race([pin(url, lookup, options.production), whenAborted(signal)]);
      return await ask(url, address, request, signal);
    } catch (error) {
      if (error instanceof OutboundError) throw error;
      if (signal.aborted) throw new OutboundError('too-slow', `${url.host} did not answer in time`, { cause: error });
      throw new OutboundError('unreachable', `${url.host} cannot be reached: ${reason(error)}`, { cause: error });
    } finally {
      done();
    }
  };
}

// By hand: Node 20 may collect a timeout that only AbortSignal.any() holds, and then it never comes.
function deadline({ timeoutMs, signal }: OutboundRequest): { signal: AbortSignal; done: () => void } {
  const controller = new AbortController();
  const stop = (): void => controller.abort();
  const timer = setTimeout(stop, timeoutMs);
  signal?.addEventListener('abort', stop, { once: true });
  if (signal?.aborted) stop();
  return {
    signal: controller.signal,
    done: () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', stop);
    },
  };
}

function readUrl(text: string, production: boolean): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (!url || !(url.protocol === 'https:' || (url.protocol === 'http:' && !production))) {
    throw new OutboundError('url-refused', production ? 'the URL must be https' : 'the URL must be https or http');
  }
  if (url.username !== '' || url.password !== '')
    throw new OutboundError('url-refused', 'the URL must hold no password');
  return url;
}

// Every address of the name must be allowed: one of ours among others is a trick, not a second chance.
async function pin(url: URL, lookup: Lookup, production: boolean): Promise<string> {
  const name = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const addresses = isIP(name) > 0 ? [name] : await resolved(name, lookup);
  const refused = addresses.find((address) => !isAllowed(address, production));
  if (refused !== undefined)
    throw new OutboundError('address-refused', `${url.hostname} leads to ${refused}, where nothing is sent`);
  const [first] = addresses;
  if (first === undefined) throw new OutboundError('name-unknown', `${url.hostname} has no address`);
  return first;
}

async function resolved(name: string, lookup: Lookup): Promise<readonly string[]> {
  try {
    return await lookup(name);
  } catch (error) {
    throw new OutboundError('name-unknown', `${name} cannot be looked up: ${reason(error)}`, { cause: error });
  }
}

async function systemLookup(name: string): Promise<string[]> {
  return (await dnsLookup(name, { all: true })).map(({ address }) => address);
}

async function ask(
  url: URL,
  address: string,
  { method = 'POST', type = '', body = '', headers = {}, maxBytes }: OutboundRequest,
  signal: AbortSignal,
): Promise<OutboundAnswer> {
  const bytes = Buffer.from(body);
  const name = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const options: RequestOptions & { servername?: string } = {
    method,
    host: address,
    port: url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port),
    path: url.pathname + url.search,
    // An agent of its own: no proxy of the environment, no connection that others used.
    agent: false,
    signal,
    maxHeaderSize: 16_384,
    headers: {
      ...{ ...headers, Host: url.host },
      ...(method === 'POST' ? { 'Content-Type': type, 'Content-Length': bytes.length } : {}),
    },
    // The certificate must be for the name, not for the address that we looked up.
    ...(url.protocol === 'https:' && isIP(name) === 0 ? { servername: name } : {}),
  };
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    const request = (url.protocol === 'https:' ? httpsRequest : httpRequest)(options, resolve);
    request.once('error', reject);
    request.end(bytes);
  });
  return read(url, answer, maxBytes);
}

async function read(url: URL, answer: IncomingMessage, maxBytes: number): Promise<OutboundAnswer> {
  const status = answer.statusCode ?? 0;
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    if (status >= 300 && status < 400) throw new OutboundError('redirected', `${url.host} wants to lead elsewhere`);
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > maxBytes)
        throw new OutboundError('too-large', `${url.host} answers with more than ${maxBytes} bytes`);
      chunks.push(chunk);
    }
  } finally {
    answer.destroy();
  }
  const [type = ''] = (answer.headers['content-type'] ?? '').split(';');
  return { status, type: type.trim().toLowerCase(), body: Buffer.concat(chunks) };
}

async function whenAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const stop = (): void => reject(new Error('aborted'));
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
  });
}

function reason(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown reason';
  return 'code' in error && typeof error.code === 'string' ? error.code : error.message;
}
