import { sign, type KeyObject } from 'node:crypto';
import { Malformed } from './malformed.js';
import {
  COSIGNATURE,
  parseSignatureLine,
  signatureLine,
  verifierKey,
  verifyEd25519,
  type NoteSignature,
  type VerifierKey,
} from './note.js';

/** What a witness said of a checkpoint: that it extends all it had seen of this log before, at a second of its own clock. */
export interface Cosignature {
  /** The signature line with its newline. */
  readonly line: string;
  readonly signedAt: Date;
}

const TIME_BYTES = 8;
/** The last second that a Date can hold. */
const LAST_SECOND = 8_640_000_000_000n;

/** Signs the text of a checkpoint as a witness. `name` is the witness's; the time is cut to seconds. c2sp tlog-cosignature, cosignature/v1. */
export function cosign(text: string, { name, key, now }: { name: string; key: KeyObject; now: Date }): Cosignature {
  const seconds = Math.floor(now.getTime() / 1000);
  if (!(seconds >= 0)) throw new RangeError('a cosignature has no time before 1970');
  const time = Buffer.alloc(TIME_BYTES);
  time.writeBigUInt64BE(BigInt(seconds));
  const signature = Buffer.concat([time, sign(null, Buffer.from(messageOf(text, BigInt(seconds))), key)]);
  const { keyId } = verifierKey(name, key, COSIGNATURE);
  return { line: signatureLine({ name, keyId, signature }), signedAt: new Date(seconds * 1000) };
}

/** Whether a signature line is by this witness, by name and key id; nothing is verified. */
export function isCosignatureBy(signature: NoteSignature, key: VerifierKey): boolean {
  return key.type === COSIGNATURE && signature.name === key.name && signature.keyId.equals(key.keyId);
}

/** The time at which a witness cosigned the text of a checkpoint. Throws Malformed when it did not. */
export function openCosignature(text: string, signature: NoteSignature, key: VerifierKey): Date {
  if (!isCosignatureBy(signature, key) || signature.signature.length !== TIME_BYTES + 64) {
    throw new Malformed('cosignature', 'not a cosignature of this witness');
  }
  const seconds = signature.signature.readBigUInt64BE(0);
  if (seconds > LAST_SECOND) throw new Malformed('cosignature', 'its time is beyond all time');
  if (!verifyEd25519(key.publicKey, messageOf(text, seconds), signature.signature.subarray(TIME_BYTES))) {
    throw new Malformed('cosignature', 'the cosignature is wrong');
  }
  return new Date(Number(seconds) * 1000);
}

/** The cosignature of a witness among some signature lines (each with its newline), verified; null when there is none. Throws Malformed when it is wrong. */
export function findCosignature(text: string, lines: string, key: VerifierKey): Cosignature | null {
  if (!lines.endsWith('\n')) throw new Malformed('cosignature', 'not signature lines');
  for (const line of lines.slice(0, -1).split('\n')) {
    const signature = parseSignatureLine(line);
    if (isCosignatureBy(signature, key)) {
      return { line: `${line}\n`, signedAt: openCosignature(text, signature, key) };
    }
  }
  return null;
}

/** Whether one signature line (with its newline) is a cosignature of this witness under the text. Never throws Malformed. */
export function isCosigned(text: string, line: string, key: VerifierKey): boolean {
  try {
    return findCosignature(text, line, key)?.line === line;
  } catch (error) {
    if (error instanceof Malformed) return false;
    throw error;
  }
}

function messageOf(text: string, seconds: bigint): string {
  return `cosignature/v1\ntime ${seconds}\n${text}`;
}
