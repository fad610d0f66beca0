import { parseAddCheckpoint, SIZE_TYPE } from '../ledger/add-checkpoint.js';
import { parseCheckpoint, type Checkpoint } from '../ledger/checkpoint.js';
import { Malformed } from '../ledger/malformed.js';
import { EMPTY_ROOT, verifyConsistency, verifyFromEmpty } from '../ledger/merkle.js';
import { openNote, parseNote, type VerifierKey } from '../ledger/note.js';

/** What is answered instead of a cosignature. */
export interface Answer {
  readonly status: 400 | 403 | 404 | 409 | 422;
  readonly type: string;
  readonly body: string;
}

/** A checkpoint that a log we follow has signed. */
export interface Submission extends Checkpoint {
  readonly oldSize: number;
  readonly proof: readonly Buffer[];
  /** What is cosigned: the checkpoint with its extension lines, if it has any. */
  readonly text: string;
  /** The signed note. */
  readonly note: string;
}

/** A tree that was cosigned. */
export type Head = Pick<Checkpoint, 'size' | 'root'>;

/** What a log's head is before we cosigned any. */
export const NO_HEAD: Head = { size: 0, root: EMPTY_ROOT };

/** Reads a request, and verifies that one of the logs signed what is in it: else the answer says why not. */
export function readSubmission(body: string, logs: readonly VerifierKey[]): Submission | Answer {
  try {
    const { oldSize, proof, note } = parseAddCheckpoint(body);
    const { text } = parseNote(note);
    const checkpoint = readCheckpoint(text);
    const keys = logs.filter((key) => key.name === checkpoint.origin);
    if (keys.length === 0) return plain(404, 'This witness does not follow that log.');
    if (!isSigned(note, keys)) return plain(403, 'The checkpoint is not signed by the log.');
    if (oldSize > checkpoint.size) return plain(400, 'The old size is larger than the checkpoint.');
    return { ...checkpoint, oldSize, proof, text, note };
  } catch (error) {
    if (error instanceof Malformed) return plain(400, `Not an add-checkpoint request: ${error.message}.`);
    throw error;
  }
}

/** Whether a checkpoint goes on from the head that was cosigned last; null: it does, and may be cosigned. */
export function judge({ oldSize, size, root, proof }: Submission, last: Head): Answer | null {
  if (oldSize !== last.size || isFork({ size, root }, last)) return conflict(last.size);
  const goesOn =
    oldSize === 0
      ? verifyFromEmpty(size, root, proof)
      : verifyConsistency({ size1: oldSize, size2: size, root1: last.root, root2: root, proof });
  return goesOn ? null : plain(422, 'The consistency proof does not lead from the old tree to the new one.');
}

/** Whether a log signed two trees of one size: proof against it that nobody can explain away. */
export function isFork(one: Head, other: Head): boolean {
  return one.size === other.size && !one.root.equals(other.root);
}

/** The head that a signed note speaks of. Throws Malformed. */
export function headOf(note: string): Checkpoint {
  return readCheckpoint(parseNote(note).text);
}

// A log that is not ours may add lines; we say nothing of them.
function readCheckpoint(text: string): Checkpoint {
  const [origin = '', size = '', root = '', ...extensions] = text.slice(0, -1).split('\n');
  if (extensions.includes('')) throw new Malformed('checkpoint', 'an extension line is empty');
  return parseCheckpoint(`${origin}\n${size}\n${root}\n`);
}

function isSigned(note: string, keys: readonly VerifierKey[]): boolean {
  try {
    openNote(note, keys);
    return true;
  } catch (error) {
    if (error instanceof Malformed) return false;
    throw error;
  }
}

function conflict(size: number): Answer {
  return { status: 409, type: SIZE_TYPE, body: `${size}\n` };
}

function plain(status: Answer['status'], words: string): Answer {
  return { status, type: 'text/plain; charset=utf-8', body: `${words}\n` };
}
