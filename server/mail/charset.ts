import iconv from 'iconv-lite';

/** How a charset takes ASCII. */
export type CharsetKind =
  /** Bytes below 0x80 mean ASCII wherever markup can stand: ASCII goes in as it is. */
  | 'extends-ascii'
  /** Letters of several bytes, or shifts, that look like ASCII: the text must be converted first. */
  | 'other'
  /** Nobody knows; taken as if it extended ASCII. */
  | 'unknown';

/** F-16: what cannot be cut at a byte. */
const SHIFTING = /^(?:utf16|utf32|ucs[24]|utf7|hzgb|iso2022|csiso2022|unicode11utf7|iso10646ucs)/;

/** What a charset parameter says; `us-ascii` when it says nothing. */
export function charsetOf(parameters: ReadonlyMap<string, string>): string {
  const name = (parameters.get('charset') ?? '').trim().toLowerCase();
  if (name === '' || name === 'ascii' || name === 'ansi_x3.4-1968') return 'us-ascii';
  // Of Hebrew, the letters of which are the same in all three (RFC 1556).
  return /^iso88598[ie]$/.test(bare(name)) ? 'iso-8859-8' : name;
}

export function kindOf(charset: string): CharsetKind {
  if (SHIFTING.test(bare(charset))) return 'other';
  return charset === 'us-ascii' || isKnown(charset) ? 'extends-ascii' : 'unknown';
}

/** As iconv reads names. */
function bare(charset: string): string {
  return charset.replace(/[^0-9a-z]/g, '');
}

// To iconv base64 and hex are charsets too.
function isKnown(charset: string): boolean {
  return !/^(?:base64|hex)$/.test(bare(charset)) && iconv.encodingExists(charset);
}

/** A text in a charset; null when it has letters that the charset lacks. */
export function encodeText(text: string, charset: string): Buffer | null {
  if (/^[\x00-\x7f]*$/.test(text)) return Buffer.from(text, 'latin1');
  if (/^utf-?8$/.test(charset)) return Buffer.from(text, 'utf8');
  if (charset === 'us-ascii' || !isKnown(charset)) return null;
  const bytes = iconv.encode(text, charset);
  return iconv.decode(bytes, charset) === text ? bytes : null;
}

/** A text of shifting charset, without its byte order mark; null when not every byte can be read. */
export function decodeText(bytes: Buffer, charset: string): string | null {
  const text = decodeLoosely(bytes, charset);
  return text === null || text.includes('\ufffd') ? null : text.replace(/^\ufeff/, '');
}

function decodeLoosely(bytes: Buffer, charset: string): string | null {
  if (/^(?:unicode11)?utf7/.test(bare(charset))) return iconv.decode(bytes, 'utf-7');
  if (isKnown(charset)) return iconv.decode(bytes, charset);
  try {
    return new TextDecoder(charset, { fatal: true }).decode(bytes);
  } catch {
    return null;
  }
}

export function isUtf8(bytes: Buffer): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
}

/** Does a text stay readable in ASCII? */
export function readsInAscii(text: string): boolean {
  const letters = text.match(/\p{L}/gu)?.length ?? 0;
  const lost = (foldToAscii(text).match(/\?/g)?.length ?? 0) - (text.match(/\?/g)?.length ?? 0);
  return lost * 4 <= letters;
}

/** The text in ASCII as well as it goes: letters without their marks, the rest as question marks. */
export function foldToAscii(text: string): string {
  return text
    .replace(/[łŁøØđĐß“”„‘’–—…]/g, (letter) => FOLDED[letter] ?? '?')
    .normalize('NFKD')
    .replace(/\p{M}+/gu, '')
    .replace(/[^\n\x20-\x7e]/gu, '?');
}

const FOLDED: Readonly<Record<string, string>> = {
  ...{ ł: 'l', Ł: 'L', ø: 'o', Ø: 'O', đ: 'd', Đ: 'D', ß: 'ss', '“': '"', '”': '"', '„': '"' },
  ...{ '‘': "'", '’': "'", '–': '-', '—': '-', '…': '...' },
};
