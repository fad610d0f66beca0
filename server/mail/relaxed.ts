const CR = 13;
const LF = 10;
const SPACE = 32;
const TAB = 9;
const CRLF = Buffer.from('\r\n');

/**
 * A body in DKIM's relaxed form: runs of blanks become one space, blanks at line ends and empty lines at the end go, and
 * what is left ends in CRLF. Lines end in CRLF only. RFC 6376 3.4.4.
 */
export function relaxBody(body: Buffer): Buffer {
  const relaxed = relaxLines(body);
  let end = relaxed.length;
  while (endsLine(relaxed, end)) end -= 2;
  // CRLF of the last line that holds something: put back, or added when it was missing.
  if (end === 0) return relaxed.subarray(0, 0);
  return end < relaxed.length ? relaxed.subarray(0, end + 2) : Buffer.concat([relaxed, CRLF]);
}

/** The blanks of whole lines in relaxed form, one pass over the bytes; empty lines stay. */
export function relaxLines(bytes: Buffer): Buffer {
  const relaxed = Buffer.allocUnsafe(bytes.length);
  let length = 0;
  let blank = false;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] ?? 0;
    if (byte === SPACE || byte === TAB) {
      blank = true;
      continue;
    }
    if (blank && !(byte === CR && bytes[i + 1] === LF)) relaxed[length++] = SPACE;
    relaxed[length++] = byte;
    blank = false;
  }
  return relaxed.subarray(0, length);
}

/** A header in DKIM's relaxed form, without CRLF. RFC 6376 3.4.2. */
export function relaxField(name: string, value: string): string {
  return `${name.trim().toLowerCase()}:${value.replace(/[ \t\r\n]+/g, ' ').trim()}`;
}

function endsLine(bytes: Buffer, end: number): boolean {
  return end > 1 && bytes[end - 1] === LF && bytes[end - 2] === CR;
}
