import type { LoadedConsent } from '../consent/act.js';
import type { ListFacts as CatalogueList } from '../consent/catalogue.js';
import type { ListChoices, ListFacts, SettingState } from '../web/pages.js';
import { isReduction, LONGEST_PAUSE_DAYS, type Choice, type Settings } from './preferences.js';
import { isSameTopics, readTopics, topicChoices } from './topics-view.js';

/** A consent as the settings pages tell it. */
export function settingState(
  consent: Pick<LoadedConsent, 'state' | 'frequency' | 'pausedUntil'>,
  now: Date,
): SettingState {
  if (consent.state === 'withdrawn' || consent.state === 'refused') return { kind: 'left' };
  if (consent.state !== 'confirmed') return { kind: 'none' };
  if (consent.pausedUntil && consent.pausedUntil > now) return { kind: 'paused', until: consent.pausedUntil };
  return { kind: consent.frequency === 'all' ? 'active' : consent.frequency };
}

/** What cannot be: the pause date as it was typed, or no topic at all. */
export type Wrong = { readonly day: string } | 'no-topic';

interface Offered {
  readonly ref: string;
  readonly list: ListFacts;
  /** The same list in the catalogue. */
  readonly facts: CatalogueList;
  readonly language: string;
  readonly consent: LoadedConsent;
  readonly now: Date;
  /** For whoever came by a footer link (L-08). */
  readonly reduceOnly: boolean;
  /** Does anybody see what this person opens? */
  readonly tracked: boolean;
  /** false: a purpose without mail. */
  readonly hasMail: boolean;
}

/** The choices of one list. */
export function listChoices(of: Offered, wrong: Wrong | null = null): ListChoices {
  const { consent, now } = of;
  const may = (choice: Choice): boolean => !of.reduceOnly || isReduction(consent, choice);
  const isNow = (frequency: Settings['frequency']): boolean =>
    consent.frequency === frequency && !(consent.pausedUntil && consent.pausedUntil > now);
  const frequency = (value: Settings['frequency']): boolean =>
    of.hasMail && !isNow(value) && may({ kind: 'frequency', frequency: value });
  return {
    ref: of.ref,
    list: of.list,
    state: settingState(consent, now),
    offer: {
      every: !of.reduceOnly && frequency('all'),
      weekly: frequency('weekly'),
      monthly: frequency('monthly'),
      pause: of.hasMail,
    },
    pause: {
      value: wrong !== null && wrong !== 'no-topic' ? wrong.day : '',
      first: dayAfter(now, 1),
      last: dayAfter(now, LONGEST_PAUSE_DAYS),
      wrong: wrong !== null && wrong !== 'no-topic',
    },
    topics: topicChoices(of.facts, consent.topics, of.language, of.reduceOnly),
    topicsReduce: of.reduceOnly,
    topicsWrong: wrong === 'no-topic',
    tracked: of.tracked,
  };
}

/** What a form asks for; none: nothing to change; 'leave'; or what cannot be. With `reduceOnly` only what reduces (L-08). */
export function readChoices(
  fields: Record<string, string>,
  of: { facts: CatalogueList; consent: LoadedConsent; now: Date; reduceOnly: boolean },
): Choice[] | 'leave' | 'wrong-day' | 'no-topic' {
  const choice = readChoice(fields, of.now);
  const topics = readTopics(fields, of.facts);
  if (choice === 'leave' || choice === 'wrong-day') return choice;
  if (topics === 'none') return 'no-topic';
  const all: Choice[] = [...(choice ? [choice] : []), ...(topics ? [{ kind: 'topics' as const, topics }] : [])];
  return all.filter((one) => !isSameTopics(of.consent, one) && (!of.reduceOnly || isReduction(of.consent, one)));
}

/** What the fields `choice` and `until` ask for. */
function readChoice(fields: Record<string, string>, now: Date): Choice | 'leave' | 'wrong-day' | null {
  switch (fields['choice']) {
    case 'every':
      return { kind: 'frequency', frequency: 'all' };
    case 'weekly':
      return { kind: 'frequency', frequency: 'weekly' };
    case 'monthly':
      return { kind: 'frequency', frequency: 'monthly' };
    case 'pause':
      return readPause(fields['until'] ?? '', now);
    case 'leave':
      return 'leave';
    default:
      return null;
  }
}

function readPause(day: string, now: Date): Choice | 'wrong-day' {
  const until = new Date(`${day}T00:00:00.000Z`);
  const isDay =
    /^\d{4}-\d{2}-\d{2}$/.test(day) && !Number.isNaN(until.getTime()) && until.toISOString().startsWith(day);
  return isDay && day >= dayAfter(now, 1) && day <= dayAfter(now, LONGEST_PAUSE_DAYS)
    ? { kind: 'pause', until }
    : 'wrong-day';
}

function dayAfter(now: Date, days: number): string {
  return new Date(now.getTime() + days * 86_400_000).toISOString().slice(0, 10);
}
