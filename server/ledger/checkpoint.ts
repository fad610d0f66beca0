import type { KeyObject } from 'node:crypto';
import { decodeBase64, decodeDecimal } from './base64.js';
import { Malformed } from './malformed.js';
import { openNote, signNote, type Note, type VerifierKey } from './note.js';

/** Head of the log: its identity, its size in leaves, its root (32 bytes). c2sp tlog-checkpoint. */
export interface Checkpoint {
  readonly origin: string;
  readonly size: number;
  readonly root: Buffer;
}

/** The text that is signed: three lines. Throws RangeError for a size or an origin that no checkpoint can have. */
export function formatCheckpoint({ origin, size, root }: Checkpoint): string {
  if (!Number.isSafeInteger(size) || size < 0) throw new RangeError(`no tree has the size ${size}`);
  if (origin === '' || origin.includes('\n')) throw new RangeError('an origin is one line');
  return `${origin}\n${size}\n${root.toString('base64')}\n`;
}

/** Reads the signed text. Throws Malformed; extension lines are refused, because we never write any (P-05). */
export function parseCheckpoint(text: string): Checkpoint {
  const [origin = '', sizeLine = '', rootLine = '', end, ...rest] = text.split('\n');
  const size = decodeDecimal(sizeLine);
  const root = decodeBase64(rootLine);
  if (origin === '' || size === null || root?.length !== 32 || end !== '' || rest.length > 0) {
    throw new Malformed('checkpoint', 'not a checkpoint');
  }
  return { origin, size, root };
}

/** A checkpoint as a signed note; the key's name is the origin. Throws RangeError when the root has not 32 bytes. */
export function signCheckpoint(checkpoint: Checkpoint, key: KeyObject): string {
  if (checkpoint.root.length !== 32) throw new RangeError('a root has 32 bytes');
  return signNote(formatCheckpoint(checkpoint), checkpoint.origin, key);
}

/** Opens a signed checkpoint. Throws Malformed unless a known key signed whose name is the origin. */
export function openCheckpoint(
  note: string | Buffer,
  keys: readonly VerifierKey[],
): Checkpoint & { readonly note: Note } {
  const opened = openNote(note, keys);
  const checkpoint = parseCheckpoint(opened.text);
  if (!opened.signedBy.some((key) => key.name === checkpoint.origin)) {
    throw new Malformed('checkpoint', 'not signed by the log that it speaks of');
  }
  return { ...checkpoint, note: opened };
}
