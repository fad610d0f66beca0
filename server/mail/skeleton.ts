import { hash } from 'node:crypto';
import { Refusal } from '../errors.js';
import { escapeHtml } from './escape.js';
import { dateField, field, formatHeaders, mailboxField, type HeaderField, type Mailbox } from './headers.js';
import { encodeHole, encodeHoled } from './qp.js';
import { relaxLines } from './relaxed.js';

/** A mail made ready once, with everything encoded that is the same for all recipients. */
export interface Skeleton {
  readonly headers: readonly HeaderField[];
  /** Body between the holes; one more than `slots`. */
  readonly pieces: readonly Buffer[];
  /** The same in DKIM's relaxed form: whole lines, so that each can be relaxed by itself. */
  readonly relaxed: readonly Buffer[];
  readonly slots: readonly Slot[];
}

/** A picture that the HTML names as `cid:` and its content id. */
export interface RelatedPicture {
  readonly type: string;
  readonly contentId: string;
  readonly body: Buffer;
}

interface Slot {
  readonly name: string;
  readonly part: 'text' | 'html';
}

/** A whole mail but for its signatures: the body has CRLF line ends and is 7-bit. */
export interface FilledMail {
  readonly headers: readonly HeaderField[];
  readonly body: Buffer;
  /** Of its relaxed form, for `signDkim`. */
  readonly bodyHash: string;
}

export interface Filling {
  readonly to: Mailbox;
  readonly messageId: HeaderField;
  readonly date: Date;
  /** A value for each hole; in the HTML part it is escaped. */
  readonly holes: Readonly<Record<string, string>>;
  /** Further headers of this recipient, such as `unsubscribeFields`. */
  readonly headers?: readonly HeaderField[];
}

/**
 * A multipart/alternative of text and HTML (UTF-8, quoted-printable) with the holes of `hole()` left open. `boundary` is
 * random, given by the caller: 16 to 60 letters and digits. Throws `template-refused` when the text contains it.
 */
export function compileSkeleton(mail: {
  readonly headers: readonly HeaderField[];
  readonly text: string;
  readonly html: string;
  readonly boundary: string;
  readonly pictures?: readonly RelatedPicture[];
}): Skeleton {
  checkBoundary(mail.boundary, mail.text + mail.html);
  const text = encodeHoled(mail.text);
  const html = encodeHoled(mail.html);
  const start = (type: string) =>
    `--${mail.boundary}\r\nContent-Type: ${type}; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n`;
  const between = `${text.pieces.at(-1) ?? ''}\r\n${start('text/html')}${html.pieces[0] ?? ''}`;
  const pieces = [...text.pieces.slice(0, -1), between, ...html.pieces.slice(1)];
  pieces[0] = start('text/plain') + (pieces[0] ?? '');
  pieces.push(`${pieces.pop() ?? ''}\r\n--${mail.boundary}--\r\n`);
  const alternative = `multipart/alternative; boundary="${mail.boundary}"`;
  const type = relate(pieces, alternative, mail);
  const bytes = pieces.map((piece) => Buffer.from(piece, 'latin1'));
  return {
    headers: [...mail.headers, field('MIME-Version', '1.0'), field('Content-Type', type)],
    pieces: bytes,
    relaxed: bytes.map(relaxLines),
    slots: [...text.holes.map(slotOf('text')), ...html.holes.map(slotOf('html'))],
  };
}

/** Puts pictures beside the two texts, and returns the type of the whole (RFC 2387). */
function relate(
  pieces: string[],
  alternative: string,
  { boundary, pictures = [] }: { readonly boundary: string; readonly pictures?: readonly RelatedPicture[] },
): string {
  if (pictures.length === 0) return alternative;
  // Neither begins with the other, which some programs would take for it.
  const outer = `R${boundary}`;
  const parts = pictures.map(
    ({ type, contentId, body }) =>
      `--${outer}\r\nContent-Type: ${type}\r\nContent-Transfer-Encoding: base64\r\nContent-ID: <${contentId}>\r\nContent-Disposition: inline\r\n\r\n` +
      `${body.toString('base64').replace(/.{76}(?=.)/g, '$&\r\n')}\r\n`,
  );
  pieces[0] = `--${outer}\r\nContent-Type: ${alternative}\r\n\r\n${pieces[0] ?? ''}`;
  pieces.push(`${pieces.pop() ?? ''}${parts.join('')}--${outer}--\r\n`);
  return `multipart/related; type="multipart/alternative"; boundary="${outer}"`;
}

/** The mail for one recipient: the hot path, a concatenation. Throws RangeError when a hole has no value. */
export function fillSkeleton(skeleton: Skeleton, filling: Filling): FilledMail {
  const values = skeleton.slots.map((slot) => Buffer.from(encodeHole(valueOf(slot, filling.holes)), 'latin1'));
  return {
    headers: [
      mailboxField('To', filling.to),
      dateField(filling.date),
      filling.messageId,
      ...(filling.headers ?? []),
      ...skeleton.headers,
    ],
    body: interleave(skeleton.pieces, values),
    bodyHash: hashOf(skeleton.relaxed, values.map(relaxLines)),
  };
}

/** The bytes for SMTP (before dot-stuffing), in pieces. `signatures` are whole headers, as `signDkim` returns them. */
export function piecesOf(mail: FilledMail, signatures: readonly string[] = []): Buffer[] {
  const head = signatures.map((signature) => `${signature}\r\n`).join('') + formatHeaders(mail.headers);
  return [Buffer.from(`${head}\r\n`, 'utf8'), mail.body];
}

/** The same as one. */
export function formatMail(mail: FilledMail, signatures: readonly string[] = []): Buffer {
  return Buffer.concat(piecesOf(mail, signatures));
}

function interleave(pieces: readonly Buffer[], values: readonly Buffer[]): Buffer {
  const whole = Buffer.allocUnsafe(lengthOf(pieces, values));
  copyInto(whole, pieces, values);
  return whole;
}

/** What is only hashed is not kept: one room for all. */
let room = Buffer.alloc(0);

function hashOf(pieces: readonly Buffer[], values: readonly Buffer[]): string {
  const length = lengthOf(pieces, values);
  if (room.length < length) room = Buffer.allocUnsafe(length * 2);
  copyInto(room, pieces, values);
  return hash('sha256', room.subarray(0, length), 'base64');
}

function lengthOf(pieces: readonly Buffer[], values: readonly Buffer[]): number {
  let length = 0;
  for (const one of pieces) length += one.length;
  for (const one of values) length += one.length;
  return length;
}

function copyInto(target: Buffer, pieces: readonly Buffer[], values: readonly Buffer[]): void {
  let at = 0;
  for (const [place, piece] of pieces.entries()) {
    at += piece.copy(target, at);
    at += values[place]?.copy(target, at) ?? 0;
  }
}

function checkBoundary(boundary: string, text: string): void {
  if (!/^[A-Za-z0-9_-]{16,60}$/.test(boundary)) throw new RangeError('boundary: 16 to 60 letters and digits');
  if (text.includes(boundary)) throw new Refusal('template-refused', 'The text contains the boundary of its own mail.');
}

function slotOf(part: 'text' | 'html') {
  return (name: string): Slot => ({ name, part });
}

function valueOf(slot: Slot, holes: Filling['holes']): string {
  const value = holes[slot.name];
  if (value === undefined) throw new RangeError(`no value for the hole ${slot.name}`);
  return slot.part === 'html' ? escapeHtml(value) : value;
}
