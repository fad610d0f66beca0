import { lookup as dnsLookup } from 'node:dns/promises';
import { request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { BlockList, isIP } from 'node:net';

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
  readonly type: string;
  readonly body: string | Buffer;
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

/** Posts to servers that somebody else runs. Throws OutboundError. */
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
    const signal = AbortSignal.any([
      AbortSignal.timeout(request.timeoutMs),
      ...(request.signal ? [request.signal] : []),
    ]);
    try {
      const address = await Promise.race([pin(url, lookup, options.production), whenAborted(signal)]);
      return await post(url, address, request, signal);
    } catch (error) {
      if (error instanceof OutboundError) throw error;
      if (signal.aborted) throw new OutboundError('too-slow', `${url.host} did not answer in time`, { cause: error });
      throw new OutboundError('unreachable', `${url.host} cannot be reached: ${reason(error)}`, { cause: error });
    }
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

const LOOPBACK = rangesOf(['127.0.0.0/8'], ['::1/128']);
/** All that is not on the public internet: IANA's special-purpose registries, multicast and what is reserved. */
const REFUSED_V4 = rangesOf(
  [
    ...['0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12', '192.0.0.0/24'],
    ...['192.0.2.0/24', '192.88.99.0/24', '192.168.0.0/16', '198.18.0.0/15', '198.51.100.0/24', '203.0.113.0/24'],
    ...['224.0.0.0/4', '240.0.0.0/4'],
  ],
  [],
);
/** Of IPv6 only global unicast is public, and of that not what carries an IPv4 address or is for examples. */
const ALLOWED_V6 = rangesOf([], ['2000::/3']);
const REFUSED_V6 = rangesOf([], ['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20']);

/** Whether something may be sent to this address. */
export function isAllowed(address: string, production: boolean): boolean {
  const version = isIP(address);
  if (version === 0 || address.includes('%')) return false;
  const family = version === 4 ? 'ipv4' : 'ipv6';
  if (!isMapped(address) && LOOPBACK.check(address, family)) return !production;
  if (version === 4) return !REFUSED_V4.check(address);
  return ALLOWED_V6.check(address, 'ipv6') && !REFUSED_V6.check(address, 'ipv6');
}

// Node compares ::ffff:127.0.0.1 with ranges of IPv4 too; here a mapped address is never what it pretends to be.
function isMapped(address: string): boolean {
  return isIP(address) === 6 && new URL(`http://[${address}]`).hostname.startsWith('[::ffff:');
}

function rangesOf(v4: readonly string[], v6: readonly string[]): BlockList {
  const list = new BlockList();
  const add = (ranges: readonly string[], family: 'ipv4' | 'ipv6'): void => {
    for (const range of ranges) {
      const [net = '', prefix = ''] = range.split('/');
      list.addSubnet(net, Number(prefix), family);
    }
  };
  add(v4, 'ipv4');
  add(v6, 'ipv6');
  return list;
}

async function post(
  url: URL,
  address: string,
  { type, body, headers = {}, maxBytes }: OutboundRequest,
  signal: AbortSignal,
): Promise<OutboundAnswer> {
  const bytes = Buffer.from(body);
  const name = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const options: RequestOptions & { servername?: string } = {
    method: 'POST',
    host: address,
    port: url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port),
    path: url.pathname + url.search,
    // An agent of its own: no proxy of the environment, no connection that others used.
    agent: false,
    signal,
    maxHeaderSize: 16_384,
    headers: { ...headers, Host: url.host, 'Content-Type': type, 'Content-Length': bytes.length },
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
