import { createHash, sign, type KeyObject } from 'node:crypto';
import type { HeaderField } from './headers.js';
import { relaxBody, relaxField } from './relaxed.js';

/** What is to be signed: a mail as it leaves, and whose key signs it. */
export interface DkimInput {
  readonly headers: readonly HeaderField[];
  /** CRLF line ends. */
  readonly body: Buffer;
  /** The body in relaxed form, when it is known: saves a pass over it. */
  readonly relaxedBody?: Buffer;
  readonly domain: string;
  readonly selector: string;
  /** RSA (2048 bits or more) or Ed25519; a KeyObject, because reading a PEM takes longer than signing. */
  readonly key: KeyObject;
  /** Names for h=, in order; a name more often than the mail has it keeps others from adding one. Default: `signedNames`. */
  readonly headerNames?: readonly string[];
  readonly now: Date;
}

/**
 * The `DKIM-Signature` header, folded, without the CRLF at its end. relaxed/relaxed, rsa-sha256 or ed25519-sha256, no l=
 * (M-31). Sign last (M-30). RFC 6376, RFC 8463.
 */
export async function signDkim(input: DkimInput): Promise<string> {
  const names = input.headerNames ?? signedNames(input.headers);
  const ed25519 = input.key.asymmetricKeyType === 'ed25519';
  const unsigned = [
    ` v=1; a=${ed25519 ? 'ed25519' : 'rsa'}-sha256; c=relaxed/relaxed; d=${input.domain};`,
    ` s=${input.selector}; t=${Math.floor(input.now.getTime() / 1000)};`,
    ` h=${foldNames(names)};`,
    ` bh=${hash(input.relaxedBody ?? relaxBody(input.body))};`,
    ` b=`,
  ].join('\r\n');
  const signature = await signBytes(input.key, headerHashInput(input.headers, names, unsigned));
  return `DKIM-Signature:${unsigned}${signature.replace(/.{72}(?=.)/g, '$&\r\n ')}`;
}

/**
 * Names to sign: those that must not be added or doubled once more than present (M-31, as the example of RFC 8463 does),
 * others of meaning as often as present.
 */
export function signedNames(headers: readonly HeaderField[]): string[] {
  const present = (name: string) => headers.filter(([one]) => one.toLowerCase() === name).map(() => name);
  return [...OVERSIGNED.flatMap((name) => [...present(name), name]), ...SIGNED.flatMap(present)];
}

/** base64 of SHA-256 over the relaxed body. RFC 6376 3.7. */
export function bodyHash(body: Buffer): string {
  return hash(relaxBody(body));
}

/** The bytes under the signature: the named headers from the last upwards, then the signature's own with an empty b=. */
export function headerHashInput(headers: readonly HeaderField[], names: readonly string[], unsigned: string): Buffer {
  const left = new Map<string, HeaderField[]>();
  for (const field of headers) {
    const name = field[0].toLowerCase();
    const fields = left.get(name);
    if (fields) fields.push(field);
    else left.set(name, [field]);
  }
  let text = '';
  for (const name of names) {
    const field = left.get(name.toLowerCase())?.pop();
    if (field) text += `${relaxField(field[0], field[1])}\r\n`;
  }
  return Buffer.from(text + relaxField('DKIM-Signature', unsigned), 'utf8');
}

/** base64 of the signature; computed off the main thread. Ed25519 signs the SHA-256 hash (RFC 8463 3). */
export async function signBytes(key: KeyObject, bytes: Buffer): Promise<string> {
  const ed25519 = key.asymmetricKeyType === 'ed25519';
  const message = ed25519 ? createHash('sha256').update(bytes).digest() : bytes;
  return new Promise((resolve, reject) => {
    sign(ed25519 ? null : 'sha256', message, key, (error, signature) => {
      if (error) reject(error);
      else resolve(signature.toString('base64'));
    });
  });
}

const OVERSIGNED = [
  'from',
  'to',
  'subject',
  'date',
  'message-id',
  'list-unsubscribe',
  'list-unsubscribe-post',
  'content-type',
];
const SIGNED = ['list-id', 'feedback-id', 'mime-version', 'reply-to', 'auto-submitted'];

function hash(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('base64');
}

function foldNames(names: readonly string[]): string {
  const lines: string[] = [];
  let line = '';
  for (const name of names) {
    if (line.length + name.length > 70) {
      lines.push(line);
      line = '';
    }
    line += `${line === '' && lines.length === 0 ? '' : ':'}${name}`;
  }
  return [...lines, line].join('\r\n ');
}
