import type { Context } from '../context.js';
import type { ReceiptLinks } from '../web/pages.js';
import { waitForLeaves } from '../ledger/integrate.js';
import { RECEIPT_MINUTES, receiptUrl } from '../links/urls.js';
import { linkAddress, type ListFacts } from './catalogue.js';
import { bytesOf } from './confirm.js';

/** How long a page waits for the leaf of what was just done, in ms (P-06). */
const WAIT_MS = 2000;

export interface ReceiptOffer {
  /** Index of the `confirmed` leaf; null while it has none. */
  readonly number: string | null;
  readonly links: ReceiptLinks | null;
}

/** The number of a chapter's receipt, and links to it when `eventId` says that this very request confirmed (T9). */
export async function receiptLinks(
  ctx: Context,
  list: ListFacts,
  signUpId: string,
  eventId: string | null,
): Promise<ReceiptOffer> {
  if (!eventId) return { number: await receiptNumber(ctx, signUpId), links: null };
  const leaves = await waitForLeaves(ctx, [eventId], WAIT_MS);
  return { number: leaves.get(eventId) ?? null, links: mintReceiptLinks(ctx, list, signUpId) };
}

/** Links to a receipt for the next 30 minutes. Only for the answer to a confirming press, inside a magic session, or on the demo's own machine, which reads that mailbox. */
export function mintReceiptLinks(ctx: Context, list: ListFacts, signUpId: string): ReceiptLinks {
  const expiresAt = new Date(ctx.now().getTime() + RECEIPT_MINUTES * 60_000);
  const downloadHref = receiptUrl(
    { keyring: ctx.keyring, publicUrl: linkAddress(ctx, list.organisation) },
    bytesOf(signUpId),
    expiresAt,
  );
  return { downloadHref, readHref: downloadHref.replace('/receipts/', '/r/'), bytes: null };
}

/** Leaf index of the `confirmed` event of a chapter, or null. */
export async function receiptNumber(ctx: Context, signUpId: string): Promise<string | null> {
  const [row] = await ctx.db.prepared<{ leaf_index: string }>(
    `select l.leaf_index from consent_event e join log_leaf l on l.event_id = e.id where e.sign_up_id = $1 and e.kind = 'confirmed'`,
    [signUpId],
  );
  return row?.leaf_index ?? null;
}

/** Did an answer to the mail confirm a chapter, and not the button? */
export async function isConfirmedByReply(ctx: Context, signUpId: string): Promise<boolean> {
  const rows = await ctx.db.prepared(`select 1 from event_attachment where sign_up_id = $1 and name = 'reply'`, [
    signUpId,
  ]);
  return rows.length > 0;
}
