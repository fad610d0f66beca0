import { readLocalTime, toLocalTime } from '../campaigns/local-time.js';
import type { SendingPlan } from '../campaigns/settings.js';
import type { PlanMistake } from './plan-views.js';

const NUMBERS = { perSecond: 10_000, warmUp: 10_000_000, tryForHours: 240 } as const;

/** What the plan form asks for; `fields` as they came, by the clocks of `zone`. `shown` among them is the time that stood in the form before anybody typed. */
export function readPlan(
  fields: Readonly<Record<string, string>>,
  { zone, now }: { zone: string; now: Date },
): { plan: SendingPlan; errors: PlanMistake[] } {
  const errors: PlanMistake[] = [];
  const plan: SendingPlan = { onUnknown: fields['onUnknown'] === 'leave' ? 'leave' : 'again' };
  if (fields['when'] === 'at') {
    const local = readLocalTime(fields['at'] ?? '', zone);
    if (!local) errors.push({ field: 'at', what: 'at' });
    else if (local.kind === 'skipped')
      errors.push({ field: 'at', what: 'skipped', at: toLocalTime(local.at, zone).slice(11) });
    else if (local.at <= now) errors.push({ field: 'at', what: 'past' });
    else plan.at = local.at.toISOString();
  } else if (![undefined, '', fields['shown']].includes(fields['at'])) errors.push({ field: 'at', what: 'unused' });
  for (const name of ['perSecond', 'warmUp', 'tryForHours'] as const) {
    const text = (fields[name] ?? '').trim();
    if (text === '') continue;
    const value = /^\d{1,8}$/.test(text) ? Number(text) : 0;
    if (value < 1 || value > NUMBERS[name]) errors.push({ field: name, what: name });
    else plan[name] = value;
  }
  return { plan, errors };
}

/** Days of a warm-up until all have their mail: how many on each, 60 days at most. */
export function warmUpDays(first: number, people: number): number[] {
  const days: number[] = [];
  for (let left = people, cap = first; left > 0 && days.length < 60; cap *= 2) {
    days.push(Math.min(cap, left));
    left -= cap;
  }
  return days;
}
