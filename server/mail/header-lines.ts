/** The headers of a mail as they came, each whole and unfolded by nobody, and what follows the empty line after them. CRLF line ends; a letter for each byte. */
export function splitFields(raw: Buffer): { fields: string[]; body: Buffer } {
  const end = raw.indexOf('\r\n\r\n');
  const head = raw.toString('latin1', 0, end === -1 ? raw.length : end);
  return {
    fields: head.split(/\r\n(?![ \t])/).filter((line) => line !== ''),
    body: end === -1 ? Buffer.alloc(0) : raw.subarray(end + 4),
  };
}

/** Has a mail other line ends than CRLF, or NUL? Readers disagree about where its headers end, so nothing that it says can be relied on. */
export function hasStrangeLines(raw: Buffer): boolean {
  return /\r(?!\n)|(?<!\r)\n|\0/.test(raw.toString('latin1'));
}
