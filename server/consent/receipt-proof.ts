import type { Context } from '../context.js';
import { attestedFor, type Attested } from '../ledger/attested.js';
import { parseNote } from '../ledger/note.js';
import { inclusionProof } from '../ledger/prove.js';
import type { AnchorParts, ReceiptEvent } from '../ledger/receipt.js';
import { checkpointCovering, hashReader, type LogFacts, type StoredCheckpoint } from '../ledger/store.js';
import { noReceipt } from './receipt-events.js';

/** What shows that a leaf stands in the log, and since when. */
export interface LeafProof {
  readonly proof: ReceiptEvent['proof'];
  /** In later heads: one that witnesses signed too, one that was time-stamped. */
  readonly later: NonNullable<ReceiptEvent['later']>;
  /** The first head that covered it. */
  readonly checkpoint: StoredCheckpoint;
  readonly stamps: AnchorParts['stamps'];
  readonly stamped: readonly { readonly authority: string; readonly at: Date }[];
  /** Names of the witnesses that signed a head above it. */
  readonly witnesses: readonly string[];
}

/** All proofs of a leaf, in one log. `policy` says how many witnesses are enough. Throws `receipt-unknown` while no head covers the leaf. */
export async function proveLeaf(
  ctx: Context,
  index: number,
  { log, policy }: { log: LogFacts; policy: string | null },
): Promise<LeafProof> {
  // The first tree head that covered it: that of `offered` came before the mail left, and so before `confirmed` (T1).
  const checkpoint = await checkpointCovering(ctx.db, index, log.firstSize);
  if (!checkpoint) throw noReceipt();
  const { witnessed, anchored } = ofLog(log, await attestedFor(ctx.db, index, policy));
  const prove = async ({ size, note }: { size: number; note: string }): Promise<ReceiptEvent['proof']> => {
    return { index, hashes: await inclusionProof(hashReader(ctx.db), index, size), checkpoint: note };
  };
  // One proof for each head: where the stamped one is the witnessed one too, its signatures are the same and more.
  const heads = new Map([anchored, witnessed].filter((head) => head !== null).map((head) => [head.size, head]));
  return {
    checkpoint,
    proof: await prove(checkpoint),
    later: await Promise.all([...heads.values()].map(prove)),
    stamps: anchored ? [{ checkpoint: anchored.note, tokens: anchored.stamps }] : [],
    stamped: anchored ? anchored.stamps.map(({ authority, at }) => ({ authority, at })) : [],
    witnesses: witnessed ? cosigners(log, witnessed.note) : [],
  };
}

// Heads of the same leaves under the name by which the log went on, or went before, say nothing to whoever trusts this one.
function ofLog({ origin, firstSize }: LogFacts, { witnessed, anchored }: Attested): Attested {
  const isOf = (head: { size: number; note: string } | null): boolean =>
    head !== null && head.size >= firstSize && head.note.startsWith(`${origin}\n`);
  return { witnessed: isOf(witnessed) ? witnessed : null, anchored: isOf(anchored) ? anchored : null };
}

function cosigners({ origin }: LogFacts, note: string): string[] {
  return [...new Set(parseNote(note).signatures.map(({ name }) => name))].filter((name) => name !== origin);
}
