/** A body decoded, with the way back from its bytes to those that were sent. */
export interface Decoded {
  readonly bytes: Buffer;
  /** Where the byte at this place begins in the body as it was sent. */
  readonly sentAt: (place: number) => number;
}

const CR = 0x0d;
const LF = 0x0a;
const EQUALS = 0x3d;

/** Decodes quoted-printable as mail programs do: what is no escape stands for itself. RFC 2045 6.7. */
export function decodeQp(body: Buffer): Decoded {
  const bytes = Buffer.allocUnsafe(body.length);
  // Where what was sent and what it says go apart: a place in the one, a place in the other.
  const places: number[] = [];
  const sent: number[] = [];
  let length = 0;
  for (let at = 0; at < body.length;) {
    const byte = body[at] ?? 0;
    if (byte !== EQUALS) {
      bytes[length++] = byte;
      at += 1;
      continue;
    }
    const hex = (hexOf(body[at + 1]) << 4) | hexOf(body[at + 2]);
    if (hex >= 0) {
      bytes[length++] = hex;
      at += 3;
    } else {
      const next = afterSoftBreak(body, at);
      if (next === at + 1 && next < body.length) bytes[length++] = EQUALS;
      at = next;
    }
    places.push(length);
    sent.push(at);
  }
  return { bytes: bytes.subarray(0, length), sentAt: (place) => (place >= length ? body.length : sentAt(place)) };

  function sentAt(place: number): number {
    let [low, high] = [0, places.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((places[middle] ?? 0) <= place) low = middle + 1;
      else high = middle;
    }
    return low === 0 ? place : (sent[low - 1] ?? 0) + place - (places[low - 1] ?? 0);
  }
}

/** Behind a line end that only parts a line too long, and the blanks before it; behind the sign itself where it is none. */
function afterSoftBreak(body: Buffer, at: number): number {
  let end = at + 1;
  while (body[end] === 0x20 || body[end] === 0x09) end += 1;
  if (body[end] === CR && body[end + 1] === LF) return end + 2;
  if (body[end] === LF) return end + 1;
  return end === body.length ? end : at + 1;
}

function hexOf(byte: number | undefined): number {
  if (byte === undefined) return -1;
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte & 0xdf;
  return letter >= 0x41 && letter <= 0x46 ? letter - 0x37 : -1;
}

/** Base64 that every program reads the same, or null. RFC 2045 6.8. */
export function decodeBase64(body: Buffer): Decoded | null {
  const text = body.toString('latin1');
  if (!/^[A-Za-z0-9+/\s]*={0,2}\s*$/.test(text)) return null;
  const letters = text.replace(/\s+/g, '');
  // Its last group may lack the padding; one letter alone is no byte.
  if (letters.replace(/=+$/, '').length % 4 === 1 || (letters.includes('=') && letters.length % 4 !== 0)) return null;
  return {
    bytes: Buffer.from(letters, 'base64'),
    // Of the group of four that the byte lies in.
    sentAt: (place) => placeOfLetter(text, Math.floor(place / 3) * 4),
  };
}

function placeOfLetter(text: string, count: number): number {
  const line = /[^\s]+/g;
  let left = count;
  for (let match = line.exec(text); match; match = line.exec(text)) {
    if (left < match[0].length) return match.index + left;
    left -= match[0].length;
  }
  return text.trimEnd().length;
}

/** Base64 in lines of `width` characters, the first of them `room` long. */
export function encodeBase64(
  bytes: Buffer,
  { width, room, eol }: { width: number; room: number; eol: string },
): string {
  const letters = bytes.toString('base64');
  const lines = room > 0 ? [letters.slice(0, room)] : [];
  for (let at = room; at < letters.length; at += width) lines.push(letters.slice(at, at + width));
  return lines.join(eol) + eol;
}

/** How many characters the lines of a base64 body have. */
export function widthOf(body: Buffer): number {
  const width = /\S+/.exec(body.toString('latin1', 0, 2_000))?.[0].length ?? 76;
  return Math.min(Math.max(width - (width % 4), 4), 76) || 76;
}

/** Text with other line ends; bare CR and LF become whole ones. */
export function withLineEnds(bytes: Buffer, eol: string): Buffer {
  return Buffer.from(bytes.toString('latin1').replace(/\r\n|\r|\n/g, eol), 'latin1');
}
