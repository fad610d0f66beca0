import type { Context } from '../context.js';
import type { ReceiptLinks } from '../web/pages.js';
import { waitForLeaves } from '../ledger/integrate.js';
import { RECEIPT_MINUTES, receiptUrl } from '../links/urls.js';
import { linkAddress, type ListFacts } from './catalogue.js';
import { bytesOf } from '../links/uuid.js';

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

/** A chapter that was once confirmed, for the list of receipts. */
export interface ReceiptEntry {
  readonly signUpId: string;
  readonly listId: string;
  /** Index of the leaf that the receipt is about. */
  readonly number: string;
  readonly confirmedAt: Date;
  readonly byReply: boolean;
  /** null: the consent holds, or a later one of the same list does. */
  readonly withdrawnAt: Date | null;
}

/** Every chapter of these consents that was ever confirmed, newest first, whatever became of it. Those that were erased are gone. */
export async function receiptEntries(ctx: Context, consentIds: readonly string[]): Promise<ReceiptEntry[]> {
  return ctx.db.query<ReceiptEntry>(
    `select u.id as "signUpId", u.list_id as "listId", l.leaf_index as number, c.happened_at as "confirmedAt",
       exists (select from event_attachment a where a.sign_up_id = u.id and a.name = 'reply') as "byReply",
       case when last.kind = 'withdrawn' then last.happened_at end as "withdrawnAt"
     from sign_up u join consent_event c on c.sign_up_id = u.id and c.kind = 'confirmed'
     join lateral (select e.id, e.kind, e.happened_at from consent_event e join log_leaf x on x.event_id = e.id
       where e.sign_up_id = u.id and e.kind in ('confirmed', 'withdrawn', 'renewed') order by e.happened_at desc, x.leaf_index desc limit 1) last on true
     join log_leaf l on l.event_id = case when last.kind = 'withdrawn' then last.id else c.id end
     where u.consent_id = any($1::uuid[]) and u.evidence_key is not null order by c.happened_at desc`,
    [consentIds],
  );
}
