import { createHmac, timingSafeEqual } from 'node:crypto';
import { Refusal } from '../errors.js';
import { currentKey, type Keyring } from '../keys/keyring.js';

/** What a form was served with: the server, not the browser, says which words stood beside the box (C-02). */
export interface Ticket {
  readonly listId: string;
  readonly wordingId: string;
  /** Of the box for tracking; null: there was none. */
  readonly trackingWordingId: string | null;
  readonly language: string;
  readonly issuedAt: Date;
  /** SHA-256 (hex) of the form's page or words, with what changes at each request blanked; '': not told. */
  readonly formSha256: string;
}

/** A form may stay open for a day. */
export const TICKET_HOURS = 24;
/** Nobody fills a form in faster; whoever posts sooner waits that long for the answer, in ms. */
export const MIN_FILL_MS = 1000;
const TAG = 22;

/** Signs what a form is served with: `list.wording.language.time.form.tag`; a second wording stands behind the first one and a plus. */
export function makeTicket(keyring: Keyring, ticket: Ticket): string {
  const form = Buffer.from(ticket.formSha256, 'hex').toString('base64url');
  const wordings = [ticket.wordingId, ...(ticket.trackingWordingId === null ? [] : [ticket.trackingWordingId])];
  const text = [ticket.listId, wordings.join('+'), ticket.language, ticket.issuedAt.getTime().toString(36), form].join(
    '.',
  );
  return `${text}.${tagOf(currentKey(keyring, 'ticket'), text)}`;
}

/** Opens a ticket. Throws `ticket-invalid` when we did not sign it or it is too old. */
export function openTicket(keyring: Keyring, text: string, now: Date): Ticket {
  const parts = text.length <= 200 ? text.split('.') : [];
  const [listId, wordings = '', language, time, form, tag] = parts;
  const [wordingId, trackingWordingId = null] = wordings.split('+');
  if (parts.length !== 6 || !listId || !wordingId || !language || !time || form === undefined || tag?.length !== TAG)
    throw invalid();
  if (!keyring.ids.some((id) => isTag(keyring.key('ticket', id), parts.slice(0, 5).join('.'), tag))) throw invalid();
  const issuedAt = new Date(parseInt(time, 36));
  const age = now.getTime() - issuedAt.getTime();
  if (age < -60_000 || age > TICKET_HOURS * 3_600_000) throw invalid();
  const formSha256 = Buffer.from(form, 'base64url').toString('hex');
  return { listId, wordingId, trackingWordingId, language, issuedAt, formSha256 };
}

function tagOf(key: Buffer, text: string): string {
  return createHmac('sha256', key).update(text).digest('base64url').slice(0, TAG);
}

function isTag(key: Buffer | null, text: string, tag: string): boolean {
  return (
    key !== null && Buffer.byteLength(tag) === TAG && timingSafeEqual(Buffer.from(tagOf(key, text)), Buffer.from(tag))
  );
}

function invalid(): Refusal {
  return new Refusal('ticket-invalid', 'The form was open for too long, or is not ours.');
}
