import { settingState } from '../preferences/settings-view.js';
import { campaignFacts, eventFacts, fact, mailFacts } from './facts.js';
import type { StoryMails } from './mails.js';
import type { StepId, TourStep } from './page.js';
import type { LogNow, Story, StoryCampaign } from './story.js';

/** All that the steps are made of. */
export interface Happened {
  readonly story: Story | null;
  readonly mails: StoryMails;
  readonly log: LogNow;
  readonly hasStaff: boolean;
  readonly hasMailbox: boolean;
  readonly language: string;
  readonly now: Date;
  /** Where a first sign-up goes. */
  readonly listSlug: string;
}

type Draft = Omit<TourStep, 'number' | 'state' | 'isNext' | 'under'> & {
  readonly isDone: boolean;
  readonly under: Omit<NonNullable<TourStep['under']>, 'open'> | null;
};

/** The eight steps as they stand: done, next, still open, or later, and what happened at each. */
export function makeSteps(happened: Happened): TourStep[] {
  const drafts = [signUp, mail, confirm, receipt, preferences, campaign, footer, leave].map((step) => step(happened));
  const lastDone = drafts.findLastIndex((draft) => draft.isDone);
  // Blocked, out of budget, disowned or expired: nothing follows but another sign-up. After the last step nothing follows.
  const next = endOf(happened.story) ? 0 : drafts.findIndex((draft, at) => at > lastDone && !draft.isDone);
  const lastUnder = drafts.findLastIndex((draft) => draft.under !== null);
  // These come in pairs: one press gives confirmation and receipt, one mail shows headers and footer.
  const alsoOpen = ['receipt', 'footer'].includes(drafts[lastUnder]?.id ?? '') ? lastUnder - 1 : -1;
  return drafts.map(({ isDone, under, ...draft }, at) => ({
    ...draft,
    number: at + 1,
    isNext: at === next,
    state: at === next ? 'next' : isDone ? 'done' : at < lastDone ? 'open' : 'later',
    under: under && { ...under, open: at === lastUnder || at === alsoOpen },
  }));
}

function endOf(story: Story | null): string | null {
  if (story?.outcome === 'blocked' || story?.outcome === 'budget') return story.outcome;
  const state = story?.consent?.state;
  return state === 'refused' || state === 'expired' ? state : null;
}

function signUp({ story, listSlug, language }: Happened): Draft {
  return draft('signUp', {
    isDone: story !== null,
    link: { href: here(`/lists/${story?.list.slug ?? listSlug}`, language), text: story ? 'signUpAgain' : 'signUp' },
    under: story && { text: 'signUp', facts: eventFacts(story.requested) },
  });
}

function mail({ story, mails, hasMailbox, language }: Happened): Draft {
  const end = endOf(story);
  const { first } = mails;
  return draft('mail', {
    isDone:
      (first?.isOpened ?? false) ||
      isConfirmed(story) ||
      (story?.outcome === 'confirm' && story.consent?.state === 'refused'),
    link: first ? { href: here(`/mailbox/${first.id}`, language), text: 'mail' } : null,
    notes: end ? [end] : story && !first && !isConfirmed(story) ? [hasMailbox ? 'waiting' : 'ownMailbox'] : [],
    under:
      story && (first ?? story.offered)
        ? { text: story.offered ? 'mail' : 'already', facts: [...mailFacts(first), ...eventFacts(story.offered)] }
        : null,
  });
}

function confirm({ story, mails, log, language }: Happened): Draft {
  const isDone = isConfirmed(story);
  const mailed =
    mails.first && !isDone ? { href: here(`/mailbox/${mails.first.id}`, language), text: 'confirm' } : null;
  return draft('confirm', {
    isDone,
    link: isDone ? { href: here('/log', language), text: 'log' } : mailed,
    under: isDone
      ? {
          text: 'confirm',
          facts: [
            ...eventFacts(story?.confirmed ?? null),
            ...(log.checkpoint
              ? [
                  fact('treeSize', { plain: String(log.checkpoint.size) }),
                  fact('checkpoint', { block: log.checkpoint.note.trim() }),
                ]
              : []),
          ],
        }
      : null,
  });
}

function receipt({ story, log, language }: Happened): Draft {
  const leafIndex = story?.confirmed?.leafIndex ?? null;
  const links = story?.consent?.receipt;
  if (leafIndex === null || !links) return draft('receipt', { isDone: false });
  return draft('receipt', {
    isDone: true,
    link: { href: here(links.readHref, language), text: 'receipt' },
    under: {
      text: 'receipt',
      facts: [
        fact('receiptNumber', { plain: String(leafIndex) }),
        fact('receiptFile', { link: { href: links.downloadHref, text: 'download' } }),
        fact('verify', { block: `npx zgoda verify receipt-${leafIndex}.json --vkey '${log.vkey}'` }),
      ],
    },
  });
}

function preferences({ story, now, language }: Happened): Draft {
  const consent = story?.consent;
  if (!consent || !isConfirmed(story)) return draft('preferences', { isDone: false });
  const isDone = consent.frequency !== 'all' || (consent.pausedUntil !== null && consent.pausedUntil > now);
  return draft('preferences', {
    isDone,
    link: consent.state === 'confirmed' ? { href: here(consent.preferencesHref, language), text: 'preferences' } : null,
    under: isDone ? { text: 'preferences', facts: [fact('setting', { setting: settingState(consent, now) })] } : null,
  });
}

function campaign({ story, mails, hasStaff, language }: Happened): Draft {
  const sent = story?.campaign ?? null;
  const list = story?.list.slug ?? 'news';
  return draft('campaign', {
    isDone: sent !== null && !sent.isDraft && sent.isThrough,
    link: { href: here('/admin', language), text: 'campaign' },
    notes: [hasStaff ? 'staff' : 'noStaff', ...(sent?.isDraft ? ['draft'] : []), ...reasonNotes(sent)],
    samples: true,
    command: `npx zgoda campaign send public/sample-newsletter.html --list ${list} --wait`,
    under: sent && !sent.isDraft ? { text: 'campaign', facts: campaignFacts(sent, mails.newsletter) } : null,
  });
}

function footer({ story, mails, language }: Happened): Draft {
  const { newsletter } = mails;
  if (!newsletter) return draft('footer', { isDone: false });
  return draft('footer', {
    isDone: newsletter.isOpened || story?.consent?.state === 'withdrawn',
    link: { href: here(`/mailbox/${newsletter.id}`, language), text: 'footer' },
    under: {
      text: 'footer',
      facts: [
        fact('subject', { plain: newsletter.subject }),
        fact('linksInHtml', { plain: String(newsletter.linksInHtml) }),
        fact('linksInText', { plain: String(newsletter.linksInText) }),
      ],
    },
  });
}

function leave({ story, listSlug, language }: Happened): Draft {
  const consent = story?.consent;
  if (!consent || !isConfirmed(story)) return draft('leave', { isDone: false });
  const isDone = consent.state === 'withdrawn';
  return draft('leave', {
    isDone,
    link: isDone
      ? { href: here(`/lists/${listSlug}`, language), text: 'startAgain' }
      : { href: here(consent.unsubscribeHref, language), text: 'leave' },
    under: isDone ? { text: 'leave', facts: eventFacts(story.withdrawn) } : null,
  });
}

function draft(id: StepId, given: Partial<Draft> & { isDone: boolean }): Draft {
  return { id, link: null, notes: [], samples: false, command: null, under: null, ...given };
}

function isConfirmed(story: Story | null): boolean {
  return story?.confirmed != null;
}

const REASONS = ['paused', 'frequency', 'withdrawn', 'suppressed'];

function reasonNotes(sent: StoryCampaign | null): string[] {
  return Object.keys(sent?.counts.skipped ?? {})
    .filter((reason) => REASONS.includes(reason))
    .map((reason) => `skipped-${reason}`);
}

/** A page of ours in the language of the tour. */
function here(href: string, language: string): string {
  return `${href}?lang=${language}`;
}
