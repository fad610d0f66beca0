/** What a reader of one mail needs. Lines end with LF. */
export interface ReadMail {
  readonly headers: readonly MailHeader[];
  readonly subject: string;
  readonly from: string;
  readonly to: string;
  readonly date: string;
  /** Empty when the mail has no such part. */
  readonly text: string;
  /** Hostile until a sandbox holds it. */
  readonly html: string;
  readonly attachments: readonly Attachment[];
}

export interface MailHeader {
  readonly name: string;
  /** Unfolded and decoded. */
  readonly value: string;
}

export interface Attachment {
  readonly name: string;
  readonly type: string;
  readonly bytes: number;
}

const MAX_DEPTH = 10;
const MAX_PARTS = 200;

/** Reads a mail for showing: our own ones exactly, anything else as well as it can. Never throws. */
export function readMail(raw: Buffer): ReadMail {
  const headers = readHeaders(raw);
  const attachments: Attachment[] = [];
  const { text, html } = readPart(raw, { depth: 0, parts: { count: 0 }, attachments });
  const value = (name: string) => headerValue(headers, name);
  return {
    headers,
    subject: value('subject'),
    from: value('from'),
    to: value('to'),
    date: value('date'),
    text,
    html,
    attachments,
  };
}

/** The headers at the start of a mail or a part; what follows the first empty line is not looked at. */
export function readHeaders(raw: Buffer): MailHeader[] {
  return plainHeaders(raw).map(({ name, value }) => ({ name, value: decodeWords(value) }));
}

/** The same, unfolded but not decoded: what an encoded word says is a name, and never an address (RFC 2047 5). */
export function plainHeaders(raw: Buffer): MailHeader[] {
  const head = decodeBytes(raw.subarray(0, endOfHeaders(raw).head), 'utf-8');
  return head
    .replace(/\r?\n(?=[ \t])/g, '')
    .split(/\r?\n/)
    .flatMap((line) => {
      const colon = line.indexOf(':');
      return colon < 1 ? [] : [{ name: line.slice(0, colon).trim(), value: line.slice(colon + 1).trim() }];
    });
}

/** The first header of that name, or nothing. */
export function headerValue(headers: readonly MailHeader[], name: string): string {
  return headers.find((header) => header.name.toLowerCase() === name)?.value ?? '';
}

interface Walk {
  readonly depth: number;
  readonly parts: { count: number };
  readonly attachments: Attachment[];
}

interface Shown {
  readonly text: string;
  readonly html: string;
}

const NOTHING: Shown = { text: '', html: '' };

function readPart(raw: Buffer, walk: Walk): Shown {
  const headers = readHeaders(raw);
  const type = readField(headerValue(headers, 'content-type') || 'text/plain');
  const body = raw.subarray(endOfHeaders(raw).body);
  if (type.value.startsWith('multipart/') && type.parameters.has('boundary')) return readMultipart(body, type, walk);
  const content = decodeTransfer(body, headerValue(headers, 'content-transfer-encoding').toLowerCase());
  const disposition = readField(headerValue(headers, 'content-disposition'));
  const isShown = /^text\/(plain|html)$/.test(type.value) && disposition.value !== 'attachment';
  if (!isShown) {
    const name = disposition.parameters.get('filename') ?? type.parameters.get('name') ?? '';
    walk.attachments.push({ name, type: type.value, bytes: content.length });
    return NOTHING;
  }
  const text = decodeBytes(content, type.parameters.get('charset') ?? 'utf-8').replace(/\r\n/g, '\n');
  return type.value === 'text/html' ? { text: '', html: text } : { text, html: '' };
}

function readMultipart(body: Buffer, type: Field, walk: Walk): Shown {
  if (walk.depth >= MAX_DEPTH) return NOTHING;
  const shown = splitParts(body, type.parameters.get('boundary') ?? '')
    .filter(() => (walk.parts.count += 1) <= MAX_PARTS)
    .map((part) => readPart(part, { ...walk, depth: walk.depth + 1 }));
  if (type.value === 'multipart/alternative') {
    // The last one is the richest (RFC 2046 5.1.4).
    return {
      text: shown.findLast(({ text }) => text !== '')?.text ?? '',
      html: shown.findLast(({ html }) => html !== '')?.html ?? '',
    };
  }
  const hasHtml = shown.some(({ html }) => html !== '');
  return {
    text: shown.map(({ text }) => text).join(''),
    html: hasHtml ? shown.map(({ html, text }) => html || asHtml(text)).join('\n') : '',
  };
}

function asHtml(text: string): string {
  if (text === '') return '';
  const escaped = text.replace(/&/g, '&amp;').replace(/</g, '&lt;');
  return `<pre style="white-space:pre-wrap;overflow-wrap:anywhere">${escaped}</pre>`;
}

function splitParts(body: Buffer, boundary: string): Buffer[] {
  const delimiter = Buffer.from(`--${boundary}`);
  const parts: Buffer[] = [];
  let start = -1;
  for (let at = body.indexOf(delimiter); at !== -1; at = body.indexOf(delimiter, at + delimiter.length)) {
    if (at > 0 && body[at - 1] !== 0x0a) continue;
    const lineEnd = body.indexOf(0x0a, at);
    const rest = body.toString('latin1', at + delimiter.length, lineEnd === -1 ? body.length : lineEnd).trimEnd();
    if (rest !== '' && rest !== '--') continue;
    // The line end before a delimiter belongs to the delimiter.
    if (start !== -1) parts.push(body.subarray(start, Math.max(start, at - (body[at - 2] === 0x0d ? 2 : 1))));
    if (rest === '--' || lineEnd === -1) return parts;
    start = lineEnd + 1;
  }
  if (start !== -1) parts.push(body.subarray(start));
  return parts;
}

function endOfHeaders(raw: Buffer): { head: number; body: number } {
  if (raw[0] === 0x0a) return { head: 0, body: 1 };
  if (raw[0] === 0x0d && raw[1] === 0x0a) return { head: 0, body: 2 };
  const ends = [
    { at: raw.indexOf('\r\n\r\n'), length: 4 },
    { at: raw.indexOf('\n\n'), length: 2 },
  ].filter(({ at }) => at !== -1);
  const first = ends.sort((a, b) => a.at - b.at)[0];
  return first ? { head: first.at, body: first.at + first.length } : { head: raw.length, body: raw.length };
}

interface Field {
  readonly value: string;
  readonly parameters: ReadonlyMap<string, string>;
}

function readField(text: string): Field {
  const parameters = new Map<string, string>();
  for (const match of text.matchAll(/;\s*([^\s=;]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;]*))/g)) {
    const name = (match[1] ?? '').toLowerCase();
    const value = match[2]?.replace(/\\(.)/g, '$1') ?? match[3] ?? '';
    if (name.endsWith('*')) parameters.set(name.slice(0, -1), decodeExtended(value));
    else if (!parameters.has(name)) parameters.set(name, value);
  }
  return { value: (text.split(';')[0] ?? '').trim().toLowerCase(), parameters };
}

// RFC 2231: charset'language'percent-encoded.
function decodeExtended(value: string): string {
  const [, charset = 'utf-8', encoded = value] = /^([^']*)'[^']*'(.*)$/s.exec(value) ?? [];
  return decodeBytes(percentDecode(encoded, '%'), charset);
}

function decodeTransfer(body: Buffer, encoding: string): Buffer {
  if (encoding === 'base64') return Buffer.from(body.toString('latin1'), 'base64');
  if (encoding !== 'quoted-printable') return body;
  return percentDecode(body.toString('latin1').replace(/=[ \t]*\r?\n/g, ''), '=');
}

function percentDecode(text: string, sign: '%' | '='): Buffer {
  const escapes = sign === '=' ? /=([0-9A-F]{2})/gi : /%([0-9A-F]{2})/gi;
  const plain = text.replace(escapes, (_escape, hex: string) => String.fromCharCode(parseInt(hex, 16)));
  return Buffer.from(plain, 'latin1');
}

/** A header value with its encoded words read. RFC 2047. Neighbouring words are one text, and a letter's bytes may lie in two of them. */
export function decodeWords(text: string): string {
  return text.replace(/=\?[^?\s]+\?[bq]\?[^?]*\?=(?:\s+(?==\?)|=\?[^?\s]+\?[bq]\?[^?]*\?=)*/gi, (run) => {
    const words = [...run.matchAll(/=\?([^?*\s]+)(?:\*[^?]*)?\?([bq])\?([^?]*)\?=/gi)];
    const charset = words[0]?.[1] ?? 'utf-8';
    if (words.some((word) => word[1]?.toLowerCase() !== charset.toLowerCase())) {
      return words.map((word) => decodeBytes(wordBytes(word), word[1] ?? 'utf-8')).join('');
    }
    return decodeBytes(Buffer.concat(words.map(wordBytes)), charset);
  });
}

function wordBytes([, , encoding, content = '']: RegExpExecArray): Buffer {
  if (encoding?.toLowerCase() === 'b') return Buffer.from(content, 'base64');
  return percentDecode(content.replaceAll('_', ' '), '=');
}

function decodeBytes(bytes: Buffer, charset: string): string {
  try {
    return new TextDecoder(charset).decode(bytes);
  } catch {
    return bytes.toString('latin1');
  }
}
