import { headerValue, readMail, type ReadMail } from '../mail/read-mail.js';
import type { Mailbox } from '../mailbox/store.js';
import type { Story } from './story.js';

/** One mail of the story, as it lies in the built-in mailbox. */
export interface StoryMail {
  readonly id: string;
  readonly subject: string;
  readonly isOpened: boolean;
  /** Those that the tour tells of, in the order of the tour; DKIM-Signature only with its public parts. */
  readonly headers: readonly { readonly name: string; readonly value: string }[];
  /** How many ways out the reader sees in each part. */
  readonly linksInHtml: number;
  readonly linksInText: number;
}

export interface StoryMails {
  /** What the sign-up led to. */
  readonly first: StoryMail | null;
  /** The newest newsletter. */
  readonly newsletter: StoryMail | null;
}

const TOLD = [
  'Auto-Submitted',
  'List-Id',
  'List-Unsubscribe',
  'List-Unsubscribe-Post',
  'Feedback-ID',
  'DKIM-Signature',
] as const;
const MOST = 20;

/** The mails of a story that have arrived. */
export async function findMails(mailbox: Mailbox, story: Story): Promise<StoryMails> {
  const { address, mailId, consent } = story;
  const found: { first: StoryMail | null; newsletter: StoryMail | null } = { first: null, newsletter: null };
  if (address === null) return found;
  const entries = await mailbox.list({ to: address, limit: MOST });
  const since = consent?.confirmedAt ?? null;
  for (const { id, date, to } of entries) {
    const arrivedAt = new Date(date);
    // A second's grace: the clock that names a file is not the one that stamps a sign-up.
    if (to.toLowerCase() !== address.toLowerCase() || arrivedAt.getTime() < story.requestedAt.getTime() - 1000)
      continue;
    const raw = await mailbox.read(id);
    if (!raw) continue;
    const mail = readMail(raw);
    // By this person's own way out: a test mail to the same address leads nowhere.
    const isNewsletter =
      consent !== null && headerValue(mail.headers, 'list-unsubscribe').includes(consent.unsubscribeHref);
    if (isNewsletter && since && arrivedAt >= since) found.newsletter ??= tell(mailbox, id, mail);
    if (mailId && headerValue(mail.headers, 'message-id').startsWith(`<${mailId}@`))
      found.first ??= tell(mailbox, id, mail);
  }
  return found;
}

function tell(mailbox: Mailbox, id: string, mail: ReadMail): StoryMail {
  return {
    id,
    subject: mail.subject,
    isOpened: mailbox.wasOpened(id),
    headers: TOLD.flatMap((name) => {
      const value = headerValue(mail.headers, name.toLowerCase());
      return value === '' ? [] : [{ name, value: name === 'DKIM-Signature' ? publicParts(value) : value }];
    }),
    linksInHtml: count(mail.html),
    linksInText: count(mail.text),
  };
}

/** Domain, selector and signed headers; not the hashes, which tell a reader nothing. */
function publicParts(signature: string): string {
  return signature
    .split(';')
    .map((tag) => tag.replace(/\s+/g, ''))
    .filter((tag) => /^(a|d|s|h)=/.test(tag))
    .join('; ')
    .replaceAll(':', ': ');
}

function count(part: string): number {
  return part.match(/\/[up]\/[A-Za-z0-9_-]{20,}/g)?.length ?? 0;
}
