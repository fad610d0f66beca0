import { decodeBase64, decodeDecimal } from './base64.js';
import { Malformed } from './malformed.js';

/** What a log sends to a witness. c2sp tlog-witness, add-checkpoint. */
export interface AddCheckpoint {
  /** Size of the tree that the witness signed last; 0: none. */
  readonly oldSize: number;
  /** Consistency proof from there, 32 bytes each; empty from size 0 (P-26). */
  readonly proof: readonly Buffer[];
  /** The signed checkpoint. */
  readonly note: string;
}

/** Type of the answer that tells which size the witness signed last. */
export const SIZE_TYPE = 'text/x.tlog.size';
/** Room for 63 hashes and a note with a hundred signatures. */
export const MAX_ADD_CHECKPOINT_BYTES = 65_536;
const MAX_HASHES = 63;

/** The body of the request. */
export function formatAddCheckpoint({ oldSize, proof, note }: AddCheckpoint): string {
  const lines = [`old ${oldSize}`, ...proof.map((hash) => hash.toString('base64'))];
  return `${lines.join('\n')}\n\n${note}`;
}

/** Reads the body; the checkpoint in it is not looked at. Throws Malformed. */
export function parseAddCheckpoint(body: string): AddCheckpoint {
  const end = body.indexOf('\n\n');
  const [first = '', ...lines] = body.slice(0, Math.max(end, 0)).split('\n');
  const oldSize = first.startsWith('old ') ? decodeDecimal(first.slice('old '.length)) : null;
  if (oldSize === null) throw new Malformed('add-checkpoint', 'the first line is no old size');
  if (lines.length > MAX_HASHES) throw new Malformed('add-checkpoint', 'a proof has 63 hashes at most');
  return { oldSize, proof: lines.map(parseHash), note: body.slice(end + 2) };
}

/** The size in the body of a 409. Throws Malformed. */
export function parseSize(body: string): number {
  const size = body.endsWith('\n') ? decodeDecimal(body.slice(0, -1)) : null;
  if (size === null) throw new Malformed('add-checkpoint', 'not the size of a tree');
  return size;
}

function parseHash(line: string): Buffer {
  const hash = decodeBase64(line);
  if (hash?.length !== 32) throw new Malformed('add-checkpoint', 'a hash has 32 bytes in base64');
  return hash;
}
