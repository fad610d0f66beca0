/** Bytes of canonical base64 (RFC 4648 section 4, padded), or null: Node's decoder alone takes blanks, `-`, `_` and stray bits. */
export function decodeBase64(text: string): Buffer | null {
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? bytes : null;
}

/** A number in plain decimal, without sign or leading zeros, that a double holds exactly; otherwise null. */
export function decodeDecimal(text: string): number | null {
  if (!/^(0|[1-9]\d{0,15})$/.test(text)) return null;
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : null;
}
