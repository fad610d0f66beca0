import { Refusal } from '../errors.js';
import { field, listIdField, mailboxField, textField, type HeaderField, type Mailbox } from './headers.js';

/** What all recipients of a campaign share. */
export interface CampaignHeaders {
  readonly from: Mailbox;
  readonly replyTo?: Mailbox;
  readonly subject: string;
  readonly listName: string;
  /** `label.list.example.org`. */
  readonly listId: string;
  /** Where the list explains itself. */
  readonly helpUrl?: string;
  /** campaign, list, stream, sender; the sender has 5 to 15 characters (M-08). */
  readonly feedbackId: readonly [campaign: string, list: string, stream: string, sender: string];
}

/** The fixed headers of campaign mail: M-07 to M-10. Throws `body-invalid`. */
export function campaignFields(campaign: CampaignHeaders): HeaderField[] {
  return [...authorFields(campaign), ...listFields(campaign)];
}

/** What says that a mail is one of a list: M-03, M-07 to M-10. Throws `body-invalid`. */
export function listFields(
  campaign: Pick<CampaignHeaders, 'listName' | 'listId' | 'helpUrl' | 'feedbackId'>,
): HeaderField[] {
  return [
    listIdField(campaign.listName, campaign.listId),
    ...(campaign.helpUrl === undefined ? [] : [field('List-Help', bracket(campaign.helpUrl))]),
    field('List-Post', 'NO'),
    field('Feedback-ID', formatFeedbackId(campaign.feedbackId)),
    field('Precedence', 'bulk'),
  ];
}

/** The fixed headers of confirmations, receipts and notices (M-10). Throws `body-invalid`. */
export function transactionalFields(mail: Pick<CampaignHeaders, 'from' | 'replyTo' | 'subject'>): HeaderField[] {
  return [...authorFields(mail), field('Auto-Submitted', 'auto-generated')];
}

/** One-click unsubscribe for one recipient and one list: M-01, M-02, RFC 8058. `mailto` is a whole `mailto:` URL. */
export function unsubscribeFields(url: string, mailto?: string): HeaderField[] {
  const ways = mailto === undefined ? [url] : [url, mailto];
  return [
    field('List-Unsubscribe', ways.map(bracket).join(', ')),
    field('List-Unsubscribe-Post', 'List-Unsubscribe=One-Click'),
  ];
}

function authorFields({ from, replyTo, subject }: Pick<CampaignHeaders, 'from' | 'replyTo' | 'subject'>) {
  return [
    mailboxField('From', from),
    ...(replyTo ? [mailboxField('Reply-To', replyTo)] : []),
    textField('Subject', subject),
  ];
}

function bracket(url: string): string {
  if (!/^(?:https?|mailto):[^\s<>,"\\\x7f-\uffff]+$/.test(url)) {
    throw new Refusal('body-invalid', 'A URL in a header is not a plain URL.');
  }
  return `<${url}>`;
}

function formatFeedbackId(parts: CampaignHeaders['feedbackId']): string {
  const sender = parts[3];
  if (!parts.every((part) => /^[\w.-]{1,60}$/.test(part)) || sender.length < 5 || sender.length > 15) {
    throw new Refusal('body-invalid', 'Feedback-ID: four words; the last one has 5 to 15 characters.');
  }
  return parts.join(':');
}
