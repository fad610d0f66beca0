import { readGroups, type FieldGroup } from './bounce-fields.js';
import { judge, statusesIn, type Judgement } from './bounce-judge.js';
import { valueIn, type BounceMail } from './bounce-mail.js';
import { addressesIn, commandIn, passageOn, type Told } from './bounce-text.js';
import { NOTHING, type Verdict } from './bounce-verdict.js';
import { isNonDelivery } from './non-delivery.js';

/** A complaint: RFC 5965, M-38. Only `abuse` and its like are complaints; what a filter or a receiver's own check reports is no word of a person. */
export function ofFeedback(mail: BounceMail): Verdict | null {
  const group = mail.feedback.find((one) => one.has('feedback-type')) ?? mail.feedback[0];
  if (!group) return null;
  const type = (group.get('feedback-type') ?? 'abuse')
    .toLowerCase()
    .replace(/[^a-z-]/g, '')
    .slice(0, 40);
  const recipients = addressesIn(
    ['original-rcpt-to', 'removal-recipient'].map((name) => group.get(name) ?? '').join(' '),
  );
  const isComplaint = !['not-spam', 'auth-failure', 'dkim', 'virus'].includes(type);
  return { ...NOTHING, kind: isComplaint ? 'complaint' : 'none', reason: type || 'abuse', recipients };
}

/** A report that a mail did not arrive: RFC 3464, M-37. The first recipient who did not get it counts. */
export function ofStatuses(mail: BounceMail, told: Told): Verdict | null {
  const groups = (mail.statuses.length > 0 ? mail.statuses : inText(mail)).filter(isOfRecipient);
  const recipients = recipientsOf(groups);
  if (groups.some(isChallenge)) return { ...NOTHING, kind: 'autoreply', reason: 'challenge', recipients };
  const judged = groups.map((group) => judgeGroup(group, told, recipients));
  const first = judged.find(({ action }) => !['delivered', 'delayed'].includes(action)) ?? judged[0];
  return first ? { kind: 'bounce', ...first, recipients } : null;
}

// A report whose parts got lost on the way.
function inText(mail: BounceMail): FieldGroup[] {
  const isReport = isNonDelivery(mail.header, mail.text) !== null;
  return isReport && /^final-recipient:/im.test(mail.text) ? readGroups(mail.text) : [];
}

function isOfRecipient(group: FieldGroup): boolean {
  return ['action', 'status', 'final-recipient', 'original-recipient'].filter((name) => group.has(name)).length > 1;
}

// Somebody's filter wants to know who we are before it lets the mail through.
function isChallenge(group: FieldGroup): boolean {
  return /not pre-?approved|challenge|guest list/i.test(group.get('diagnostic-code') ?? '');
}

function judgeGroup(group: FieldGroup, told: Told, recipients: readonly string[]): Judgement {
  const [recipient = ''] = recipientsOf([group]);
  const said = (group.get('diagnostic-code') ?? '').replace(/^[\w-]+ *; */, '');
  const diagnostic = said === '' ? passageOn(told.text, recipient, recipients) : said;
  return judge({
    action: (group.get('action') ?? '').toLowerCase(),
    status: statusesIn(group.get('status') ?? '')[0] ?? null,
    diagnostic,
    text: told.text,
    command: commandIn(diagnostic) ?? told.command,
  });
}

function recipientsOf(groups: readonly FieldGroup[]): string[] {
  const named = groups.map((group) => group.get('original-recipient') ?? group.get('final-recipient') ?? '');
  return addressesIn(named.join(' '));
}

/** Somebody's program tells whether a mail was opened: it says nothing of the address. */
export function ofDisposition(mail: BounceMail): Verdict | null {
  const [group] = mail.dispositions;
  return group ? { ...NOTHING, kind: 'autoreply', reason: 'disposition' } : null;
}

/** A complaint without a report, as one large provider sends them. */
export function ofSubject({ header, returned }: BounceMail): Verdict | null {
  const isComplaint = returned !== null && /^complaint about message from\b/i.test(valueIn(header, 'subject'));
  return isComplaint ? { ...NOTHING, kind: 'complaint', reason: 'abuse' } : null;
}
