import { createHash, sign, type KeyObject } from 'node:crypto';
import type { HeaderField } from './headers.js';
import { relaxBody, relaxField } from './relaxed.js';

/** A mail as it leaves. */
export interface MailToSign {
  readonly headers: readonly HeaderField[];
  /** CRLF line ends. */
  readonly body: Buffer;
  /** The body in relaxed form, when it is known: saves a pass over it. */
  readonly relaxedBody?: Buffer;
  /** Names for h=, in order; a name more often than the mail has it keeps others from adding one. Default: `signedNames`. */
  readonly headerNames?: readonly string[];
  readonly now: Date;
}

/** Whose key signs, and where its public half stands. */
export interface SigningKey {
  readonly domain: string;
  readonly selector: string;
  /** RSA (2048 bits or more) or Ed25519; a KeyObject, because reading a PEM takes longer than signing. */
  readonly key: KeyObject;
}

/**
 * A `DKIM-Signature` header for each key, in their order, folded, without the CRLF at its end. relaxed/relaxed, rsa-sha256 or ed25519-sha256, no l= (M-31).
 * Body and headers are hashed and relaxed once for all. Sign last (M-30). RFC 6376, RFC 8463.
 */
export async function signDkim(mail: MailToSign, keys: readonly SigningKey[]): Promise<string[]> {
  const names = mail.headerNames ?? signedNames(mail.headers);
  const relaxed = relaxFields(mail.headers, names);
  const fixed = [` h=${foldNames(names)};`, ` bh=${hash(mail.relaxedBody ?? relaxBody(mail.body))};`, ` b=`];
  return Promise.all(
    keys.map(async ({ domain, selector, key }) => {
      const unsigned = [
        ` v=1; a=${isEd25519(key) ? 'ed25519' : 'rsa'}-sha256; c=relaxed/relaxed; d=${domain};`,
        ` s=${selector}; t=${Math.floor(mail.now.getTime() / 1000)};`,
        ...fixed,
      ].join('\r\n');
      const signature = await signBytes(key, hashInput(relaxed, unsigned));
      return `DKIM-Signature:${unsigned}${signature.replace(/.{72}(?=.)/g, '$&\r\n ')}`;
    }),
  );
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
  return hashInput(relaxFields(headers, names), unsigned);
}

/** base64 of the signature; computed off the main thread. Ed25519 signs the SHA-256 hash (RFC 8463 3). */
export async function signBytes(key: KeyObject, bytes: Buffer): Promise<string> {
  const ed25519 = isEd25519(key);
  const message = ed25519 ? createHash('sha256').update(bytes).digest() : bytes;
  return new Promise((resolve, reject) => {
    sign(ed25519 ? null : 'sha256', message, key, (error, signature) => {
      if (error) reject(error);
      else resolve(signature.toString('base64'));
    });
  });
}

/** M-31: none of these can be added, doubled or taken away. */
export const OVERSIGNED = [
  'from',
  'to',
  'subject',
  'date',
  'message-id',
  'list-unsubscribe',
  'list-unsubscribe-post',
  'content-type',
];
const SIGNED = [
  ...['list-id', 'feedback-id', 'mime-version', 'reply-to', 'auto-submitted', 'sender', 'cc', 'in-reply-to'],
  ...['references', 'content-transfer-encoding', 'list-help', 'list-post', 'list-owner', 'list-archive'],
];

function isEd25519(key: KeyObject): boolean {
  return key.asymmetricKeyType === 'ed25519';
}

function hashInput(relaxed: string, unsigned: string): Buffer {
  return Buffer.from(relaxed + relaxField('DKIM-Signature', unsigned), 'utf8');
}

function relaxFields(headers: readonly HeaderField[], names: readonly string[]): string {
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
  return text;
}

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
