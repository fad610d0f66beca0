import { createHash, createPublicKey, type KeyObject } from 'node:crypto';
import type { DkimEvidence } from '../ledger/evidence.js';
import { isAligned, judgeKey, NotCounted, readSignature, type DkimSignature } from '../mail/dkim-signature.js';
import { splitFields } from '../mail/header-lines.js';
import { askDns, type Lookup } from './dns.js';

export interface DkimCheck {
  /** CRLF line ends only. */
  readonly raw: Buffer;
  /** Of the one address in From. */
  readonly fromDomain: string;
  /** Headers that must be signed, in lower case. */
  readonly signed: readonly string[];
  readonly lookup: Lookup;
  readonly now: Date;
}

/** A mail may carry so many signatures; so many of them are verified, with one look-up each, in so much time. */
const MOST_SIGNATURES = 10;
const MOST_VERIFIED = 3;
const DEADLINE_MS = 20_000;

/** RFC 8301: below the first it does not count, below the second it is noted as weak. */
const LEAST_BITS = 1024;
const FULL_BITS = 2048;

/** What the DNS could not say now, it may say later. */
export const LATER = 'later';

/**
 * The signature by which the provider of an address vouches for a mail (P-13): of the domain in From, over the whole body and `signed`, with a key that stands
 * in the DNS now. Returns what is to be kept of it, or why none counts, or `later` when the DNS is away.
 */
export async function checkDkim(check: DkimCheck): Promise<DkimEvidence | NotCounted | typeof LATER> {
  const { signatures, rest, body } = splitSignatures(check.raw);
  if (signatures.length === 0) return new NotCounted('the mail is not signed with DKIM');
  if (signatures.length > MOST_SIGNATURES) return new NotCounted('the mail has too many signatures');
  const deadline = Date.now() + DEADLINE_MS;
  const refused: NotCounted[] = [];
  let isLater = false;
  let verified = 0;
  for (const line of signatures) {
    const signature = readSignature(line.slice(line.indexOf(':') + 1), check.now);
    const not = signature instanceof NotCounted ? signature : whyNot(signature, check);
    if (not || signature instanceof NotCounted) {
      if (not) refused.push(not);
      continue;
    }
    if (verified === MOST_VERIFIED || Date.now() > deadline) break;
    verified += 1;
    const alone = Buffer.concat([Buffer.from([line, ...rest, '', ''].join('\r\n'), 'latin1'), body]);
    const answer = await withDeadline(verify(alone, signature, check), deadline);
    if (answer === LATER) isLater = true;
    else if (answer instanceof NotCounted) refused.push(answer);
    else return answer;
  }
  return isLater ? LATER : (refused.at(-1) ?? new NotCounted('no signature counts'));
}

/**
 * Each signature is verified in a mail of its own, without the others: the verifier looks at one, asks for one key, and cannot be led to another. One that signs
 * other signatures does not verify so; mailbox providers make none.
 */
function splitSignatures(raw: Buffer): { signatures: string[]; rest: string[]; body: Buffer } {
  const { fields, body } = splitFields(raw);
  return {
    signatures: fields.filter((line) => /^dkim-signature[ \t]*:/i.test(line)),
    rest: fields.filter((line) => !/^(?:dkim-signature|arc-[a-z-]+)[ \t]*:/i.test(line)),
    body,
  };
}

function whyNot(signature: DkimSignature, { fromDomain, signed }: DkimCheck): NotCounted | null {
  if (!isAligned(signature.domain, fromDomain)) return new NotCounted('the signature is not of the domain in From');
  const missing = signed.find((name) => !signature.names.includes(name));
  return missing ? new NotCounted(`the signature does not cover ${missing}`) : null;
}

async function verify(
  alone: Buffer,
  signature: DkimSignature,
  { lookup, now, fromDomain }: DkimCheck,
): Promise<DkimEvidence | NotCounted | typeof LATER> {
  const name = `${signature.selector}._domainkey.${signature.domain}`;
  const records = await lookUp(lookup, name);
  if (!records) return LATER;
  const record = oneKey(records, signature);
  if (record instanceof NotCounted) return record;
  const key = readKey(record, signature);
  if (key instanceof NotCounted) return key;
  // Half a second to load, and few installations need it.
  const { dkimVerify } = await import('mailauth/lib/dkim/verify.js');
  const { results } = await dkimVerify(alone, {
    ...{ minBitLength: LEAST_BITS, curTime: now },
    resolver: async (asked) => Promise.resolve(asked.toLowerCase() === name ? [[recordOf(key)]] : []),
  });
  const [result] = results;
  // Read by two readers: both must have read the same.
  const isSame =
    result?.signingDomain.toLowerCase() === signature.domain && result.selector?.toLowerCase() === signature.selector;
  if (!isSame || result.status.result !== 'pass') return new NotCounted('the signature does not verify');
  // Above the address's own domain only within one organisation: nobody signs for a public suffix.
  if (signature.domain !== fromDomain && !result.status.aligned)
    return new NotCounted('the signature is not of the domain in From');
  return evidence(signature, { record, bits: bitsOf(key) }, now);
}

/** null: the DNS is away. */
async function lookUp(lookup: Lookup, name: string): Promise<string[] | null> {
  return (await askDns(lookup(name)))?.map((pieces) => pieces.join('')) ?? null;
}

function oneKey(records: readonly string[], signature: DkimSignature): string | NotCounted {
  const [record, ...others] = records.filter((text) => /(?:^|;)\s*p\s*=/.test(text));
  if (record === undefined) return new NotCounted('there is no key for the signature in the DNS');
  if (others.length > 0) return new NotCounted('there are several keys where one must be');
  return judgeKey(record, signature) ?? record;
}

const ED25519_HEAD = Buffer.from('302a300506032b6570032100', 'hex');

/** RFC 6376 says that p= of RSA is the bare key, and everybody writes it with its algorithm before it: both are read. */
function readKey(record: string, { algorithm }: DkimSignature): KeyObject | NotCounted {
  const text = /(?:^|;)\s*p\s*=([^;]*)/.exec(record)?.[1] ?? '';
  const bytes = Buffer.from(text, 'base64');
  const forms =
    algorithm === 'rsa-sha256'
      ? ([
          [bytes, 'spki'],
          [bytes, 'pkcs1'],
        ] as const)
      : ([[Buffer.concat([ED25519_HEAD, bytes]), 'spki']] as const);
  for (const [key, type] of forms) {
    try {
      const read = createPublicKey({ key, format: 'der', type });
      if (!algorithm.startsWith(`${read.asymmetricKeyType ?? ''}-`)) continue;
      const bits = bitsOf(read);
      return bits !== null && bits < LEAST_BITS ? new NotCounted(`the key has only ${bits} bits`) : read;
    } catch {
      continue;
    }
  }
  return new NotCounted('the key cannot be read');
}

/** As the verifier takes it. */
function recordOf(key: KeyObject): string {
  const bytes = key.export({ format: 'der', type: 'spki' });
  const isRsa = key.asymmetricKeyType === 'rsa';
  return `k=${isRsa ? 'rsa' : 'ed25519'}; p=${(isRsa ? bytes : bytes.subarray(-32)).toString('base64')}`;
}

/** null: not RSA. */
function bitsOf(key: KeyObject): number | null {
  return key.asymmetricKeyDetails?.modulusLength ?? null;
}

function evidence(
  signature: DkimSignature,
  { record, bits }: { record: string; bits: number | null },
  now: Date,
): DkimEvidence {
  return {
    domain: signature.domain,
    selector: signature.selector,
    algorithm: signature.algorithm,
    ...(bits === null ? {} : { key_bits: bits }),
    key_strength: bits !== null && bits < FULL_BITS ? 'weak' : 'full',
    signed_headers: [...new Set(signature.names)],
    key_record: record,
    key_record_sha256: createHash('sha256').update(record, 'utf8').digest('hex'),
    seen_at: now.toISOString(),
    key_seen_by: 'operator',
  };
}

async function withDeadline<T>(work: Promise<T>, deadline: number): Promise<T | typeof LATER> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<typeof LATER>((resolve) => {
    timer = setTimeout(() => resolve(LATER), Math.max(0, deadline - Date.now()));
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}
