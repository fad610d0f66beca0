import { encodeWord } from 'nodemailer/lib/mime-funcs';
import { Refusal } from '../errors.js';

/** A header as it goes over the wire: the value is encoded and folded (CRLF and a blank), without a CRLF at its end. */
export type HeaderField = readonly [name: string, value: string];

export interface Mailbox {
  /** Any text; empty or absent: the address alone. */
  readonly name?: string;
  /** `local@domain`; the domain in A-labels. */
  readonly address: string;
}

const LINE = 78;
const HARD_LINE = 998;
/** RFC 2047 allows 75; nodemailer counts less than the whole word. */
const ENCODED_WORD = 52;

/** A header of free text, such as Subject. RFC 5322 2.2.1, RFC 2047. Throws `body-invalid` for control characters. */
export function textField(name: string, text: string): HeaderField {
  return field(name, encodeText(text));
}

/** From, To, Reply-To. A local part beyond ASCII stays as it is (RFC 6532). Throws `body-invalid`. */
export function mailboxField(name: string, ...mailboxes: readonly Mailbox[]): HeaderField {
  return field(name, mailboxes.map(formatMailbox).join(', '));
}

/** A header whose value is a token, a URL list or the like, already in its own syntax. Throws `body-invalid`. */
export function field(name: string, value: string): HeaderField {
  if (!/^[A-Za-z][A-Za-z0-9-]*$/.test(name)) throw new RangeError(`not the name of a header: ${name}`);
  refuseControls(name, value);
  return [name, fold(name, value)];
}

/** `Name <id>`; the id in brackets is never folded (M-07). `id` is `label.list.example.org`, at most 255 octets. RFC 2919. */
export function listIdField(name: string, id: string): HeaderField {
  if (id.length > 255 || !/^[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)+$/.test(id)) {
    throw new Refusal('body-invalid', 'A List-Id is made of letters, digits, hyphens and dots, at most 255.');
  }
  return field('List-Id', name === '' ? `<${id}>` : `${formatPhrase('List-Id', name)} <${id}>`);
}

/** RFC 5322 3.6.4; `left` must be unique below `domain`. */
export function messageIdField(left: string, domain: string): HeaderField {
  if (!/^[\w.+-]{1,200}$/.test(left) || !/^[\w.-]{1,255}$/.test(domain)) {
    throw new Refusal('body-invalid', 'A Message-ID is made of letters, digits, dots and hyphens.');
  }
  return field('Message-ID', `<${left}@${domain}>`);
}

/** RFC 5322 3.3, in UTC. */
export function dateField(date: Date): HeaderField {
  return ['Date', date.toUTCString().replace('GMT', '+0000')];
}

/** The header block as it is sent, each line with its CRLF, without the empty line after it. */
export function formatHeaders(fields: readonly HeaderField[]): string {
  return fields.map(([name, value]) => `${name}: ${value}\r\n`).join('');
}

/** M-12. Throws `body-invalid` for CR, LF, NUL, any other control character, line separators and half characters. */
export function refuseControls(name: string, value: string): void {
  if (/[\p{Cc}\p{Cs}\u2028\u2029\ufdd0\ufdd1]/u.test(value)) {
    throw new Refusal('body-invalid', `${name} contains a line break or another control character.`);
  }
}

function formatMailbox({ name = '', address }: Mailbox): string {
  if (!/^[^\p{Z}\p{C}<>()[\]\\,;:"@]+@[A-Za-z0-9.-]+$/u.test(address)) {
    throw new Refusal('body-invalid', 'An address in a header is not an address.');
  }
  return name === '' ? address : `${formatPhrase('A name', name)} <${address}>`;
}

function formatPhrase(what: string, name: string): string {
  refuseControls(what, name);
  if (needsEncoding(name)) return encode(name);
  return /^[\w!#$%&'*+/=?^`{|}~-]+(?: [\w!#$%&'*+/=?^`{|}~-]+)*$/.test(name)
    ? name
    : `"${name.replace(/["\\]/g, '\\$&')}"`;
}

function encodeText(text: string): string {
  // Blanks in a row or at an end get lost on the way, and what looks encoded would be decoded: encode these too.
  return needsEncoding(text) ? encode(text) : text;
}

function needsEncoding(text: string): boolean {
  return /[^\x20-\x7e]|=\?|^ | $| {2}|[^ ]{60}/.test(text);
}

function encode(text: string): string {
  refuseControls('A header', text);
  const ascii = text.replace(/[^\x20-\x7e]/g, '').length;
  return encodeWord(text, ascii * 3 > text.length * 2 ? 'Q' : 'B', ENCODED_WORD);
}

function fold(name: string, value: string): string {
  const lines: string[] = [];
  let line = `${name}:`;
  for (const word of value.split(' ')) {
    if (line.length + 1 + word.length > LINE && line !== '' && line !== `${name}:`) {
      lines.push(line);
      line = ` ${word}`;
    } else line += ` ${word}`;
  }
  lines.push(line);
  if (lines.some((one) => Buffer.byteLength(one) > HARD_LINE)) {
    throw new Refusal('body-invalid', `${name} has a line of more than ${HARD_LINE} characters.`);
  }
  return lines.join('\r\n').slice(name.length + 2);
}
