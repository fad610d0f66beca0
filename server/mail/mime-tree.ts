import { Refusal } from '../errors.js';
import {
  fieldsNamed,
  lineEnd,
  readHeader,
  readParameters,
  trimBlanks,
  type Parameters,
  type RawHeader,
} from './mime-fields.js';

/** A part of a message where it lies; offsets in bytes. */
export interface MimePart {
  /** `1.2`: the second part of the first; empty: the message itself. */
  readonly path: string;
  readonly header: RawHeader;
  /** Of its body; without the line end that belongs to the delimiter after it. */
  readonly start: number;
  readonly end: number;
  /** `text/plain`, in lower case. */
  readonly type: string;
  readonly parameters: ReadonlyMap<string, string>;
  /** `7bit` when nothing is said. In lower case. */
  readonly encoding: string;
  readonly isAttachment: boolean;
  /** Programs would not agree on what it is. */
  readonly isAmbiguous: boolean;
  /** Of a multipart; null: it is none, or has no boundary. */
  readonly children: readonly MimePart[] | null;
}

/** F-19. */
const MAX_DEPTH = 30;
const MAX_PARTS = 1_000;
const MAX_HEADER = 256 * 1024;

/** Reads the structure of a message. Throws `message-refused` over a limit. RFC 2045, 2046. */
export function readTree(raw: Buffer, start: number): MimePart {
  const counter = { parts: 0 };
  return readPart(raw, { start, end: raw.length, path: '', depth: 0, isInDigest: false, counter });
}

interface Place {
  readonly start: number;
  readonly end: number;
  readonly path: string;
  readonly depth: number;
  readonly isInDigest: boolean;
  readonly counter: { parts: number };
}

function readPart(raw: Buffer, place: Place): MimePart {
  const { start, end, path, depth, isInDigest, counter } = place;
  counter.parts += 1;
  if (counter.parts > MAX_PARTS) throw tooMuch(`it has more than ${MAX_PARTS} parts`);
  if (depth > MAX_DEPTH) throw tooMuch(`its parts are nested more than ${MAX_DEPTH} deep`);
  const header = readHeader(raw, start, end);
  if (header.body - start > MAX_HEADER) throw tooMuch(`a header has more than ${MAX_HEADER / 1024} kB`);
  const types = fieldsNamed(header, 'content-type');
  const encodings = fieldsNamed(header, 'content-transfer-encoding');
  const type = readParameters(types[0]?.value ?? (isInDigest ? 'message/rfc822' : 'text/plain'));
  const isMultipart = type.value.startsWith('multipart/');
  const encoding = readEncoding(encodings[0]?.value ?? '7bit');
  const boundary = isMultipart ? (type.parameters.get('boundary') ?? '') : '';
  // Without the spreading of objects, which costs as much as all the rest.
  return {
    path,
    header,
    start: header.body,
    end,
    type: /^[^\s/]+\/[^\s/]+$/.test(type.value) ? type.value : 'text/plain',
    parameters: type.parameters,
    encoding,
    isAttachment: isAttachment(header, type),
    isAmbiguous: isAmbiguous(header, encoding) || isOdd(type) || types.length > 1 || encodings.length > 1,
    children: boundary === '' ? null : readChildren(raw, place, { boundary, body: header.body, type: type.value }),
  };
}

function readChildren(
  raw: Buffer,
  { end, path, depth, counter }: Place,
  { boundary, body, type }: { boundary: string; body: number; type: string },
): MimePart[] {
  return splitAt(raw, body, end, boundary).map((one, at) =>
    readPart(raw, {
      start: one.start,
      end: one.end,
      path: path === '' ? String(at + 1) : `${path}.${at + 1}`,
      depth: depth + 1,
      isInDigest: type === 'multipart/digest',
      counter,
    }),
  );
}

function readEncoding(value: string): string {
  return trimBlanks(value.replace(/\([^)]*\)/g, '')).toLowerCase() || '7bit';
}

// Without an empty line what is added would count as header; and base64 that some begin to read too early is noise.
function isAmbiguous(header: RawHeader, encoding: string): boolean {
  return header.isAmbiguous || header.end === header.body || (header.hasJunk && encoding === 'base64');
}

// What breaks the grammar is plain text to some and an attachment to others; a boundary makes some split what is no multipart, and some cut the blank at its end.
function isOdd({ value, parameters, isSound }: Parameters): boolean {
  if (!isSound || !value.includes('/')) return true;
  const boundary = parameters.get('boundary');
  return boundary !== undefined && (!value.startsWith('multipart/') || /\s$/.test(boundary));
}

function tooMuch(why: string): Refusal {
  return new Refusal('message-refused', `The message is refused: ${why}.`);
}

const NO_DISPOSITION = readParameters('');

// F-06: whatever has a file name is one, however it is to be shown; so is what nobody knows how to show (RFC 2183 2.8).
function isAttachment(header: RawHeader, type: Parameters): boolean {
  const [field] = fieldsNamed(header, 'content-disposition');
  const disposition = field ? readParameters(field.value) : NO_DISPOSITION;
  return (
    !['', 'inline'].includes(disposition.value) ||
    disposition.parameters.has('filename') ||
    (type.parameters.has('name') && !type.value.startsWith('multipart/'))
  );
}

/** The parts between delimiter lines; the last one may lack its end. RFC 2046 5.1.1. */
function splitAt(raw: Buffer, from: number, end: number, boundary: string): { start: number; end: number }[] {
  const delimiter = Buffer.from(`--${boundary}`, 'latin1');
  const parts: { start: number; end: number }[] = [];
  let start = -1;
  for (let at = raw.indexOf(delimiter, from); at !== -1 && at < end; at = raw.indexOf(delimiter, at + 1)) {
    if (at > from && raw[at - 1] !== 0x0a) continue;
    const next = lineEnd(raw, at, end);
    const rest = raw.toString('latin1', Math.min(at + delimiter.length, end), next);
    if (!/^(?:--)?[ \t]*\r?\n?$/.test(rest)) continue;
    if (start !== -1) parts.push({ start, end: Math.max(start, beforeLineEnd(raw, at)) });
    if (rest.startsWith('--')) return parts;
    start = next;
  }
  if (start !== -1) parts.push({ start, end });
  return parts;
}

function beforeLineEnd(raw: Buffer, at: number): number {
  return at - (raw[at - 2] === 0x0d ? 2 : 1);
}
