import type { RecentMail, RecentRecipient } from '../gateway/recent-mails.js';
import type { MaskedAddress } from '../web/pages.js';
import { reasonName } from './campaign-part.js';
import type { TailMail, TailPerson } from './gateway-views.js';

interface Naming {
  /** The name of a list by its slug. */
  readonly listName: (slug: string) => string;
  /** Where the page of a person is. */
  readonly hrefOf: (subscriberId: string) => string;
}

/** A mail that came in, as the live screen shows it. */
export function tailMail(mail: RecentMail, { listName, hrefOf }: Naming): TailMail {
  const { credential, list, refusal, people } = mail;
  const taken = Object.entries(mail.states).map(([state, count]) => ({ name: stateName(state), count }));
  const turned = Object.values(mail.skipped).reduce((sum, count) => sum + count, 0);
  const counts = [...taken, ...(turned > 0 ? [{ name: 'refused', count: turned }] : [])];
  const all = counts.reduce((sum, { count }) => sum + count, 0);
  return {
    ...{ at: mail.receivedAt, bytes: mail.bytes, subject: mail.subject, kind: kindOf(mail) },
    from: credential.name === '' ? credential.userName : credential.name,
    list: list === null ? null : listName(list),
    ...{
      ...{ refusal, longHtml: mail.longHtml },
      counts,
      people: people.map((one) => tailPerson(one, hrefOf)),
      more: Math.max(0, all - people.length),
    },
  };
}

// A mail of no list that was taken without a transactional credential is ours: it tells the sender who was left out.
function kindOf({ isTransactional, refusal }: RecentMail): TailMail['kind'] {
  if (isTransactional) return 'transactional';
  return refusal === null ? 'report' : 'noList';
}

function tailPerson(recipient: RecentRecipient, hrefOf: Naming['hrefOf']): TailPerson {
  const { to, state, reason, reply } = recipient;
  return {
    ...{ to: to === null ? null : maskedFrom(to), state: stateName(state) },
    reply: state === 'sent' ? null : reply,
    reason: reason === null ? null : reasonName(reason),
    href: recipient.subscriberId === null ? null : hrefOf(recipient.subscriberId),
  };
}

function stateName(state: string): string {
  return state === 'queued' ? 'waiting' : state;
}

/** The pieces for the ear, out of what is seen: `a…@gmail.com`. */
function maskedFrom(seen: string): MaskedAddress {
  const at = seen.indexOf('…@');
  return { seen, spokenStart: seen.slice(0, Math.max(at, 0)), spokenDomain: seen.slice(at + 2) };
}
