import { domainToASCII, domainToUnicode } from 'node:url';
import { Refusal } from '../errors.js';

/** A mail address that can be written into an envelope: `local@domain`. */
export interface Address {
  /** As typed, without blanks around it. */
  readonly given: string;
  /** What identifies the mailbox here: NFC and lower case of `local@domain` (M-35). Dots and plus tags stay. */
  readonly normal: string;
  /** As typed; may hold letters beyond ASCII, and then the next hop needs SMTPUTF8. */
  readonly local: string;
  /** A-labels in lower case. */
  readonly domain: string;
}

/** RFC 5321 4.5.3.1: a path of 256 octets with its angle brackets. */
const MAX_OCTETS = 254;
const MAX_LOCAL_OCTETS = 64;

/**
 * Reads an address somebody typed. Quoted local parts, comments, display names and domain literals are refused although
 * RFC 5322 knows them: in a form they are mistakes. A domain needs a dot and an ending that is not a number.
 * Throws `address-invalid`, with a sentence for the person.
 */
export function parseAddress(text: string): Address {
  if (text.length > 4 * MAX_OCTETS) throw invalid('is too long');
  const given = text.replace(/^[\p{Zs}\t]+|[\p{Zs}\t]+$/gu, '');
  if (/[\p{C}\p{Z}]/u.test(given)) throw invalid('contains a blank or an invisible character');
  const at = given.lastIndexOf('@');
  if (at < 0) throw invalid('needs an @');
  const local = given.slice(0, at);
  const domain = parseDomain(given.slice(at + 1));
  checkLocal(local);
  const normal = `${local.toLowerCase().normalize('NFC')}@${domain}`;
  checkSize(`${local}@${domain}`);
  checkSize(normal);
  return { given, normal, local, domain };
}

/** What stands behind the `@` of an address, in lower case. */
export function domainOf(address: string): string {
  return address.slice(address.lastIndexOf('@') + 1).toLowerCase();
}

/** The same; null where it is none. */
export function tryAddress(text: string): Address | null {
  try {
    return parseAddress(text);
  } catch (error) {
    if (error instanceof Refusal) return null;
    throw error;
  }
}

/** A stored address as envelopes and headers take it: the domain in A-labels, whichever way it was typed. */
export function mailableAddress(given: string): string {
  if (/^[\x20-\x7e]*$/.test(given)) return given;
  const { local, domain } = parseAddress(given);
  return `${local}@${domain}`;
}

/**
 * An address for public pages, in three pieces (copy.md, rule 5): `seen` for the eye (`a…@gmail.com`), `spokenStart` and
 * `spokenDomain` for the ear. Large providers' domains are whole; of others, which may name the person, only the
 * first letter and the ending are shown: `a…@s….pl`, spoken "at a domain starting with s and ending in .pl".
 */
export function maskAddress(address: Address): { seen: string; spokenStart: string; spokenDomain: string } {
  const start = firstLetter(address.local);
  if (PROVIDERS.has(address.domain)) {
    return { seen: `${start}…@${address.domain}`, spokenStart: start, spokenDomain: address.domain };
  }
  const domain = domainToUnicode(address.domain);
  const ending = domain.slice(domain.lastIndexOf('.'));
  const first = firstLetter(domain);
  return { seen: `${start}…@${first}…${ending}`, spokenStart: start, spokenDomain: `${first}…${ending}` };
}

function parseDomain(text: string): string {
  if (!/^[\p{L}\p{M}\p{N}.。．｡-]+$/u.test(text)) throw invalid('has a domain with a character that no domain has');
  const domain = domainToASCII(text).toLowerCase();
  const labels = domain.split('.');
  if (labels.length < 2) throw invalid('needs a whole domain after the @, such as example.org');
  if (!labels.every((label) => /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(label))) {
    throw invalid('has a domain that cannot exist');
  }
  if (!/^(?:[a-z]{2,63}|xn--[a-z0-9-]+)$/.test(labels.at(-1) ?? '')) throw invalid('has a domain with no such ending');
  return domain;
}

function checkLocal(local: string): void {
  if (local === '') throw invalid('has nothing before the @');
  if (local.startsWith('"')) throw invalid('has quotation marks, which are not accepted here');
  if (local.startsWith('.') || local.endsWith('.') || local.includes('..')) throw invalid('has a dot too many');
  if (!/^(?:[\p{L}\p{N}!#$%&'*+/=?^_`{|}~.-]\p{M}*)+$/u.test(local)) {
    throw invalid('has a character before the @ that no address has');
  }
}

function checkSize(address: string): void {
  const local = address.slice(0, address.lastIndexOf('@'));
  if (Buffer.byteLength(local) > MAX_LOCAL_OCTETS) throw invalid('is too long before the @');
  if (Buffer.byteLength(address) > MAX_OCTETS) throw invalid('is too long');
}

// Making one costs fifty times what using it costs.
const LETTERS = new Intl.Segmenter('und');

function firstLetter(text: string): string {
  if (/^[\x21-\x7e](?:[\x21-\x7e]|$)/.test(text)) return text.charAt(0);
  const [first] = LETTERS.segment(text);
  return first?.segment ?? '';
}

function invalid(why: string): Refusal {
  return new Refusal('address-invalid', `The address ${why}.`);
}

/** Domains with so many mailboxes that they say nothing about the person. */
const PROVIDERS: ReadonlySet<string> = new Set(
  `gmail.com googlemail.com outlook.com hotmail.com hotmail.co.uk hotmail.fr live.com msn.com yahoo.com yahoo.co.uk
  yahoo.de yahoo.fr ymail.com icloud.com me.com mac.com aol.com gmx.de gmx.net gmx.at gmx.ch gmx.com web.de t-online.de
  freenet.de mail.de posteo.de mailbox.org proton.me protonmail.com fastmail.com zoho.com mail.com yandex.com
  yandex.ru mail.ru ukr.net wp.pl o2.pl onet.pl onet.eu op.pl vp.pl interia.pl interia.eu poczta.fm poczta.onet.pl
  gazeta.pl tlen.pl orange.fr laposte.net free.fr libero.it seznam.cz centrum.cz azet.sk qq.com 163.com`.split(/\s+/),
);
