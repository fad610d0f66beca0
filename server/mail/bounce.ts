import { Refusal } from '../errors.js';
import { isAutomaticAnswer } from './auto-reply.js';
import { readNotice } from './bounce-json.js';
import { judge, statusesIn } from './bounce-judge.js';
import { readBounceMail, valueIn, type BounceMail } from './bounce-mail.js';
import { ofDisposition, ofFeedback, ofStatuses, ofSubject } from './bounce-report.js';
import { addressesIn, readTold, type Told } from './bounce-text.js';
import { NOTHING, type Verdict } from './bounce-verdict.js';
import { isNonDelivery } from './non-delivery.js';

/** So much of a mail is looked at: a report stands before the mail that comes back. */
export const LOOKED_AT = 256 * 1024;

/**
 * Says what a mail is: a report that a mail did not arrive (RFC 3464, and what programs write instead of it), a complaint (RFC 5965), an automatic answer
 * (RFC 3834) or nothing of the kind. Never throws; what cannot be read is nothing.
 */
export function classify(raw: Buffer): Verdict {
  return classifyAt(raw, 0);
}

function classifyAt(raw: Buffer, depth: number): Verdict {
  const mail = readOrNull(withLineFeeds(raw.subarray(0, LOOKED_AT)));
  if (!mail) return NOTHING;
  const told = readTold(mail.text);
  return (
    ofFeedback(mail) ??
    ofStatuses(mail, told) ??
    ofDisposition(mail) ??
    ofNotice(told) ??
    ofSubject(mail) ??
    ofWrapped(mail, depth) ??
    ofText(mail, told) ??
    (isAutomaticAnswer(mail.header) ? { ...NOTHING, kind: 'autoreply', reason: 'automatic' } : NOTHING)
  );
}

// Some old systems end lines with CR alone.
function withLineFeeds(raw: Buffer): Buffer {
  return raw.includes(0x0a) ? raw : Buffer.from(raw.toString('latin1').replace(/\r/g, '\n'), 'latin1');
}

function readOrNull(raw: Buffer): BounceMail | null {
  try {
    return readBounceMail(raw);
  } catch (error) {
    if (error instanceof Refusal) return null;
    throw error;
  }
}

/** What a provider's program writes as JSON. */
function ofNotice({ text }: Told): Verdict | null {
  const notice = readNotice(text);
  if (!notice) return null;
  const recipients = addressesIn(notice.recipients.map(({ address }) => address).join(' '));
  if (notice.kind === 'complaint') return { ...NOTHING, kind: 'complaint', reason: 'abuse', recipients };
  const [first] = notice.recipients;
  if (!first) return null;
  const { action, diagnostic } = first;
  const status = statusesIn(first.status)[0] ?? null;
  return { kind: 'bounce', ...judge({ action, status, diagnostic, text: '', command: null }), recipients };
}

/** A gateway may put the whole report into one of its own. */
function ofWrapped({ returned, returnedBytes, header, text }: BounceMail, depth: number): Verdict | null {
  const isReport = returned !== null && /^multipart\/report\b/i.test(valueIn(returned, 'content-type'));
  if (depth > 0 || !isReport || isNonDelivery(header, text) === null) return null;
  const inner = classifyAt(returnedBytes, depth + 1);
  return inner.kind === 'bounce' ? inner : null;
}

/** What programs write that know no RFC 3464. */
function ofText(mail: BounceMail, told: Told): Verdict | null {
  const sign = isNonDelivery(mail.header, told.text);
  if (!sign) return null;
  const judged = judge({
    action: sign,
    status: null,
    diagnostic: told.text,
    text: valueIn(mail.header, 'subject'),
    command: told.command,
  });
  const named = addressesIn(valueIn(mail.header, 'x-failed-recipients'));
  return { kind: 'bounce', ...judged, recipients: named.length > 0 ? named : othersIn(mail, told) };
}

// Those who get the report and the programs that write it are no recipients of what came back.
function othersIn(mail: BounceMail, { text }: Told): string[] {
  const own = addressesIn(`${valueIn(mail.header, 'to')} ${valueIn(mail.header, 'from')}`).map((one) =>
    one.toLowerCase(),
  );
  const told = addressesIn(text).filter(
    (address) =>
      !own.includes(address.toLowerCase()) && !/^(?:mailer-daemon|postmaster|abuse|support|help)@/i.test(address),
  );
  if (told.length > 0 || !mail.returned) return told;
  return addressesIn(valueIn(mail.returned, 'to'));
}
