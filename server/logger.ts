import { pino, type DestinationStream, type Logger } from 'pino';

export type { Logger };

/** A logger that never writes a mail address, a public IP or a token: whatever looks like one is replaced before it leaves the process. */
export function makeLogger(level: string, destination?: DestinationStream): Logger {
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    serializers: { err: (error: unknown) => describeError(error) },
    hooks: { streamWrite: redactLine },
  };
  return destination ? pino(options, destination) : pino(options);
}

const ADDRESS = /[^\s"<>:,;()[\]\\]{1,64}(?:@|%40)[\p{L}\p{N}.-]+\p{L}/gu;
const LINK_PATH = /\/(c|u|p|m|n|receipts)\/[A-Za-z0-9_-]{16,}/g;
// Every link token begins with its version and a letter: 01 6x or 01 7x.
const LINK_TOKEN = /(?<![A-Za-z0-9_-])A[WX][A-Za-z0-9_-]{50,}/g;
const ADDRESS_TOKEN =
  /(?<![A-Za-z0-9])[buxy]?\+?(?:[a-z2-7]{32}(?:[a-z2-7]{16})?|[A-Z2-7]{32}(?:[A-Z2-7]{16})?)(?![A-Za-z0-9])/g;
// Private and loopback addresses are those of our own machines.
const IPV4 =
  /(?<![\d.])(?!10\.|127\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.|169\.254\.|0\.0\.0\.0)(?:\d{1,3}\.){3}\d{1,3}(?!\.?\d)/g;
const IPV6 = /(?<![\w:])[23][0-9a-f]{3}:(?:[0-9a-f]{0,4}:){1,6}[0-9a-f]{0,4}/gi;

/** Replaces mail addresses and link tokens in a text. */
export function redact(text: string): string {
  return text
    .replace(ADDRESS, (hit) => `${pathBefore(hit)}[address]`)
    .replace(LINK_PATH, '/$1/[token]')
    .replace(LINK_TOKEN, '[token]')
    .replace(ADDRESS_TOKEN, '[token]');
}

// "/", "=" and "?" may be part of an address; what begins like a path or a query keeps all before the address.
function pathBefore(hit: string): string {
  const [path = ''] = /^.*[/=?&](?=[^/=?&]+(?:@|%40))/u.exec(hit) ?? [];
  return /^(?:\/|\w+=)/.test(path) ? path : '';
}

// In the parsed line, since a replacement in the middle of an escape would leave broken JSON.
function redactLine(line: string): string {
  return `${JSON.stringify(redactAll(JSON.parse(line)))}\n`;
}

function redactAll(value: unknown): unknown {
  if (typeof value === 'string') return redactText(value);
  if (Array.isArray(value)) return value.map(redactAll);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [redactText(name), redactAll(one)]));
}

function redactText(text: string): string {
  return redact(text).replace(IPV4, '[ip]').replace(IPV6, '[ip]');
}

function describeError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const { name, message, stack } = error;
  const code = 'code' in error ? error.code : undefined;
  return { name, code, message, stack, ...(error.cause ? { cause: describeError(error.cause) } : {}) };
}
