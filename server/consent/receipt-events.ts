import type { Context } from '../context.js';
import type { Queryable } from '../database/connect.js';
import { Refusal } from '../errors.js';
import { decryptField } from '../keys/field.js';
import { REDACTABLE, type Redactable } from '../ledger/append.js';
import type { ReceiptEvent } from '../ledger/receipt.js';
import type { ConsentRecord } from '../ledger/record.js';

/** An event of a chapter, opened for the owner of the mailbox; its proof comes apart. */
export interface OpenedEvent extends Omit<ReceiptEvent, 'proof' | 'later'> {
  readonly leafIndex: number;
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

/** Kinds that belong into a receipt: what led to the consent, and what became of it. */
const SHOWN: readonly ConsentRecord['kind'][] = [
  'requested',
  'offered',
  'confirmed',
  'changed-address',
  'withdrawn',
  'renewed',
];

/** The events of a chapter that have their leaf, in the order in which they happened; of several mails only the one whose link was used. */
export async function openEvents(ctx: Context, signUpId: string, key: Buffer): Promise<OpenedEvent[]> {
  return (await readEvents(ctx.db, signUpId)).map((row) => open(key, row));
}

/** There is none, or not yet. */
export function noReceipt(): Refusal {
  return new Refusal('receipt-unknown', 'There is no receipt for this, or not yet.');
}

async function readEvents(db: Queryable, signUpId: string): Promise<Row[]> {
  return db.query<Row>(
    `select e.id, e.kind, l.leaf_index, b.record, b.address, b.ip, b.user_agent, b.mail,
       (select a.sealed from event_attachment a where a.sign_up_id = e.sign_up_id and a.event_id = e.id and a.name = 'reply') as reply
     from consent_event e join log_leaf l on l.event_id = e.id join event_body b on b.sign_up_id = e.sign_up_id and b.event_id = e.id
     where e.sign_up_id = $1 and e.kind = any($2)
       and (e.kind <> 'offered' or exists (select from offer o where o.event_id = e.id and o.used_by is not null))
     order by e.happened_at, l.leaf_index`,
    [signUpId, SHOWN],
  );
}

function open(key: Buffer, row: Row): OpenedEvent {
  if (!row.record) throw noReceipt();
  const opened = (column: string, sealed: Buffer): unknown =>
    JSON.parse(decryptField(key, { table: 'event_body', column, row: row.id }, sealed).toString());
  const { opening, record } = opened('record', row.record) as { opening: string; record: ConsentRecord };
  const fields = [...REDACTABLE, 'reply' as const].flatMap((name) => {
    const sealed = row[name];
    if (!sealed || !isDisclosed(row.kind, name)) return [];
    const { salt, value } = opened(name, sealed) as { salt: string; value: string };
    return [[name, { salt: Buffer.from(salt, 'base64'), value }] as const];
  });
  return {
    ...{ record, opening: Buffer.from(opening, 'base64'), fields: Object.fromEntries(fields) },
    leafIndex: Number(row.leaf_index),
  };
}

// Who typed the address may have been a stranger: whose connection that was is not the mailbox owner's to see (DESIGN.md 5).
function isDisclosed(kind: ConsentRecord['kind'], name: Redactable | 'reply'): boolean {
  return kind !== 'requested' || name === 'address';
}
