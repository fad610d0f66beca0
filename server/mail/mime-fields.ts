/** A header field where it lies in a message; offsets in bytes. */
export interface RawField {
  /** In lower case; empty: a line that is no field. */
  readonly name: string;
  /** Unfolded, as Latin-1, so that each byte is a character. */
  readonly value: string;
  readonly start: number;
  /** After its line end. */
  readonly end: number;
}

/** A header block. */
export interface RawHeader {
  readonly fields: readonly RawField[];
  readonly start: number;
  /** After the last field, before the empty line. */
  readonly end: number;
  /** Where the body begins. */
  readonly body: number;
  /** Programs would not agree on it: a line is no field, and those of the content come after it; or it begins with a blank. */
  readonly isAmbiguous: boolean;
  /** It has a line that is no field: some programs take what follows for the body. */
  readonly hasJunk: boolean;
}

const LF = 0x0a;
const CR = 0x0d;

/** Reads the header block that begins at `start`; without an empty line before `end` all of it is header. RFC 5322 2.2. */
export function readHeader(raw: Buffer, start: number, end: number): RawHeader {
  const fields: RawField[] = [];
  let at = start;
  let body = end;
  // A first line that continues nothing is a field to some, and nothing to others.
  let isAmbiguous = start < end && isBlank(raw[start]) && !isEmptyLine(raw, start, lineEnd(raw, start, end));
  while (at < end) {
    const line = lineEnd(raw, at, end);
    if (isEmptyLine(raw, at, line)) {
      body = line;
      break;
    }
    let stop = line;
    while (stop < end && isBlank(raw[stop]) && !isEmptyLine(raw, stop, lineEnd(raw, stop, end))) {
      stop = lineEnd(raw, stop, end);
    }
    const field = readField(raw, at, stop);
    if (field.name.startsWith('content-') && fields.some(({ name }) => name === '')) isAmbiguous = true;
    fields.push(field);
    at = stop;
  }
  const hasJunk = fields.some(({ name }) => name === '');
  return { fields, start, end: Math.min(at, end), body, isAmbiguous, hasJunk };
}

/** After the line end at or after `from`, at most `end`. */
export function lineEnd(raw: Buffer, from: number, end: number): number {
  const at = raw.indexOf(LF, from);
  return at === -1 || at >= end ? end : at + 1;
}

function readField(raw: Buffer, start: number, end: number): RawField {
  const text = raw.toString('latin1', start, end);
  const [, name = '', value = ''] = /^([!-9;-~]+)[ \t]*:([^]*)$/.exec(text) ?? [];
  const bare = trimBlanks(value);
  const unfolded = bare.includes('\n') ? bare.replace(/\r?\n(?=[ \t])/g, '') : bare;
  return { name: name.toLowerCase(), value: unfolded, start, end };
}

function isEmptyLine(raw: Buffer, at: number, end: number): boolean {
  return raw[at] === LF || (raw[at] === CR && at + 1 < end && raw[at + 1] === LF);
}

function isBlank(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x09;
}

/** The fields of that name, in order. */
export function fieldsNamed(header: RawHeader, name: string): RawField[] {
  return header.fields.filter((field) => field.name === name);
}

/** A structured value: `text/plain; charset="utf-8"`. */
export interface Parameters {
  /** In lower case, without comments. */
  readonly value: string;
  /** By name, in lower case. */
  readonly parameters: ReadonlyMap<string, string>;
  /** Written as the grammar has it, so that all programs read the same. */
  readonly isSound: boolean;
}

/** RFC 5322 2.2.2 and line ends. */
const BLANKS = ' \t\r\n';
/** At most so many parameters are read. */
const MAX_PARAMETERS = 100;

/** Reads a structured value with its parameters, those of RFC 2231 in pieces too. Never throws. RFC 2045 5.1. */
export function readParameters(text: string): Parameters {
  const [head = '', ...rest] = splitParameters(text);
  const type = trimBlanks(head);
  const pieces = new Map<string, { place: number; value: string; isEncoded: boolean }[]>();
  for (const part of rest.slice(0, MAX_PARAMETERS)) {
    const equals = part.indexOf('=');
    if (equals < 1) continue;
    const [, name = '', place = '0', star = ''] =
      /^([^*]+)(?:\*(\d{1,3}))?(\*)?$/.exec(trimBlanks(part.slice(0, equals)).toLowerCase()) ?? [];
    if (name === '') continue;
    const value = unquote(trimBlanks(part.slice(equals + 1)));
    pieces.set(name, [...(pieces.get(name) ?? []), { place: Number(place), value, isEncoded: star !== '' }]);
  }
  const parameters = new Map<string, string>();
  for (const [name, all] of pieces) parameters.set(name, joinPieces(all));
  const isSound = /^[!#-'*+.\w^`{|}~-]+(?:\/[!#-'*+.\w^`{|}~-]+)?$/.test(type) && rest.every(isParameter);
  return { value: type.toLowerCase(), parameters, isSound };
}

// A semicolon at the end is common, and harmless.
function isParameter(part: string): boolean {
  return /^$|^[\w.*-]+[ \t\r\n]*=[ \t\r\n]*(?:"(?:[^"\\]|\\.)*"|[^\s"]+)$/s.test(trimBlanks(part));
}

/** Without the blanks of the grammar at both ends. `trim` takes more: a no-break space is a letter to other programs. */
export function trimBlanks(text: string): string {
  let [start, end] = [0, text.length];
  while (start < end && BLANKS.includes(text[start] ?? '')) start += 1;
  while (end > start && BLANKS.includes(text[end - 1] ?? '')) end -= 1;
  return text.slice(start, end);
}

function joinPieces(pieces: readonly { place: number; value: string; isEncoded: boolean }[]): string {
  const [first, second] = pieces;
  // Of two with the same name and place the first counts.
  if (first && (pieces.length === 1 || second?.place === first.place)) return decoded(first, true);
  return [...pieces]
    .sort((a, b) => a.place - b.place)
    .map((piece, at) => decoded(piece, at === 0))
    .join('');
}

function decoded({ value, isEncoded }: { value: string; isEncoded: boolean }, isFirst: boolean): string {
  if (!isEncoded) return value;
  const bare = isFirst ? value.replace(/^[^']*'[^']*'/, '') : value;
  return bare.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

function unquote(value: string): string {
  if (!value.startsWith('"')) return value;
  return value.slice(1, value.length > 1 && value.endsWith('"') ? -1 : undefined).replace(/\\(.)/gs, '$1');
}

// At semicolons outside quotes and comments; comments are dropped.
function splitParameters(text: string): string[] {
  if (!/["()\\]/.test(text)) return text.split(';');
  const parts: string[] = [];
  let part = '';
  let depth = 0;
  let isQuoted = false;
  for (let at = 0; at < text.length; at += 1) {
    const sign = text[at] ?? '';
    const isEscaped = sign === '\\' && (isQuoted || depth > 0);
    const taken = isEscaped ? text.slice(at, at + 2) : sign;
    if (isEscaped) at += 1;
    else if (depth === 0 && sign === '"') isQuoted = !isQuoted;
    else if (!isQuoted && sign === '(') depth += 1;
    else if (!isQuoted && sign === ')' && depth > 0) {
      depth -= 1;
      continue;
    }
    if (depth > 0) continue;
    if (sign === ';' && !isQuoted) {
      parts.push(part);
      part = '';
    } else part += taken;
  }
  return [...parts, part];
}
