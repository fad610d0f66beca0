/** A DKIM signature that could count, before it is verified. Names in lower case. */
export interface DkimSignature {
  readonly domain: string;
  readonly selector: string;
  readonly algorithm: 'rsa-sha256' | 'ed25519-sha256';
  readonly names: readonly string[];
  /** The part of i= after its @; `domain` where there is none. */
  readonly identityDomain: string;
}

/** Why a signature, a key or an answer does not count, in words for whoever reads a bounce. */
export class NotCounted {
  constructor(readonly why: string) {}
}

/** How far another's clock may be ahead, in seconds. */
const SKEW = 300;

/**
 * Reads the value of a DKIM-Signature header, strictly: a tag that stands twice, SHA-1 (RFC 8301), a part of the body only (l=), or a time that has not come or
 * is over does not count. RFC 6376 3.5.
 */
export function readSignature(value: string, now: Date): DkimSignature | NotCounted {
  const tags = readTags(value.replace(/\r\n(?=[ \t])/g, ''));
  if (!tags) return new NotCounted('the signature cannot be read');
  const get = (name: string): string => (tags.get(name) ?? '').replace(/\s+/g, '');
  // With l= anybody can add text after what was signed, or signed nothing at all.
  if (tags.has('l')) return new NotCounted('the signature covers a part of the mail only (l=)');
  const algorithm = get('a').toLowerCase();
  if (!isAlgorithm(algorithm)) return new NotCounted(`the signature is not of a kind that counts (${word(algorithm)})`);
  const [domain, selector] = [get('d').toLowerCase(), get('s').toLowerCase()];
  const identityDomain = (get('i').split('@').at(-1) ?? '').toLowerCase() || domain;
  const names = get('h').toLowerCase().split(':').filter(Boolean);
  const isSound =
    get('v') === '1' &&
    isDomain(domain, 2) &&
    isDomain(selector, 1) &&
    (identityDomain === domain || identityDomain.endsWith(`.${domain}`)) &&
    /^(?:(?:simple|relaxed)(?:\/(?:simple|relaxed))?)?$/i.test(get('c')) &&
    (!tags.has('q') || get('q').toLowerCase().split(':').includes('dns/txt')) &&
    names.every((name) => /^[\w-]+$/.test(name)) &&
    ['b', 'bh'].every((name) => /^[A-Za-z0-9+/]+={0,2}$/.test(get(name))) &&
    ['t', 'x'].every((name) => !tags.has(name) || /^\d{1,12}$/.test(get(name)));
  if (!isSound) return new NotCounted('the signature is not as RFC 6376 has it');
  const seconds = Math.floor(now.getTime() / 1000);
  if (tags.has('x') && Number(get('x')) < seconds) return new NotCounted('the signature has expired');
  if (tags.has('t') && Number(get('t')) > seconds + SKEW) return new NotCounted('the signature is of the future');
  return { domain, selector, algorithm, names, identityDomain };
}

/**
 * Does a signature of this domain speak for addresses of that one? Equal, or the address lies below the domain that signs (RFC 9989's relaxed alignment, the
 * one way): a name below the address's own may belong to a newsletter service, whose signature is not that of the mailbox.
 */
export function isAligned(signing: string, fromDomain: string): boolean {
  return fromDomain === signing || fromDomain.endsWith(`.${signing}`);
}

/** A key record that may be used for this signature, or why not. RFC 6376 3.6.1; g= is history and not looked at. */
export function judgeKey(record: string, signature: DkimSignature): NotCounted | null {
  const tags = readTags(record);
  if (!tags) return new NotCounted('the key record cannot be read');
  const words = (name: string): string[] => (tags.get(name) ?? '').toLowerCase().replace(/\s+/g, '').split(':');
  const isFor = (name: string, ...one: string[]): boolean =>
    !tags.has(name) || one.some((each) => words(name).includes(each));
  if (tags.has('v') && ([...tags.keys()][0] !== 'v' || tags.get('v') !== 'DKIM1'))
    return new NotCounted('the key record is of another version');
  if ((tags.get('p') ?? '') === '') return new NotCounted('the key was withdrawn');
  const type = tags.has('k') ? words('k')[0] : 'rsa';
  if (!signature.algorithm.startsWith(`${type ?? ''}-`)) return new NotCounted('the key is of another kind');
  if (!isFor('h', 'sha256')) return new NotCounted('the key is not for this kind of signature');
  if (!isFor('s', '*', 'email')) return new NotCounted('the key is not for mail');
  const flags = words('t');
  if (flags.includes('y')) return new NotCounted('the domain is only testing DKIM');
  if (flags.includes('s') && signature.identityDomain !== signature.domain)
    return new NotCounted('the key is not for names below its domain');
  return null;
}

/** RFC 6376 3.2; null for a tag that stands twice or is none. */
function readTags(text: string): Map<string, string> | null {
  const tags = new Map<string, string>();
  const parts = text.split(';').map((part) => part.trim());
  if (parts.at(-1) === '') parts.pop();
  for (const part of parts) {
    const [, name, value] = /^([A-Za-z]\w*)\s*=\s*([\x09\x20-\x7e]*)$/.exec(part) ?? [];
    if (name === undefined || value === undefined || tags.has(name)) return null;
    tags.set(name, value);
  }
  return tags;
}

function isAlgorithm(text: string): text is DkimSignature['algorithm'] {
  return text === 'rsa-sha256' || text === 'ed25519-sha256';
}

function isDomain(text: string, labels: number): boolean {
  const parts = text.split('.');
  return (
    text.length <= 253 && parts.length >= labels && parts.every((part) => /^[a-z0-9_](?:[a-z0-9_-]{0,62})$/.test(part))
  );
}

/** For an SMTP answer: letters only. */
function word(text: string): string {
  return /^[\w-]{1,30}$/.test(text) ? text : 'unknown';
}
