const CR = 13;
const LF = 10;
const SPACE = 32;
const TAB = 9;

/**
 * A body in DKIM's relaxed form: runs of blanks become one space, blanks at line ends and empty lines at the end go, and
 * what is left ends in CRLF. One pass over the bytes; lines end in CRLF only. RFC 6376 3.4.4.
 */
export function relaxBody(body: Buffer): Buffer {
  const relaxed = Buffer.allocUnsafe(body.length + 2);
  let length = 0;
  // After the last line that holds something: what follows may turn out to be nothing but empty lines.
  let end = 0;
  let blank = false;
  for (let i = 0; i < body.length; i++) {
    const byte = body[i] ?? 0;
    if (byte === SPACE || byte === TAB) {
      blank = true;
    } else if (byte === CR && body[i + 1] === LF) {
      const empty = length === 0 || (length > 1 && relaxed[length - 1] === LF && relaxed[length - 2] === CR);
      relaxed[length++] = CR;
      relaxed[length++] = LF;
      if (!empty) end = length;
      blank = false;
      i += 1;
    } else {
      if (blank) relaxed[length++] = SPACE;
      relaxed[length++] = byte;
      blank = false;
    }
  }
  return finish(relaxed, length, end);
}

/** A header in DKIM's relaxed form, without CRLF. RFC 6376 3.4.2. */
export function relaxField(name: string, value: string): string {
  return `${name.trim().toLowerCase()}:${value.replace(/[ \t\r\n]+/g, ' ').trim()}`;
}

function finish(relaxed: Buffer, length: number, end: number): Buffer {
  const closed = length === 0 || (relaxed[length - 1] === LF && relaxed[length - 2] === CR);
  if (closed) return relaxed.subarray(0, end);
  relaxed[length] = CR;
  relaxed[length + 1] = LF;
  return relaxed.subarray(0, length + 2);
}
