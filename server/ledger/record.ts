import { createHmac } from 'node:crypto';
import type {
  AutomationSignals,
  FormEvidence,
  HandoffEvidence,
  MailEvidence,
  PressEvidence,
  ReplyEvidence,
} from './evidence.js';
import { canonicalize } from './jcs.js';

/** What happened. */
export type EventKind =
  /** Somebody asked for a list, the box ticked; nothing is proven yet. */
  | 'requested'
  /** A confirmation mail is about to leave: the log holds the hash of its secret first. */
  | 'offered'
  /** The secret of the mail came back, by a deliberate act. */
  | 'confirmed'
  /** Somebody else says that there is a consent, and by what evidence. */
  | 'asserted'
  /** It came with an import, whose own proof is named; never more than asserted. */
  | 'imported'
  /** Staff wrote it down: by phone or on paper. */
  | 'staff-entered'
  /** The consent moved to another address, which was confirmed anew. */
  | 'changed-address'
  | 'withdrawn'
  /** Nobody confirmed in time. */
  | 'expired'
  /** The owner of the mailbox said no before confirming. */
  | 'refused'
  /** A withdrawal was taken back within its undo period. */
  | 'renewed'
  /** A sign-up that changed nothing. */
  | 'noted'
  /** The records were destroyed; `cause` says by which act or rule (T16). */
  | 'erased';

/** The fields of a record that can be dropped or left out of a receipt while the record still verifies. */
export type FieldName = 'address' | 'ip' | 'user_agent' | 'mail' | 'note' | 'scan' | 'reply';

/** A text that was shown: its version, and SHA-256 of its UTF-8 bytes in lower-case hex. */
export interface TextReference {
  readonly version: string;
  readonly sha256: string;
}

/**
 * One event about one consent, as it is committed to. Times are `YYYY-MM-DDTHH:MM:SS.sssZ`, numbers are integers,
 * commitments base64, SHA-256 lower-case hex. What is unknown is absent. standards.md 3.2.
 */
export interface ConsentRecord {
  readonly schema_version: 1;
  /** UUID. */
  readonly record_id: string;
  /** A random id, never the address. */
  readonly subject_ref: string;
  readonly kind: EventKind;
  readonly happened_at: string;
  /** When the sign-up came in, on a later event that repeats it. */
  readonly requested_at?: string;
  readonly list_id: string;
  readonly list_name: string;
  readonly language?: string;
  readonly lawful_basis?: string;
  readonly controller?: Controller;
  readonly wording?: TextReference;
  readonly notice?: TextReference;
  /** What holds for everybody on this list: purposes and their types, kinds of data, recipients, storage, retention, rights, withdrawal method (consent/terms.ts). */
  readonly terms?: { readonly sha256: string };
  readonly form?: FormEvidence;
  readonly collection_method?: string;
  /** When it was said to staff, on a sign-up by phone or on paper: a time, or the day where only that is known (`YYYY-MM-DD`). */
  readonly said_at?: string;
  /** Each value is a commitment of `commitField`; salt and value are kept and disclosed apart. */
  readonly fields?: Readonly<Partial<Record<FieldName, string>>>;
  /** On `offered`: what was mailed, without its secrets: the link's, and that of the address for answers where there was one. */
  readonly token?: {
    readonly ref: string;
    readonly secret_sha256: string;
    readonly reply_secret_sha256?: string;
    readonly expires_at: string;
    /** Id of the master key that the link's key is derived from. */
    readonly kid?: number;
  };
  /** On `confirmed`: the secret that came back, base64url. Its SHA-256 stands in `offered`: as that of answers where the method is `reply`. */
  readonly secret?: string;
  readonly mail?: MailEvidence;
  readonly confirm?: PressEvidence | ReplyEvidence;
  /** On `confirmed`: what is known of the mail that was answered. */
  readonly mail_handoff?: HandoffEvidence;
  readonly withdrawal?: { readonly channel: string };
  readonly automation_signals?: AutomationSignals;
  /** Commitment of the event before this one, on the same consent; null: this is the first. */
  readonly prev_event_commit: string | null;
  /** On `offered`: commitment of the `requested` event that it answers. */
  readonly request_commit?: string;
  /** Who acted: `subject`, `guardian`, `staff:<id>`, `operator` (on the command line), `system`. */
  readonly entity?: string;
  readonly jurisdiction?: string;
  /** ISO 8601 duration, or `until-withdrawn`. */
  readonly validity?: string;
  /** Why: the rule or act behind an erasure, an import's evidence (T16). */
  readonly cause?: string;
}

/** Who decides about the data, as the person was told. */
export interface Controller {
  readonly name: string;
  readonly address?: string;
  readonly contact?: string;
  readonly dpo?: string;
}

/** Hiding commitment to a record under a 32-byte opening; 32 bytes. P-02. Throws RangeError for another opening length. */
export function commit(opening: Buffer, record: object): Buffer {
  requireIntegers(record);
  return taggedHmac(opening, 'consentlog/commit/v1', canonicalize(record));
}

/** The 65 bytes that the log holds about an event: nothing but its commitment. P-03. */
export function leafData(commitment: Buffer): Buffer {
  requireLength(commitment, 'a commitment');
  return Buffer.from(`consentlog/v1 event\n${commitment.toString('base64')}\n`);
}

/** Commitment to one redactable field under a 32-byte salt; base64. Throws RangeError for another salt length or a NUL in the name. */
export function commitField(salt: Buffer, name: string, value: string): string {
  if (name.includes('\0')) throw new RangeError('a field name must not contain NUL');
  if (!`${name}\n${value}`.isWellFormed()) throw new RangeError('a field must be well-formed Unicode');
  return taggedHmac(salt, 'consentlog/field/v1', `${name}\0${value}`).toString('base64');
}

function taggedHmac(key: Buffer, tag: string, message: string): Buffer {
  // HMAC pads short keys with zeros: with a free length two keys could open one commitment.
  requireLength(key, 'an opening');
  return createHmac('sha256', key).update(`${tag}\0${message}`, 'utf8').digest();
}

function requireLength(bytes: Buffer, what: string): void {
  if (bytes.length !== 32) throw new RangeError(`${what} has 32 bytes, not ${bytes.length}`);
}

// Other languages print fractions differently; a record must read the same everywhere (P-01).
function requireIntegers(value: unknown): void {
  if (typeof value === 'number' && !Number.isSafeInteger(value)) throw new RangeError('a record holds integers only');
  if (typeof value === 'object' && value !== null) Object.values(value).forEach(requireIntegers);
}
