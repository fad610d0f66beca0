import { isPublished } from './dkim-record.js';
import type { SigningKey } from './dkim.js';

/** What the DNS says about one record: `waiting` is a key that is not used yet, `unknown` a DNS that does not answer. */
export type Verdict = 'ok' | 'missing' | 'wrong' | 'waiting' | 'unknown' | 'unchecked';

/** With what is wrong and the way out, in words. */
export interface Judged {
  readonly verdict: Verdict;
  readonly words: string;
}

/** The texts at the name of a key that signs. */
export function judgeKeyTexts(texts: readonly string[], key: SigningKey): Judged {
  const keys = texts.filter((text) => /(?:^|;)\s*p\s*=/.test(text));
  if (keys.length === 0)
    return {
      verdict: 'missing',
      words: `No key stands there, so receivers cannot check what ${key.domain} signs: publish this record.`,
    };
  if (keys.length > 1)
    return {
      verdict: 'wrong',
      words: `${keys.length} keys stand at one name, and receivers take any: leave this one only.`,
    };
  if (keys.some((text) => /(?:^|;)\s*t\s*=[^;]*\by\b/.test(text)))
    return { verdict: 'wrong', words: 'The record says that the domain is only testing (t=y): take that out.' };
  if (!isPublished(keys, key))
    return {
      verdict: 'wrong',
      words: 'Another key stands there, or a part of it is missing: replace the text by this one.',
    };
  return { verdict: 'ok', words: 'The DNS shows this key.' };
}

/** SPF of a domain by its text alone. RFC 7208. */
export function judgeSpfTexts(texts: readonly string[]): Judged {
  const records = texts.filter((text) => /^v=spf1(?: |$)/i.test(text));
  const [record, ...others] = records;
  if (record === undefined)
    return { verdict: 'missing', words: 'No SPF record: publish one that names the server which sends for you.' };
  if (others.length > 0)
    return { verdict: 'wrong', words: `${records.length} SPF records count as none: join them into one.` };
  const terms = record.toLowerCase().trim().split(/\s+/).slice(1);
  if (terms.some((term) => term === 'all' || term === '+all'))
    return { verdict: 'wrong', words: '"+all" lets everybody send in your name: end the record with "-all".' };
  if (!terms.some((term) => /^(?:[~?-]all$|redirect=)/.test(term)))
    return { verdict: 'wrong', words: 'The record does not say what holds for all others: end it with "-all".' };
  return { verdict: 'ok', words: 'There is one SPF record, and it does not let everybody send.' };
}

/** DMARC by the text that holds for a domain, its own or that of a domain above it. pct is history (RFC 9989). */
export function judgeDmarcTexts(texts: readonly string[], isInherited: boolean): Judged {
  const records = dmarcRecords(texts);
  const [record, ...others] = records;
  if (record === undefined)
    return {
      verdict: 'missing',
      words: 'No DMARC record: the large providers refuse bulk mail without one. Publish this.',
    };
  if (others.length > 0)
    return { verdict: 'wrong', words: `${records.length} DMARC records count as none: leave one.` };
  const tags = new Map(
    record.split(';').map((part) => {
      const [name = '', value = ''] = part.split('=', 2);
      return [name.trim().toLowerCase(), value.trim().toLowerCase()] as const;
    }),
  );
  const policy = (isInherited ? tags.get('sp') : undefined) ?? tags.get('p') ?? 'none';
  if (!['none', 'quarantine', 'reject'].includes(policy))
    return {
      verdict: 'wrong',
      words: `The policy "${policy.slice(0, 20)}" is none: write p=none, p=quarantine or p=reject.`,
    };
  const whose = isInherited ? 'The record of the domain above holds' : 'There is a DMARC record';
  return policy === 'none'
    ? {
        verdict: 'ok',
        words: `${whose}, which only watches (p=none): once its reports show that all of your mail passes, write p=quarantine.`,
      }
    : { verdict: 'ok', words: `${whose} (p=${policy}).` };
}

/** Those of the texts at `_dmarc` that are DMARC records. */
export function dmarcRecords(texts: readonly string[]): string[] {
  return texts.filter((text) => /^v\s*=\s*DMARC1\s*(?:;|$)/.test(text));
}

/** A text as zone files and most DNS forms take it: pieces of at most 255 characters in quotation marks. */
export function quoteText(text: string): string {
  return (text.match(/.{1,255}/gs) ?? ['']).map((piece) => `"${piece}"`).join(' ');
}
