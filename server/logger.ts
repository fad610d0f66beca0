import { pino, type DestinationStream, type Logger } from 'pino';

export type { Logger };

/** A logger that never writes an address, an IP or a token: whatever looks like one is replaced before it leaves the process. */
export function makeLogger(level: string, destination?: DestinationStream): Logger {
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    serializers: { err: (error: unknown) => describeError(error) },
    hooks: { streamWrite: redact },
  };
  return destination ? pino(options, destination) : pino(options);
}

/** Replaces mail addresses and link tokens in a text. */
export function redact(text: string): string {
  return text
    .replace(/[^\s"'<>:,;()[\]\\/=]{1,64}@[\p{L}\p{N}.-]+\p{L}/gu, '[address]')
    .replace(/\/(c|u|p|m|n|receipts)\/[A-Za-z0-9_-]{16,}/g, '/$1/[token]')
    .replace(/\bb?\+?[a-z2-7]{32,}\b/g, '[token]');
}

function describeError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const { name, message, stack } = error;
  const code = 'code' in error ? error.code : undefined;
  return { name, code, message, stack, ...(error.cause ? { cause: describeError(error.cause) } : {}) };
}
