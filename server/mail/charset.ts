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
const SHIFTING = /^(?:utf-?16|utf-?32|ucs-?[24]|utf-?7|hz-gb|iso-2022-|csiso2022|unicode-1-1-utf-7|iso-10646-ucs)/;

/** What a charset parameter says; `us-ascii` when it says nothing. */
export function charsetOf(parameters: ReadonlyMap<string, string>): string {
  const name = (parameters.get('charset') ?? '').trim().toLowerCase();
  return name === '' || name === 'ascii' || name === 'ansi_x3.4-1968' ? 'us-ascii' : name;
}

export function kindOf(charset: string): CharsetKind {
  if (SHIFTING.test(charset)) return 'other';
  return charset === 'us-ascii' || iconv.encodingExists(charset) ? 'extends-ascii' : 'unknown';
}

/** A text in a charset; null when it has letters that the charset lacks. */
export function encodeText(text: string, charset: string): Buffer | null {
  if (/^[\x00-\x7f]*$/.test(text)) return Buffer.from(text, 'latin1');
  if (/^utf-?8$/.test(charset)) return Buffer.from(text, 'utf8');
  if (charset === 'us-ascii' || !iconv.encodingExists(charset)) return null;
  const bytes = iconv.encode(text, charset);
  return iconv.decode(bytes, charset) === text ? bytes : null;
}

/** A text of shifting charset, without its byte order mark; null when not every byte can be read. */
export function decodeText(bytes: Buffer, charset: string): string | null {
  const text = decodeLoosely(bytes, charset);
  return text === null || text.includes('\ufffd') ? null : text.replace(/^\ufeff/, '');
}

function decodeLoosely(bytes: Buffer, charset: string): string | null {
  if (/^unicode-1-1-utf-7|^utf-?7/.test(charset)) return iconv.decode(bytes, 'utf-7');
  if (iconv.encodingExists(charset)) return iconv.decode(bytes, charset);
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
