import { createHash } from 'node:crypto';
import type { ConsentRecord, FieldName } from './record.js';
import { formatProof, type TlogProof } from './tlog-proof.js';

/** What a receipt says. Everything in it is read by `server/verify/verify.ts`, which shares no code with this. */
export interface ReceiptParts {
  /** A label for people; no signature covers it. */
  readonly number: string;
  readonly issuedAt: Date;
  readonly log: { readonly origin: string; readonly vkey: string };
  /** The list's id or name, as in the records. */
  readonly list: string;
  /** The controller's name, as in the records. */
  readonly organisation: string;
  /** In order: requested, offered, confirmed. */
  readonly events: readonly ReceiptEvent[];
  /** The texts that the records refer to: wording, notice, page. */
  readonly texts: readonly string[];
  /** What it does not prove, in words; `RECEIPT_LIMITS` unless translated. */
  readonly limits?: readonly string[];
}

/** One event with its proof. The proof of `offered` holds a checkpoint that does not yet cover `confirmed` (T1). */
export interface ReceiptEvent {
  readonly record: ConsentRecord;
  /** 32 bytes. */
  readonly opening: Buffer;
  /** The redactable fields that this reader may see. */
  readonly fields: Readonly<Partial<Record<FieldName, { readonly salt: Buffer; readonly value: string }>>>;
  readonly proof: Omit<TlogProof, 'extra'>;
}

/** What no receipt proves (standards.md 4.3). */
export const RECEIPT_LIMITS: readonly string[] = [
  'It does not prove that a human pressed the button, nor which human: only that somebody who had read the mail to this address did.',
  'It does not prove that every event was logged, nor that the operator recorded the truth at that moment.',
  'It shows no withdrawal that came after it was issued.',
  'It holds only under a log key that you have from elsewhere; number and date of issue are labels that nothing signs.',
];

/** The receipt: one JSON file, pretty printed, UTF-8. P-09. Throws RangeError when an opening has not 32 bytes. */
export function buildReceipt(parts: ReceiptParts): string {
  const receipt = {
    format: 'zgoda-receipt/v1',
    number: parts.number,
    issued_at: parts.issuedAt.toISOString(),
    log: { origin: parts.log.origin, vkey: parts.log.vkey },
    list: parts.list,
    organisation: parts.organisation,
    events: parts.events.map(eventOf),
    texts: Object.fromEntries(parts.texts.map((text) => [sha256(text), text])),
    limits: parts.limits ?? RECEIPT_LIMITS,
  };
  return `${JSON.stringify(receipt, null, 2)}\n`;
}

function eventOf({ record, opening, fields, proof }: ReceiptEvent): object {
  if (opening.length !== 32) throw new RangeError('an opening has 32 bytes');
  const disclosed = Object.entries(fields).map(([name, { salt, value }]) => [
    name,
    { salt: salt.toString('base64'), value },
  ]);
  return {
    kind: record.kind,
    record,
    fields: Object.fromEntries(disclosed) as object,
    proof: formatProof({ ...proof, extra: opening }),
  };
}

function sha256(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('hex');
}
