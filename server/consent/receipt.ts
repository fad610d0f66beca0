import type { Context } from '../context.js';
import {
  buildReceipt,
  RECEIPT_LIMITS,
  REPLY_LIMIT,
  type AnchorParts,
  type ReceiptEvent,
  type ReceiptParts,
} from '../ledger/receipt.js';
import { anchorIntervalFor } from '../ledger/anchor-interval.js';
import { witnessPolicyText } from '../ledger/attested.js';
import type { ConsentRecord } from '../ledger/record.js';
import { checkpointCovering, logFacts, type StoredCheckpoint } from '../ledger/store.js';
import { listById, type ListFacts } from './catalogue.js';
import { evidenceKey } from './chapter.js';
import { noReceipt, openEvents, type OpenedEvent } from './receipt-events.js';
import { proveLeaf, type LeafProof } from './receipt-proof.js';
import { textsOf } from './shown-text.js';
import { termsOf, type Terms } from './terms.js';

/** A receipt, as a file and as what its reading view and its exports are made from. */
export interface Receipt {
  /** Leaf index of what it proves: the confirmation, or the withdrawal that stands. */
  readonly number: string;
  readonly claim: ReceiptParts['claim'];
  readonly issuedAt: Date;
  readonly file: string;
  readonly list: ListFacts;
  readonly log: ReceiptParts['log'];
  readonly language: string;
  readonly address: string | null;
  readonly wording: string;
  readonly events: readonly ReceiptEvent[];
  /** By hash: wording, notice, terms, pages. */
  readonly texts: ReadonlyMap<string, string>;
  /** As they were when it was confirmed. */
  readonly terms: Terms;
  readonly acts: readonly { readonly kind: ConsentRecord['kind']; readonly at: Date; readonly byReply: boolean }[];
  readonly leafIndex: number;
  /** The first that covers that leaf. */
  readonly checkpoint: StoredCheckpoint;
  readonly witnesses: readonly string[];
  readonly stamps: readonly { readonly authority: string; readonly at: Date }[];
  readonly anchors: AnchorParts;
}

interface Chapter {
  list_id: string;
  wording_id: string;
  language: string;
  evidence_key: Buffer | null;
}

/**
 * Everything that proves one chapter: records, openings, texts, and proofs for each event (P-09). Of a consent that was withdrawn it proves the withdrawal:
 * nobody is told that a consent holds which does not (T16). Throws `receipt-unknown` while there is none.
 */
export async function loadReceipt(ctx: Context, signUpId: string): Promise<Receipt> {
  const [chapter] = await ctx.db.query<Chapter>(
    'select list_id, wording_id, language, evidence_key from sign_up where id = $1',
    [signUpId],
  );
  if (!chapter?.evidence_key) throw noReceipt();
  const opened = await openEvents(ctx, signUpId, evidenceKey(ctx.keyring, signUpId, chapter.evidence_key));
  const confirmed = opened.find(({ record }) => record.kind === 'confirmed');
  const last = opened.findLast(({ record }) => ['confirmed', 'withdrawn', 'renewed'].includes(record.kind));
  if (!confirmed || !last) throw noReceipt();
  const isWithdrawn = last.record.kind === 'withdrawn';
  const list = await listById(ctx, chapter.list_id);
  return assemble(ctx, {
    ...{ list, chapter, opened, confirmed },
    claimed: isWithdrawn ? last : confirmed,
    claim: isWithdrawn ? 'withdrawal' : 'consent',
  });
}

interface Found {
  readonly list: ListFacts;
  readonly chapter: Chapter;
  readonly opened: readonly OpenedEvent[];
  readonly confirmed: OpenedEvent;
  readonly claimed: OpenedEvent;
  readonly claim: ReceiptParts['claim'];
}

async function assemble(ctx: Context, { list, chapter, opened, confirmed, claimed, claim }: Found): Promise<Receipt> {
  const covering = await checkpointCovering(ctx.db, claimed.leafIndex);
  if (!covering) throw noReceipt();
  // All proofs of a receipt are of one log: where it was continued under another name, that in which what it proves happened.
  const log = await logFacts(ctx, covering.size);
  const policy = witnessPolicyText(ctx);
  const times = opened.map(({ record }) => new Date(record.happened_at));
  const interval = await anchorIntervalFor(ctx.db, times);
  const proofs = await Promise.all(opened.map(async ({ leafIndex }) => proveLeaf(ctx, leafIndex, { log, policy })));
  const events = opened.map(({ record, opening, fields }, place): ReceiptEvent => {
    const { proof, later } = proofs[place] as LeafProof;
    return { record, opening, fields, proof, later };
  });
  const proven = proofs[opened.indexOf(claimed)] as LeafProof;
  const texts = await textsOfEvents(ctx, list, events);
  const wording = textNamed(texts, confirmed.record.wording?.sha256);
  if (wording === null) throw new Error('a wording that was agreed to is gone');
  const number = String(claimed.leafIndex);
  const issuedAt = ctx.now();
  const anchors: AnchorParts = { interval, stamps: stampsOf(proofs) };
  const file = buildReceipt({
    ...{ number, issuedAt, claim, events, anchors, log, policy },
    list: nameOf(events),
    // It may have had another name before.
    organisation: opened.at(-1)?.record.controller?.name ?? list.organisation.legalName,
    texts: [...texts.values()],
    limits: events.some(({ record }) => isByReply(record)) ? [...RECEIPT_LIMITS, REPLY_LIMIT] : RECEIPT_LIMITS,
  });
  return {
    ...{ number, claim, issuedAt, file, list, log, wording, events, texts, anchors, leafIndex: claimed.leafIndex },
    language: chapter.language,
    address: events.map(({ fields }) => fields.address?.value).find((value) => value !== undefined) ?? null,
    terms: readTerms(list, chapter.language, textNamed(texts, confirmed.record.terms?.sha256)),
    acts: events.map(({ record }) => ({
      ...{ kind: record.kind, at: new Date(record.happened_at), byReply: isByReply(record) },
    })),
    checkpoint: proven.checkpoint,
    witnesses: proven.witnesses,
    stamps: proven.stamped,
  };
}

/** The name of the list, where all records have the same; else its id: somebody renamed it, or the button was read in another language. */
function nameOf(events: readonly ReceiptEvent[]): string {
  const [first, ...more] = events.map(({ record }) => record);
  const isOne = more.every((record) => record.list_name === first?.list_name);
  return (isOne ? first?.list_name : first?.list_id) ?? '';
}

/** The texts that the records refer to, and no others. */
async function textsOfEvents(
  ctx: Context,
  list: ListFacts,
  events: readonly ReceiptEvent[],
): Promise<Map<string, string>> {
  const referred = new Set(events.flatMap(({ record }) => hashesOf(record)));
  const kept = await textsOf(ctx.db, [...referred]);
  const known = [
    ...list.wordings.map(({ sha256, label }) => [sha256.toString('hex'), label] as const),
    ...list.notices.map(({ sha256, body }) => [sha256.toString('hex'), body] as const),
  ];
  return new Map([...known.filter(([hash]) => referred.has(hash)), ...kept]);
}

function hashesOf({ wording, notice, terms, form, confirm }: ConsentRecord): string[] {
  const page = confirm?.method === 'POST' ? confirm.page_sha256 : undefined;
  return [wording?.sha256, notice?.sha256, terms?.sha256, form?.sha256, page].filter((hash) => hash !== undefined);
}

function textNamed(texts: ReadonlyMap<string, string>, hash: string | undefined): string | null {
  return (hash === undefined ? undefined : texts.get(hash)) ?? null;
}

function readTerms(list: ListFacts, language: string, kept: string | null): Terms {
  return JSON.parse(kept ?? termsOf(list, language).body) as Terms;
}

/** One head may be stamped for several events: each stands in the receipt once. */
function stampsOf(proofs: readonly LeafProof[]): AnchorParts['stamps'] {
  return [...new Map(proofs.flatMap(({ stamps }) => stamps).map((stamp) => [stamp.checkpoint, stamp])).values()];
}

function isByReply({ confirm }: ConsentRecord): boolean {
  return confirm?.method === 'reply';
}
