import type { Context } from '../context.js';
import { inclusionProof } from '../ledger/prove.js';
import type { AnchorParts, ReceiptEvent } from '../ledger/receipt.js';
import { checkpointCovering, hashReader, type StoredCheckpoint } from '../ledger/store.js';
import { noReceipt } from './receipt-events.js';

/** What shows that a leaf stands in the log. */
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
  readonly interval: string | null;
  readonly policy: string | null;
}

/** All proofs of a leaf. Throws `receipt-unknown` while no head covers it. */
export async function proveLeaf(ctx: Context, index: number): Promise<LeafProof> {
  // The first tree head that covered it: that of `offered` came before the mail left, and so before `confirmed` (T1).
  const checkpoint = await checkpointCovering(ctx.db, index);
  if (!checkpoint) throw noReceipt();
  const hashes = await inclusionProof(hashReader(ctx.db), index, checkpoint.size);
  return {
    ...{ checkpoint, proof: { index, hashes, checkpoint: checkpoint.note } },
    ...{ later: [], stamps: [], stamped: [], witnesses: [], interval: null, policy: null },
  };
}
