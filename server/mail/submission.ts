import { Refusal } from '../errors.js';
import { dateField, formatHeaders, messageIdField, type HeaderField } from './headers.js';
import { fieldsNamed, readHeader, type RawHeader } from './mime-fields.js';
import { readHeaders, headerValue } from './read-mail.js';
import { splice } from './recipe.js';
import { soleAddress } from './sole-address.js';

/** What the header of a mail that another system hands in says of itself. */
export interface Submission {
  /** The one mailbox in From, normalised. */
  readonly from: string;
  /** Of Sender, normalised; null: none, or none that can be read. */
  readonly sender: string | null;
  /** Of `X-Zgoda-List`; null: it names none. */
  readonly list: string | null;
  /** Decoded, without control characters, at most 200 letters. */
  readonly subject: string;
}

/** RFC 5321 6.3: so many servers took it already, and it goes in a circle. */
const MOST_HOPS = 30;

/** What tells one recipient of others, or is for us alone; and what cannot be true any more once we change the mail (F-01, M-30). */
const DROPPED = [
  ...['bcc', 'resent-bcc', 'return-path', 'delivered-to', 'x-original-to', 'envelope-to', 'x-envelope-to'],
  ...['apparently-to', 'x-rcpt-to', 'x-zgoda-list'],
];
const SIGNATURES = ['dkim-signature', 'domainkey-signature', 'x-google-dkim-signature'];

/**
 * Reads the header of a submitted mail: CRLF or LF lines, without the empty line at its end. Throws `message-refused`, with the reason in words, for a header on
 * which programs would not agree, a From that is not one mailbox, and a mail that goes in a circle.
 */
export function readSubmission(head: Buffer): Submission {
  if (/\r(?!\n)|\0/.test(head.toString('latin1'))) throw refused('its header has a bare CR or a NUL');
  const header = readHeader(head, 0, head.length);
  if (header.hasJunk || header.fields.length === 0) throw refused('a line of its header is no field');
  if (!isUtf8(head)) throw refused('its header has bytes that are neither ASCII nor UTF-8');
  if (fieldsNamed(header, 'received').length > MOST_HOPS)
    throw refused('it goes in a circle: it was received too often');
  const from = soleAddress(only(header, 'from', 'From'));
  if (from === null) throw refused('its From must be exactly one mailbox');
  const lists = fieldsNamed(header, 'x-zgoda-list');
  if (lists.length > 1) throw refused('it names a list twice');
  const [sender] = fieldsNamed(header, 'sender');
  return {
    ...{ from, sender: sender ? soleAddress(utf8(sender.value)) : null, list: lists[0]?.value ?? null },
    subject: subjectOf(head),
  };
}

export interface Rewrite {
  /** Who takes it, how, under which id and when: for Received. The sender's own address is nobody's business. */
  readonly by: string;
  readonly protocol: string;
  readonly id: string;
  readonly now: Date;
  /** For a Message-ID, where there is none. */
  readonly domain: string;
  /** Signatures of others go: they cannot be true once the mail is changed. */
  readonly dropsSignatures: boolean;
  readonly dropsSender: boolean;
}

/** The header as it is kept: without what may not leave, with Received, and with Date and Message-ID where they lack. CRLF at its end. */
export function rewriteHead(head: Buffer, rewrite: Rewrite): Buffer {
  const whole = head.at(-1) === 0x0a || head.length === 0 ? head : Buffer.concat([head, Buffer.from('\r\n')]);
  const header = readHeader(whole, 0, whole.length);
  const dropped = [
    ...DROPPED,
    ...(rewrite.dropsSignatures ? SIGNATURES : []),
    ...(rewrite.dropsSender ? ['sender'] : []),
  ];
  const gone = header.fields.filter(({ name }) => dropped.includes(name));
  const ours: HeaderField[] = [
    ['Received', `by ${rewrite.by} with ${rewrite.protocol} id ${rewrite.id};\r\n\t${dateField(rewrite.now)[1]}`],
    ...(has(header, 'message-id') ? [] : [messageIdField(rewrite.id, rewrite.domain)]),
    ...(has(header, 'date') ? [] : [dateField(rewrite.now)]),
  ];
  return splice(whole, [
    { at: 0, remove: 0, bytes: Buffer.from(formatHeaders(ours)) },
    ...gone.map(({ start, end }) => ({ at: start, remove: end - start, bytes: Buffer.alloc(0) })),
  ]);
}

/** Where the header of a mail ends and its body begins, in bytes; null: the empty line has not come yet. */
export function endOfHead(raw: Buffer, from = 0): { readonly head: number; readonly body: number } | null {
  for (let at = raw.indexOf(0x0a, from); at !== -1; at = raw.indexOf(0x0a, at + 1)) {
    if (raw[at + 1] === 0x0a) return { head: at + 1, body: at + 2 };
    if (raw[at + 1] === 0x0d && raw[at + 2] === 0x0a) return { head: at + 1, body: at + 3 };
  }
  return null;
}

function only(header: RawHeader, name: string, label: string): string {
  const [field, ...others] = fieldsNamed(header, name);
  if (!field || others.length > 0) throw refused(`it must have exactly one ${label}`);
  return utf8(field.value);
}

function has(header: RawHeader, name: string): boolean {
  return fieldsNamed(header, name).some(({ value }) => value !== '');
}

function subjectOf(head: Buffer): string {
  const subject = headerValue(readHeaders(head), 'subject');
  return subject.replace(/[\p{Cc}\p{Cs}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu, '').slice(0, 200);
}

// Fields are read a letter for each byte.
function utf8(value: string): string {
  return Buffer.from(value, 'latin1').toString('utf8');
}

function isUtf8(bytes: Buffer): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
}

function refused(why: string): Refusal {
  return new Refusal('message-refused', `The message is refused: ${why}.`, { why });
}
