import { skippedCount } from '../campaigns/progress.js';
import type { StoryMail } from './mails.js';
import type { Fact } from './page.js';
import type { StoryCampaign, StoryEvent } from './story.js';

/** What the log holds of an event. */
export function eventFacts(event: StoryEvent | null): Fact[] {
  if (!event) return [];
  return [
    fact('event', { code: event.kind }),
    ...(event.byReply ? [fact('how', { words: 'byReply' })] : []),
    fact('at', { at: event.at }),
    event.leafIndex === null ? fact('leaf', { words: 'leafComes' }) : fact('leaf', { plain: String(event.leafIndex) }),
    fact('commitment', { code: event.commitment }),
  ];
}

/** Subject and telling headers of a mail. */
export function mailFacts(mail: StoryMail | null): Fact[] {
  return mail ? [fact('subject', { plain: mail.subject }), ...headerFacts(mail)] : [];
}

function headerFacts(mail: StoryMail): Fact[] {
  return mail.headers.map(({ name, value }) => fact('header', { name, code: value }));
}

/** How a campaign went, and the headers of its newest mail. */
export function campaignFacts({ subject, counts }: StoryCampaign, newsletter: StoryMail | null): Fact[] {
  const numbers = {
    queued: counts.queued,
    sent: counts.sent,
    waiting: counts.waiting + counts.sending + counts.deferred,
    skipped: skippedCount(counts),
    failed: counts.failed + counts.unknown,
  };
  return [
    fact('subject', { plain: subject }),
    ...Object.entries(numbers)
      .filter(([label, count]) => count > 0 || ['queued', 'sent'].includes(label))
      .map(([label, count]) => fact(label, { plain: String(count) })),
    ...(newsletter ? headerFacts(newsletter) : []),
  ];
}

/** One line. */
export function fact(label: string, value: Partial<Fact>): Fact {
  const nothing = {
    name: null,
    plain: null,
    code: null,
    block: null,
    words: null,
    at: null,
    link: null,
    setting: null,
  };
  return { label, ...nothing, ...value };
}
