import { createHash } from 'node:crypto';
import type { ConsentRecord, FieldName } from './record.js';
import { formatProof, type TlogProof } from './tlog-proof.js';

/** What a receipt says. Everything in it is read by `server/verify/verify.ts`, which shares no code with this. */
export interface ReceiptParts {
  /** A label for people; no signature covers it. */
  readonly number: string;
  readonly issuedAt: Date;
  /** `formerVkeys`: keys with which the same log signed earlier (P-25). */
  readonly log: { readonly origin: string; readonly vkey: string; readonly formerVkeys?: readonly string[] };
  /** What it is issued to prove. One of a withdrawal holds the consent that was withdrawn, too. */
  readonly claim: 'consent' | 'withdrawal';
  /** The list's id or name, as in the records. */
  readonly list: string;
  /** The controller's name, as in the records. */
  readonly organisation: string;
  /** In order: requested, offered, confirmed, and for a withdrawal what followed. */
  readonly events: readonly ReceiptEvent[];
  /** Time stamps of checkpoints by others (P-08). */
  readonly anchors: AnchorParts;
  /** The witnesses that the log asks, in c2sp tlog-policy syntax; null: none. */
  readonly policy: string | null;
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
  /** Proofs of the same leaf in later checkpoints: one that witnesses signed too, one that was time-stamped. */
  readonly later?: readonly Omit<TlogProof, 'extra'>[];
}

/** How often checkpoints are time-stamped, and the stamps that bear on this receipt's events. */
export interface AnchorParts {
  /** ISO 8601 duration; null: no authority is asked. The maximum undetected backdating. */
  readonly interval: string | null;
  readonly stamps: readonly {
    /** The signed note that was stamped, to the byte. */
    readonly checkpoint: string;
    /** DER of an RFC 3161 TimeStampToken over SHA-256 of it, by authority (its URL). */
    readonly tokens: readonly { readonly authority: string; readonly token: Buffer }[];
  }[];
}

/** What no receipt proves (standards.md 4.3). */
export const RECEIPT_LIMITS: readonly string[] = [
  'It does not prove that a human pressed the button, nor which human: only that somebody who had read the mail to this address did.',
  'It does not prove that every event was logged, nor that the operator recorded the truth at that moment.',
  'It shows no withdrawal that came after it was issued.',
  'It holds only under a log key that you have from elsewhere; number and date of issue are labels that nothing signs.',
];

/** What a confirmation by a signed answer does not prove (T14). */
export const REPLY_LIMIT =
  'It was confirmed by an answer that the provider of the address signed. That the key of this signature stood in the DNS at that time is what the operator saw: no DNSSEC proof of it is here.';

/** The receipt: one JSON file, pretty printed, UTF-8. P-09. Throws RangeError when an opening has not 32 bytes. */
export function buildReceipt(parts: ReceiptParts): string {
  const receipt = {
    format: 'zgoda-receipt/v1',
    number: parts.number,
    issued_at: parts.issuedAt.toISOString(),
    claim: parts.claim,
    log: {
      origin: parts.log.origin,
      vkey: parts.log.vkey,
      ...(parts.log.formerVkeys?.length ? { former_vkeys: parts.log.formerVkeys } : {}),
    },
    list: parts.list,
    organisation: parts.organisation,
    events: parts.events.map(eventOf),
    anchors: {
      interval: parts.anchors.interval,
      stamps: parts.anchors.stamps.map(({ checkpoint, tokens }) => ({
        checkpoint,
        tokens: tokens.map(({ authority, token }) => ({ authority, token: token.toString('base64') })),
      })),
    },
    policy: parts.policy,
    texts: Object.fromEntries(parts.texts.map((text) => [sha256(text), text])),
    limits: parts.limits ?? RECEIPT_LIMITS,
  };
  return `${JSON.stringify(receipt, null, 2)}\n`;
}

function eventOf({ record, opening, fields, proof, later = [] }: ReceiptEvent): object {
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
    ...(later.length > 0 ? { later: later.map((one) => formatProof(one)) } : {}),
  };
}

function sha256(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('hex');
}
