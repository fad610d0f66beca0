import type { Frequency } from '../../entities/consent.js';
import { act } from '../consent/act.js';
import { consentById } from '../consent/find.js';
import type { Context } from '../context.js';
import { Refusal } from '../errors.js';

/** What a person chose for a list that they stay on. */
export type Choice = { kind: 'frequency'; frequency: Frequency } | { kind: 'pause'; until: Date };

/** The settings of a consent before a change, so that it can be taken back. */
export interface Settings {
  readonly frequency: Frequency;
  readonly pausedUntil: Date | null;
}

/** A pause lasts a year at most. */
export const LONGEST_PAUSE_DAYS = 366;

const ORDER: readonly Frequency[] = ['all', 'weekly', 'monthly'];

/** May a footer link do this? Only what reduces (L-08): less often than now, or a pause that does not end sooner. */
export function isReduction(now: Settings, choice: Choice): boolean {
  return choice.kind === 'frequency'
    ? ORDER.indexOf(choice.frequency) > ORDER.indexOf(now.frequency)
    : now.pausedUntil === null || choice.until >= now.pausedUntil;
}

/** Stores a choice. Returns the settings before it, or null when the list is not being received. */
export async function choose(ctx: Context, consentId: string, choice: Choice): Promise<Settings | null> {
  return setSettings(
    ctx,
    consentId,
    choice.kind === 'frequency' ? { frequency: choice.frequency } : { pausedUntil: choice.until },
  );
}

/** Sets what is given, as an undo does. Returns the settings before it, or null when the list is not being received. */
export async function setSettings(ctx: Context, consentId: string, next: Partial<Settings>): Promise<Settings | null> {
  for (let attempt = 0; attempt < 5; attempt += 1) {
    const found = await consentById(ctx, consentId);
    if (found?.consent.state !== 'confirmed') return null;
    const { frequency, pausedUntil } = found.consent;
    if (await act(ctx.db, ctx, found.consent, next, null)) return { frequency, pausedUntil };
  }
  throw new Refusal('not-now', 'Somebody else is changing the same consent.');
}
