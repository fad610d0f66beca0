import { createPublicKey, hash, sign, verify, type KeyObject } from 'node:crypto';
import { decodeBase64 } from './base64.js';
import { Malformed } from './malformed.js';

/** Signature types that we know. c2sp signed-note and tlog-cosignature. */
export const ED25519 = 0x01;
export const COSIGNATURE = 0x04;

/** A key that may sign notes: what a vkey says. `keyId` is 4 bytes, `publicKey` 32. */
export interface VerifierKey {
  readonly name: string;
  readonly type: typeof ED25519 | typeof COSIGNATURE;
  readonly keyId: Buffer;
  readonly publicKey: Buffer;
}

/** One signature line; `signature` is what follows the 4-byte key id. */
export interface NoteSignature {
  readonly name: string;
  readonly keyId: Buffer;
  readonly signature: Buffer;
}

/** A note taken apart. Its text must not be used before a signature is verified: see `openNote`. */
export interface Note {
  /** With its last newline, without the empty line. */
  readonly text: string;
  readonly signatures: readonly NoteSignature[];
}

const MAX_SIGNATURES = 100;

/** First four bytes of SHA-256(name, newline, type, public key). c2sp signed-note. */
export function keyId(name: string, type: number, publicKey: Buffer): Buffer {
  const encoded = Buffer.concat([Buffer.from(`${name}\n`), Buffer.from([type]), publicKey]);
  return hash('sha256', encoded, 'buffer').subarray(0, 4);
}

/** The verifier key of an Ed25519 key (private or public). Throws Malformed when the name could not stand in a note. */
export function verifierKey(name: string, key: KeyObject, type: VerifierKey['type'] = ED25519): VerifierKey {
  if (!isKeyName(name)) throw new Malformed('vkey', 'a key name has no blanks, no plus and no control characters');
  const publicKey = rawPublicKey(key);
  return { name, type, keyId: keyId(name, type, publicKey), publicKey };
}

/** `name+keyid+base64(type, key)`. c2sp signed-note. */
export function formatVkey(key: VerifierKey): string {
  const encoded = Buffer.concat([Buffer.from([key.type]), key.publicKey]).toString('base64');
  return `${key.name}+${key.keyId.toString('hex')}+${encoded}`;
}

/** Reads a vkey. Throws Malformed unless it is an Ed25519 key (for notes or cosignatures) under its own key id. */
export function parseVkey(text: string): VerifierKey {
  const [name = '', id = '', ...encoded] = text.split('+');
  const bytes = decodeBase64(encoded.join('+'));
  const type = bytes?.[0];
  if (!isKeyName(name) || bytes?.length !== 33 || (type !== ED25519 && type !== COSIGNATURE)) {
    throw new Malformed('vkey', 'not a verifier key');
  }
  const publicKey = bytes.subarray(1);
  const key: VerifierKey = { name, type, keyId: keyId(name, type, publicKey), publicKey };
  if (key.keyId.toString('hex') !== id) throw new Malformed('vkey', 'the key id does not belong to the key');
  return key;
}

/** Signs a text that ends in a newline; the whole note. Throws Malformed when the text could not stand in a note. */
export function signNote(text: string, name: string, key: KeyObject): string {
  if (!isNoteText(text) || !text.endsWith('\n')) throw new Malformed('note', 'not a text that a note can hold');
  const signer = verifierKey(name, key);
  return `${text}\n${signatureLine({ name, keyId: signer.keyId, signature: sign(null, Buffer.from(text), key) })}`;
}

/** One signature line with its newline. */
export function signatureLine({ name, keyId: id, signature }: NoteSignature): string {
  return `— ${name} ${Buffer.concat([id, signature]).toString('base64')}\n`;
}

/** Takes a note apart and verifies nothing. Throws Malformed. */
export function parseNote(note: string | Buffer): Note {
  const whole = decodeUtf8(note);
  const end = whole.lastIndexOf('\n\n');
  if (!isNoteText(whole) || end < 0 || !whole.endsWith('\n')) throw new Malformed('note', 'not a signed note');
  const lines = whole.slice(end + 2, -1).split('\n');
  if (lines.length > MAX_SIGNATURES) throw new Malformed('note', 'too many signatures');
  return { text: whole.slice(0, end + 1), signatures: lines.map(parseSignatureLine) };
}

/**
 * Takes a note apart and verifies each signature of a known Ed25519 key; unknown keys are ignored.
 * Throws Malformed when one of them is wrong, or when no known key signed.
 */
export function openNote(
  note: string | Buffer,
  keys: readonly VerifierKey[],
): Note & { readonly signedBy: VerifierKey[] } {
  const parsed = parseNote(note);
  const known = parsed.signatures.flatMap((signature) =>
    keys.filter((key) => isBy(signature, key)).map((key) => ({ signature, key })),
  );
  if (!known.every(({ signature, key }) => verifyEd25519(key.publicKey, parsed.text, signature.signature))) {
    throw new Malformed('signature', 'a signature of a known key is wrong');
  }
  if (known.length === 0) throw new Malformed('signature', 'no known key signed this note');
  return { ...parsed, signedBy: known.map(({ key }) => key) };
}

/** Whether 64 bytes are the Ed25519 signature of a text. Never throws. RFC 8032 5.1.7. */
export function verifyEd25519(publicKey: Buffer, message: string | Buffer, signature: Buffer): boolean {
  if (publicKey.length !== 32 || signature.length !== 64) return false;
  try {
    const key = createPublicKey({
      key: { kty: 'OKP', crv: 'Ed25519', x: publicKey.toString('base64url') },
      format: 'jwk',
    });
    return verify(null, Buffer.from(message), key, signature);
  } catch {
    return false;
  }
}

function isBy(signature: NoteSignature, key: VerifierKey): boolean {
  return key.type === ED25519 && signature.name === key.name && signature.keyId.equals(key.keyId);
}

/** One signature line without its newline. Throws Malformed. */
export function parseSignatureLine(line: string): NoteSignature {
  const [dash, name = '', encoded = '', ...rest] = line.split(' ');
  const bytes = decodeBase64(encoded);
  if (dash !== '—' || !isKeyName(name) || bytes === null || bytes.length < 5 || rest.length > 0) {
    throw new Malformed('note', 'not a signature line');
  }
  return { name, keyId: bytes.subarray(0, 4), signature: bytes.subarray(4) };
}

function rawPublicKey(key: KeyObject): Buffer {
  const publicKey = key.type === 'private' ? createPublicKey(key) : key;
  const { crv, x } = publicKey.export({ format: 'jwk' });
  if (crv !== 'Ed25519' || x === undefined) throw new Malformed('vkey', 'not an Ed25519 key');
  return Buffer.from(x, 'base64url');
}

function decodeUtf8(note: string | Buffer): string {
  if (typeof note === 'string') return note;
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(note);
  } catch {
    throw new Malformed('note', 'not UTF-8');
  }
}

function isNoteText(text: string): boolean {
  return !/[\0-\x09\x0b-\x1f]|\p{Surrogate}/u.test(text);
}

function isKeyName(name: string): boolean {
  return name !== '' && !/[\p{White_Space}+\0-\x1f]|\p{Surrogate}/u.test(name);
}
