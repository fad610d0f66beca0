const LETTERS = 'abcdefghijklmnopqrstuvwxyz234567';

/** Bytes in lower-case base32, without padding; of a length that no whole letters hold, the first letter has free bits, which are zero. */
export function toBase32(bytes: Buffer): string {
  let bits = 0n;
  for (const byte of bytes) bits = (bits << 8n) | BigInt(byte);
  const letters = lettersOf(bytes.length);
  return Array.from(
    { length: letters },
    (_, place) => LETTERS[Number((bits >> BigInt(5 * (letters - 1 - place))) & 31n)],
  ).join('');
}

/** So many bytes, in letters of either case; null: it is no base32 of them. */
export function fromBase32(text: string, bytes: number): Buffer | null {
  // Letters are checked before they are made small: the Kelvin sign would become a "k".
  if (text.length !== lettersOf(bytes) || !/^[A-Za-z2-7]+$/.test(text)) return null;
  let bits = 0n;
  for (const letter of text.toLowerCase()) bits = (bits << 5n) | BigInt(LETTERS.indexOf(letter));
  // A second spelling of the same bytes is none.
  return bits >> BigInt(8 * bytes) === 0n ? Buffer.from(bits.toString(16).padStart(2 * bytes, '0'), 'hex') : null;
}

function lettersOf(bytes: number): number {
  return Math.ceil((bytes * 8) / 5);
}
