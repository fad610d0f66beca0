import { hash, type KeyObject } from 'node:crypto';
import { planSigning, relaxSigned } from './dkim-plan.js';
import type { HeaderField } from './headers.js';
import { relaxBody, relaxField } from './relaxed.js';
import { isEd25519, signNow } from './signature.js';

/** A mail as it leaves. */
export interface MailToSign {
  readonly headers: readonly HeaderField[];
  /** CRLF line ends. */
  readonly body: Buffer;
  /** When it is known (`bodyHash`): saves a pass over the body. */
  readonly bodyHash?: string;
  /** Names for h=, in order; a name more often than the mail has it keeps others from adding one. Default: those of `planSigning`. */
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

/** Makes the signature of a text: as `signNow`, here or elsewhere. */
export type Sign = (key: KeyObject, text: string) => string | Promise<string>;

/**
 * A `DKIM-Signature` header for each key, in their order, folded, without the CRLF at its end. relaxed/relaxed, rsa-sha256 or ed25519-sha256, no l= (M-31).
 * Body and headers are hashed and relaxed once for all. Sign last (M-30). RFC 6376, RFC 8463.
 */
export async function signDkim(mail: MailToSign, keys: readonly SigningKey[], sign: Sign = signNow): Promise<string[]> {
  const plan = planSigning(mail.headers, mail.headerNames);
  const relaxed = relaxSigned(mail.headers, plan);
  const fixed = [` h=${plan.folded};`, ` bh=${mail.bodyHash ?? bodyHash(mail.body)};`, ` b=`];
  return Promise.all(
    keys.map(async ({ domain, selector, key }) => {
      const unsigned = [
        ` v=1; a=${isEd25519(key) ? 'ed25519' : 'rsa'}-sha256; c=relaxed/relaxed; d=${domain};`,
        ` s=${selector}; t=${Math.floor(mail.now.getTime() / 1000)};`,
        ...fixed,
      ].join('\r\n');
      const signature = await sign(key, hashInput(relaxed, unsigned));
      return `DKIM-Signature:${unsigned}${foldSignature(signature)}`;
    }),
  );
}

/** base64 of SHA-256 over the relaxed body. RFC 6376 3.7. */
export function bodyHash(body: Buffer): string {
  return hash('sha256', relaxBody(body), 'base64');
}

/** What is signed, as UTF-8: the named headers from the last upwards, then the signature's own with an empty b=. */
export function headerHashInput(headers: readonly HeaderField[], names: readonly string[], unsigned: string): string {
  return hashInput(relaxSigned(headers, planSigning(headers, names)), unsigned);
}

const SIGNATURE_LINE = 72;

function hashInput(relaxed: string, unsigned: string): string {
  return relaxed + relaxField('DKIM-Signature', unsigned);
}

function foldSignature(base64: string): string {
  let folded = base64.slice(0, SIGNATURE_LINE);
  for (let at = SIGNATURE_LINE; at < base64.length; at += SIGNATURE_LINE)
    folded += `\r\n ${base64.slice(at, at + SIGNATURE_LINE)}`;
  return folded;
}
