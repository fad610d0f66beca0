import type { Context } from '../context.js';
import type { Queryable } from '../database/connect.js';
import { Refusal } from '../errors.js';
import { decryptField } from '../keys/field.js';
import { REDACTABLE, type Redactable } from '../ledger/append.js';
import { inclusionProof } from '../ledger/prove.js';
import { buildReceipt, RECEIPT_LIMITS, REPLY_LIMIT, type ReceiptEvent } from '../ledger/receipt.js';
import type { ConsentRecord } from '../ledger/record.js';
import { checkpointCovering, hashReader, logFacts, type StoredCheckpoint } from '../ledger/store.js';
import { listById, textOf, type ListFacts } from './catalogue.js';
import { evidenceKey } from './chapter.js';

/** A receipt, as a file and as what its reading view shows. */
export interface Receipt {
  /** Leaf index of the confirmation. */
  readonly number: string;
  readonly file: string;
  readonly list: ListFacts;
  readonly language: string;
  readonly address: string | null;
  readonly wording: string;
  readonly acts: readonly { readonly kind: ConsentRecord['kind']; readonly at: Date; readonly byReply: boolean }[];
  readonly leafIndex: number;
  readonly checkpoint: StoredCheckpoint;
}

interface Row {
  id: string;
  kind: ConsentRecord['kind'];
  leaf_index: string;
  record: Buffer | null;
  address: Buffer | null;
  ip: Buffer | null;
  user_agent: Buffer | null;
  mail: Buffer | null;
  /** Kept apart. */
  reply: Buffer | null;
}

interface Chapter {
  list_id: string;
  wording_id: string;
  language: string;
  evidence_key: Buffer | null;
}

/** Kinds that belong into a receipt. */
const SHOWN = ['requested', 'offered', 'confirmed'];

/** Everything that proves one chapter: records, openings, texts, and a proof for each event (P-09). Throws `receipt-unknown` while there is none. */
export async function loadReceipt(ctx: Context, signUpId: string): Promise<Receipt> {
  const [chapter] = await ctx.db.query<Chapter>(
    'select list_id, wording_id, language, evidence_key from sign_up where id = $1',
    [signUpId],
  );
  if (!chapter?.evidence_key) throw unknown();
  const key = evidenceKey(ctx.keyring, signUpId, chapter.evidence_key);
  const rows = await readEvents(ctx.db, signUpId);
  const confirmed = rows.find((row) => row.kind === 'confirmed');
  if (!confirmed) throw unknown();
  const list = await listById(ctx, chapter.list_id);
  const wording = wordingOfChapter(list, chapter);
  const number = confirmed.leaf_index;
  const checkpoint = await coveringCheckpoint(ctx.db, Number(number));
  // All proofs of a receipt are of one log: where it was continued under another name, that in which it was confirmed.
  const log = await logFacts(ctx, checkpoint.size);
  const events = await Promise.all(rows.map(async (row) => toEvent(ctx, key, row, log.firstSize)));
  const file = buildReceipt({
    number,
    issuedAt: ctx.now(),
    claim: 'consent',
    log,
    anchors: { interval: null, stamps: [] },
    policy: null,
    list: textOf(list, chapter.language).name,
    organisation: list.organisation.legalName,
    events,
    texts: [wording, ...noticesOf(list, events)],
    limits: events.some(({ record }) => isByReply(record)) ? [...RECEIPT_LIMITS, REPLY_LIMIT] : RECEIPT_LIMITS,
  });
  return {
    number,
    file,
    list,
    language: chapter.language,
    address: events.map((event) => event.fields.address?.value).find((value) => value !== undefined) ?? null,
    wording,
    acts: events.map(({ record }) => ({
      ...{ kind: record.kind, at: new Date(record.happened_at), byReply: isByReply(record) },
    })),
    leafIndex: Number(number),
    checkpoint,
  };
}

function isByReply({ confirm }: ConsentRecord): boolean {
  return confirm?.method === 'reply';
}

function wordingOfChapter(list: ListFacts, chapter: Chapter): string {
  const wording = list.wordings.find((one) => one.id === chapter.wording_id);
  if (!wording) throw new Error('a wording that was agreed to is gone');
  return wording.label;
}

/** The notices that the records refer to, and no others. */
function noticesOf(list: ListFacts, events: readonly ReceiptEvent[]): string[] {
  const wanted = new Set(events.map(({ record }) => record.notice?.sha256));
  return [
    ...new Set(list.notices.filter((notice) => wanted.has(notice.sha256.toString('hex'))).map((notice) => notice.body)),
  ];
}

async function readEvents(db: Queryable, signUpId: string): Promise<Row[]> {
  return db.query<Row>(
    `select e.id, e.kind, l.leaf_index, b.record, b.address, b.ip, b.user_agent, b.mail,
       (select a.sealed from event_attachment a where a.sign_up_id = e.sign_up_id and a.event_id = e.id and a.name = 'reply') as reply
     from consent_event e join log_leaf l on l.event_id = e.id join event_body b on b.sign_up_id = e.sign_up_id and b.event_id = e.id
     where e.sign_up_id = $1 and e.kind = any($2)
       and (e.kind <> 'offered' or exists (select from offer o where o.event_id = e.id and o.used_by is not null))
     order by l.leaf_index`,
    [signUpId, SHOWN],
  );
}

// Who typed the address may have been a stranger: whose connection that was is not the mailbox owner's to see (DESIGN.md 5).
function isDisclosed(kind: string, name: Redactable | 'reply'): boolean {
  return kind === 'confirmed' || name === 'address' || name === 'mail';
}

async function toEvent(ctx: Context, key: Buffer, row: Row, from: number): Promise<ReceiptEvent> {
  if (!row.record) throw unknown();
  const opened = (column: string, sealed: Buffer): unknown =>
    JSON.parse(decryptField(key, { table: 'event_body', column, row: row.id }, sealed).toString());
  const { opening, record } = opened('record', row.record) as { opening: string; record: ConsentRecord };
  const fields = [...REDACTABLE, 'reply' as const].flatMap((name) => {
    const sealed = row[name];
    if (!sealed || !isDisclosed(row.kind, name)) return [];
    const { salt, value } = opened(name, sealed) as { salt: string; value: string };
    return [[name, { salt: Buffer.from(salt, 'base64'), value }] as const];
  });
  const index = Number(row.leaf_index);
  // The first tree head that covered it: that of `offered` came before the mail left, and so before `confirmed` (T1).
  const checkpoint = await coveringCheckpoint(ctx.db, index, from);
  const hashes = await inclusionProof(hashReader(ctx.db), index, checkpoint.size);
  return {
    record,
    opening: Buffer.from(opening, 'base64'),
    fields: Object.fromEntries(fields),
    proof: { index, hashes, checkpoint: checkpoint.note },
  };
}

async function coveringCheckpoint(db: Queryable, leafIndex: number, from = 0): Promise<StoredCheckpoint> {
  const checkpoint = await checkpointCovering(db, leafIndex, from);
  if (!checkpoint) throw unknown();
  return checkpoint;
}

function unknown(): Refusal {
  return new Refusal('receipt-unknown', 'There is no receipt for this, or not yet.');
}
