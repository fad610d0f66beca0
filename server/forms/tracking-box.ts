import { catalogue, languagesOf, trackingIn, wordingOf, type ListFacts, type Wording } from '../consent/catalogue.js';
import type { Context } from '../context.js';

/** What a form asks for: its list, and a box for what the organisation would like to be agreed to beside it; null: nothing. */
export interface FormOf {
  readonly list: ListFacts;
  readonly tracking: ListFacts | null;
}

/** The field of that box: unticked, never needed, and no part of the consent to the list (Art. 7(2) and (4) GDPR). */
export const TRACKING_FIELD = 'tracking';

/** A form of a list. Not with a transaction open. */
export async function formOf(ctx: Context, list: ListFacts): Promise<FormOf> {
  return { list, tracking: trackingIn(await catalogue(ctx), list.organisation.id) };
}

/** What stands beside the box; null: there is none, as in a language that has no words for it. */
export function trackingWording({ tracking }: FormOf, language: string): Wording | null {
  return tracking && languagesOf(tracking).includes(language) ? wordingOf(tracking, language) : null;
}

/**
 * Which words somebody agreed to by that box; null: they left it alone. `unknown`: what came stands beside no such box, and must not pass for a consent. `served`: what
 * the form was served with, as far as that is known.
 */
export function tickedTracking(
  { tracking }: FormOf,
  fields: Readonly<Record<string, string>>,
  served: { readonly trackingWordingId: string | null } | null,
): Wording | null | 'unknown' {
  const given = fields[TRACKING_FIELD] ?? '';
  // A form from before the organisation stopped asking goes on to work.
  if (!tracking || given === '') return null;
  const wording = tracking.wordings.find(({ id }) => id === given);
  return wording && (served === null || served.trackingWordingId === given) ? wording : 'unknown';
}
