import { cutAtHoles } from './hole.js';

const LINE = 76;
const HYPHEN = '=2D';

/**
 * Quoted-printable of a text, in UTF-8, cut at its holes: what stands before, between and after them. A soft line break
 * parts each hole from its surroundings, so any value of `encodeHole` fits between two pieces. RFC 2045 6.7.
 */
export function encodeHoled(text: string): { pieces: string[]; holes: string[] } {
  const cut = cutAtHoles(text.replace(/\r\n?|\n/g, '\r\n'));
  const texts = cut.filter((_, i) => i % 2 === 0);
  const pieces = texts.map((piece, i) => (i < texts.length - 1 ? endLine(encodeText(piece)) : encodeText(piece)));
  return { pieces, holes: cut.filter((_, i) => i % 2 === 1) };
}

/** Quoted-printable of a hole's value: whole lines, each ended by a soft break, never over 76. */
export function encodeHole(value: string): string {
  let encoded = '';
  const source = PLAIN.test(value) ? value : escapeLine(value.replace(/\r\n?|\n/g, '\r\n'), true);
  for (let start = 0; start < source.length;) {
    const end = cutBefore(source, start + LINE - 1);
    encoded += `${source.slice(start, end)}=\r\n`;
    start = end;
  }
  return encoded;
}

/** Quoted-printable of a text without holes. Lines end in CRLF and have at most 76 characters. */
export function encodeText(text: string): string {
  return text
    .replace(/\r\n?|\n/g, '\r\n')
    .split('\r\n')
    .map((line) => breakLine(escapeLine(line, false), '\r\n'))
    .join('\r\n');
}

/** Quoted-printable of bytes. `eol` ends lines in both, which have at most 76 characters; another CR or LF is escaped. */
export function encodeBytes(bytes: Buffer, eol: string): string {
  const unsafe = eol === '\n' ? UNSAFE_BUT_LF : UNSAFE_BUT_CRLF;
  const escaped = bytes
    .toString('latin1')
    .replace(unsafe, (run) => (run === '=' ? '=3D' : escapeBytes(Buffer.from(run, 'latin1'))));
  let encoded = '';
  for (let start = 0; start <= escaped.length;) {
    const end = escaped.indexOf(eol, start);
    const line = end === -1 ? escaped.slice(start) : escaped.slice(start, end);
    encoded += needsCare(line) ? breakLine(guardEnds(line), eol) : line;
    if (end === -1) break;
    encoded += eol;
    start = end + eol.length;
  }
  return encoded;
}

const UNSAFE_BUT_LF = /[^\n\t\x20-\x3c\x3e-\x7e]+/g;
const UNSAFE_BUT_CRLF = /[^\r\n\t\x20-\x3c\x3e-\x7e]+|\r(?!\n)|(?<!\r)\n/g;

function needsCare(line: string): boolean {
  return line.length > LINE || line.endsWith(' ') || line.endsWith('\t') || /^(?:From |--)/.test(line);
}

/** Printable ASCII that stands for itself everywhere. */
const PLAIN = /^[\x21-\x3c\x3e-\x7e]*$/;

/** A hole starts on its own line. */
function endLine(encoded: string): string {
  const column = encoded.length - (encoded.lastIndexOf('\n') + 1);
  if (column === 0) return encoded;
  if (column < LINE) return `${encoded}=\r\n`;
  const cut = cutBefore(encoded, encoded.length - 1);
  return `${encoded.slice(0, cut)}=\r\n${encoded.slice(cut)}=\r\n`;
}

function escapeLine(line: string, breaksToo: boolean): string {
  const unsafe = breaksToo ? /[^\x20-\x3c\x3e-\x7e]+/g : /[^\t\x20-\x3c\x3e-\x7e]+/g;
  return guardEnds(line.replace(unsafe, (run) => escapeBytes(Buffer.from(run, 'utf8'))));
}

// Blanks at the end are dropped by relays, mbox files quote lines that start with "From ", and two hyphens could be a boundary.
function guardEnds(line: string): string {
  return line
    .replace(/[\t ]$/, (blank) => (blank === ' ' ? '=20' : '=09'))
    .replace(/^From /, '=46rom ')
    .replace(/^--/, `${HYPHEN}-`);
}

function escapeBytes(bytes: Buffer): string {
  return bytes.toString('hex').toUpperCase().replace(/../g, '=$&');
}

function breakLine(line: string, eol: string): string {
  if (line.length <= LINE) return line;
  const lines: string[] = [];
  let [start, lead] = [0, ''];
  while (lead.length + line.length - start > LINE) {
    const end = cutBefore(line, start + LINE - 1 - lead.length);
    lines.push(lead + line.slice(start, end));
    lead = line.startsWith('--', end) ? HYPHEN : '';
    start = end + Math.min(lead.length, 1);
  }
  return [...lines, lead + line.slice(start)].join(`=${eol}`);
}

/** The last place at or before `end` that does not part an escape such as `=C5`. */
function cutBefore(line: string, end: number): number {
  if (end >= line.length) return line.length;
  if (line[end - 1] === '=') return end - 1;
  return line[end - 2] === '=' ? end - 2 : end;
}
