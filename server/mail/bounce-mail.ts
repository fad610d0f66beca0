import { charsetOf, decodeText } from './charset.js';
import { readGroups, type FieldGroup } from './bounce-fields.js';
import { htmlToText } from './html-to-text.js';
import { fieldsNamed, lineEnd, readHeader, type RawHeader } from './mime-fields.js';
import { readTree, type MimePart } from './mime-tree.js';
import { decodeQp } from './transfer.js';

/** A mail that may be a report, taken apart as far as a report goes. */
export interface BounceMail {
  readonly header: RawHeader;
  /** What stands before the mail that came back, for people. */
  readonly text: string;
  /** Of the machine-readable parts of RFC 3464. */
  readonly statuses: readonly FieldGroup[];
  /** Of those of RFC 5965. */
  readonly feedback: readonly FieldGroup[];
  /** Of those of RFC 8098: somebody has, or has not, opened a mail. */
  readonly dispositions: readonly FieldGroup[];
  /** Header of the mail that came back; null: none did, or not as a part. */
  readonly returned: RawHeader | null;
  /** The same with its body. */
  readonly returnedBytes: Buffer;
}

const MAX_TEXT = 64 * 1024;
const MAX_HTML = 32 * 1024;

/** Takes a mail apart. Throws `message-refused` over the limits of `readTree`. */
export function readBounceMail(raw: Buffer): BounceMail {
  const root = readTree(raw, startOf(raw));
  const parts = [...partsOf(root)];
  const ofType = (type: RegExp): MimePart[] => parts.filter((part) => type.test(part.type));
  const groups = (type: RegExp): FieldGroup[] => ofType(type).flatMap((part) => readGroups(textOf(raw, part)));
  const [returned] = ofType(/^(?:message\/(?:rfc822|global)|text\/rfc822-headers|message\/(?:rfc822|global)-headers)$/);
  return {
    header: root.header,
    text: readText(raw, parts, returned),
    statuses: groups(/^message\/(?:global-)?delivery-status$/),
    feedback: groups(/^message\/feedback-report$/),
    dispositions: groups(/^message\/(?:global-)?disposition-notification$/),
    returned: returned ? readHeader(raw, returned.start, returned.end) : null,
    returnedBytes: returned ? raw.subarray(returned.start, returned.end) : Buffer.alloc(0),
  };
}

// A line of an mbox, or a byte order mark.
function startOf(raw: Buffer): number {
  const isMarked = raw[0] === 0xef && raw[1] === 0xbb && raw[2] === 0xbf;
  const from = isMarked ? 3 : 0;
  return /^>?From /.test(raw.toString('latin1', from, from + 6)) ? lineEnd(raw, from, raw.length) : from;
}

function* partsOf(part: MimePart): Generator<MimePart> {
  yield part;
  for (const child of part.children ?? []) yield* partsOf(child);
}

/** The texts before the mail that came back; plain ones if there are any. */
function readText(raw: Buffer, parts: readonly MimePart[], returned: MimePart | undefined): string {
  const before = parts.filter((part) => isLeaf(part) && (!returned || part.start < returned.start));
  const isBroken = (part: MimePart): boolean => part.type.startsWith('multipart/');
  const plain = before.filter((part) => part.type === 'text/plain' || isBroken(part));
  const some = plain.map((part) => textOf(raw, part)).join('\n');
  if (some.trim() !== '') return some.slice(0, MAX_TEXT);
  const html = before
    .filter((part) => part.type === 'text/html')
    .map((part) => htmlToText(textOf(raw, part).slice(0, MAX_HTML)));
  return html.join('\n').slice(0, MAX_TEXT);
}

// A multipart whose parts cannot be told apart is one text.
function isLeaf({ children }: MimePart): boolean {
  return children === null || children.length === 0;
}

function textOf(raw: Buffer, part: MimePart): string {
  const body = raw.subarray(part.start, Math.min(part.end, part.start + MAX_TEXT));
  const bytes = decodeTransfer(body, part.encoding);
  return decodeText(bytes, charsetOf(part.parameters)) ?? bytes.toString('utf8');
}

function decodeTransfer(body: Buffer, encoding: string): Buffer {
  if (encoding === 'quoted-printable') return decodeQp(body).bytes;
  return encoding === 'base64' ? Buffer.from(body.toString('latin1'), 'base64') : body;
}

/** The first value of that name; empty: there is none. */
export function valueIn(header: RawHeader, name: string): string {
  return fieldsNamed(header, name)[0]?.value ?? '';
}
