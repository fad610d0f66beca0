import { generateKeyPairSync } from 'node:crypto';
import { formatAddCheckpoint } from '../../server/ledger/add-checkpoint.js';
import { signCheckpoint } from '../../server/ledger/checkpoint.js';
import { leafHash, rootOf } from '../../server/ledger/merkle.js';
import { formatVkey, verifierKey } from '../../server/ledger/note.js';
import { consistencyProof } from '../../server/ledger/prove.js';

/** A log of made-up leaves, which can also show another history: leaves from `fork` on are others there. */
export interface PaperLog {
  readonly origin: string;
  readonly vkey: string;
  /** The signed head of so many leaves. */
  note(size: number, fork?: number): string;
  /** An add-checkpoint request. */
  request(oldSize: number, size: number, fork?: number): Promise<string>;
}

export function makePaperLog(origin = 'log.example.org'): PaperLog {
  const { privateKey } = generateKeyPairSync('ed25519');
  const leaves = (size: number, fork = Infinity): Buffer[] =>
    Array.from({ length: size }, (_, place) => leafHash(Buffer.from(`${place >= fork ? 'other ' : ''}${place}`)));
  const note = (size: number, fork?: number): string =>
    signCheckpoint({ origin, size, root: rootOf(leaves(size, fork)) }, privateKey);
  return {
    origin,
    vkey: formatVkey(verifierKey(origin, privateKey)),
    note,
    request: async (oldSize, size, fork) => {
      // Fewer than 256 leaves: only level 0 is asked for.
      const read = async (_level: number, start: number, end: number): Promise<Buffer[]> =>
        Promise.resolve(leaves(size, fork).slice(start, end));
      return formatAddCheckpoint({
        oldSize,
        proof: await consistencyProof(read, oldSize, size),
        note: note(size, fork),
      });
    },
  };
}
