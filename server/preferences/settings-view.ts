import type { LoadedConsent } from '../consent/act.js';
import type { ListChoices, ListFacts, SettingState } from '../web/pages.js';
import { isReduction, LONGEST_PAUSE_DAYS, type Choice, type Settings } from './preferences.js';

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

/** The choices of one list, or of a purpose without mail; `reduceOnly` for whoever came by a footer link (L-08). `wrong`: the pause date as typed, when it cannot be. */
export function listChoices(
  of: {
    ref: string;
    list: ListFacts;
    consent: LoadedConsent;
    now: Date;
    reduceOnly: boolean;
    tracked: boolean;
    hasMail: boolean;
  },
  wrong: string | null = null,
): ListChoices {
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
      value: wrong ?? '',
      first: dayAfter(now, 1),
      last: dayAfter(now, LONGEST_PAUSE_DAYS),
      wrong: wrong !== null,
    },
    tracked: of.tracked,
  };
}

/** What the fields `choice` and `until` ask for; null: nothing to change; 'leave'; 'wrong-day'. */
export function readChoice(fields: Record<string, string>, now: Date): Choice | 'leave' | 'wrong-day' | null {
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
