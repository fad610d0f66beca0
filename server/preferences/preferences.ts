import type { Frequency } from '../../entities/consent.js';
import { act } from '../consent/act.js';
import { consentById } from '../consent/find.js';
import type { Context } from '../context.js';
import { Refusal } from '../errors.js';

/** What a person chose for a list that they stay on. */
export type Choice =
  | { kind: 'frequency'; frequency: Frequency }
  | { kind: 'pause'; until: Date }
  /** None: all. */
  | { kind: 'topics'; topics: string[] };

/** The settings of a consent before a change, so that it can be taken back. */
export interface Settings {
  readonly frequency: Frequency;
  readonly pausedUntil: Date | null;
  readonly topics: string[];
}

/** A pause lasts a year at most. */
export const LONGEST_PAUSE_DAYS = 366;

const ORDER: readonly Frequency[] = ['all', 'weekly', 'monthly'];

/** May a footer link do this? Only what reduces (L-08): less often than now, a pause that does not end sooner, or some of the topics that are wanted now. */
export function isReduction(now: Settings, choice: Choice): boolean {
  if (choice.kind === 'topics')
    return (
      choice.topics.length > 0 && (now.topics.length === 0 || choice.topics.every((one) => now.topics.includes(one)))
    );
  return choice.kind === 'frequency'
    ? ORDER.indexOf(choice.frequency) > ORDER.indexOf(now.frequency)
    : now.pausedUntil === null || choice.until >= now.pausedUntil;
}

/** Stores choices. Returns the settings before them, or null when the list is not being received. */
export async function choose(ctx: Context, consentId: string, choices: readonly Choice[]): Promise<Settings | null> {
  return setSettings(ctx, consentId, Object.assign({}, ...choices.map(chosen)) as Partial<Settings>);
}

function chosen(choice: Choice): Partial<Settings> {
  if (choice.kind === 'topics') return { topics: choice.topics };
  return choice.kind === 'frequency' ? { frequency: choice.frequency } : { pausedUntil: choice.until };
}

/** Sets what is given, as an undo does. Returns the settings before it, or null when the list is not being received. */
export async function setSettings(ctx: Context, consentId: string, next: Partial<Settings>): Promise<Settings | null> {
  for (let attempt = 0; attempt < 5; attempt += 1) {
    const found = await consentById(ctx, consentId);
    if (found?.consent.state !== 'confirmed') return null;
    const { frequency, pausedUntil, topics } = found.consent;
    if (await act(ctx.db, ctx, found.consent, next, null)) return { frequency, pausedUntil, topics };
  }
  throw new Refusal('not-now', 'Somebody else is changing the same consent.');
}
