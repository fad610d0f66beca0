import { createHash, randomUUID } from 'node:crypto';
import { readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { cosign } from '../ledger/cosignature.js';
import type { VerifierKey } from '../ledger/note.js';
import type { Identity } from './identity.js';
import { isFork, judge, readSubmission, type Answer, type Submission } from './judge.js';
import { recall, remember, syncFolder, writeDurably, type Remembered } from './memory.js';

/** A witness at work. */
export interface Witness {
  readonly identity: Identity;
  /** The folder that it remembers in. */
  readonly dir: string;
  /** Whom it follows. */
  readonly logs: readonly VerifierKey[];
  readonly now: () => Date;
  /** Hears of a log that signed two histories. */
  readonly onFork: (origin: string, file: string | null) => void;
}

const MOST_PROOFS = 20;

/**
 * Answers an add-checkpoint request. What is cosigned is on disk before it is answered, so that a witness that is killed and started again never signs a
 * history that excludes one it signed. Throws when its memory cannot be read or written: then it signs nothing.
 */
export async function answer(
  witness: Witness,
  body: string,
): Promise<Answer | { readonly status: 200; readonly type: string; readonly body: string }> {
  const submission = readSubmission(body, witness.logs);
  if ('status' in submission) return submission;
  for (;;) {
    const last = await recall(witness.dir, submission.origin);
    const refused = judge(submission, last.head);
    if (refused) {
      if (last.note !== null && isFork(submission, last.head)) await keepProof(witness, submission, last.note);
      return refused;
    }
    if (isSame(submission, last) || (await remember(witness.dir, submission.origin, last, submission.note))) {
      const { name, key } = witness.identity;
      const { line } = cosign(submission.text, { name, key, now: witness.now() });
      return { status: 200, type: 'text/plain; charset=utf-8', body: line };
    }
  }
}

function isSame(submission: Submission, last: Remembered): boolean {
  return last.note !== null && submission.size === last.head.size;
}

// Both notes, signed by the log: whoever is shown them needs no word of ours.
async function keepProof(witness: Witness, submission: Submission, note: string): Promise<void> {
  const both = `${note}\n${submission.note}`;
  const name = `fork-${createHash('sha256').update(both).digest('hex').slice(0, 16)}.txt`;
  const kept = (await readdir(witness.dir)).filter((entry) => entry.startsWith('fork-'));
  const isKept = kept.includes(name);
  if (!isKept && kept.length < MOST_PROOFS) {
    // Two requests may bring the same fork at once: whichever comes second writes the same.
    const draft = join(witness.dir, `draft-${randomUUID()}`);
    await writeDurably(draft, both);
    await rename(draft, join(witness.dir, name));
    await syncFolder(witness.dir);
  }
  witness.onFork(submission.origin, isKept || kept.length < MOST_PROOFS ? join(witness.dir, name) : null);
}
