import { Refusal } from '../errors.js';

/** A scan of a paper, or a picture of it. */
export interface Scan {
  readonly type: 'application/pdf' | 'image/png' | 'image/jpeg';
  readonly bytes: Buffer;
}

/** 5 MB. */
export const MAX_SCAN_BYTES = 5_000_000;

/** Reads a file as a scan, by what is in it and not by its name; size first. Throws `body-too-large`, `type-unsupported`. */
export function readScan(bytes: Buffer): Scan {
  if (bytes.length > MAX_SCAN_BYTES) throw new Refusal('body-too-large', 'The scan is larger than 5 MB.');
  const found = SIGNS.find(({ sign }) => bytes.subarray(0, sign.length).equals(sign));
  if (!found) throw new Refusal('type-unsupported', 'A scan is a PDF, PNG or JPEG file, and this is none.');
  return { type: found.type, bytes };
}

/** A scan as the text of a field: `data:<type>;base64,...`. */
export function formatScan({ type, bytes }: Scan): string {
  return `data:${type};base64,${bytes.toString('base64')}`;
}

/** The scan in a field. Throws when it is none. */
export function parseScan(field: string): Scan {
  const [, type = '', base64 = ''] = /^data:([a-z/]+);base64,([A-Za-z0-9+/=]+)$/.exec(field) ?? [];
  const scan = readScan(Buffer.from(base64, 'base64'));
  if (scan.type !== type) throw new Error('a scan is not of the type that it was kept as');
  return scan;
}

const SIGNS: readonly { type: Scan['type']; sign: Buffer }[] = [
  { type: 'application/pdf', sign: Buffer.from('%PDF-') },
  { type: 'image/png', sign: Buffer.from('89504e470d0a1a0a', 'hex') },
  { type: 'image/jpeg', sign: Buffer.from('ffd8ff', 'hex') },
];
