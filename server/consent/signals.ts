import type { AutomationSignals, HandoffEvidence } from '../ledger/record.js';

/** What a delivery that was taken says of it. */
export interface HandoffRow {
  settled_at: Date | null;
  reply: string | null;
  taken_by: string | null;
}

/** Who took a mail over; null: that is not known (yet). */
export function handoffOf({ settled_at: at, reply, taken_by: takenBy }: HandoffRow): HandoffEvidence | null {
  if (!at || reply === null) return null;
  return { at: at.toISOString(), reply, ...(takenBy === null ? {} : { taken_by: takenBy }) };
}

/** What a scanner does at once, a person does after a while; nothing depends on it (M-52). `at`: of the press. */
export function signalsOf(
  handoff: HandoffEvidence | null,
  shown: { readonly shownAt: Date; readonly pageFetches: number },
  at: Date,
): AutomationSignals {
  const since = (then: Date): number => Math.max(0, Math.round((at.getTime() - then.getTime()) / 1000));
  return {
    ...(handoff ? { seconds_since_handoff: since(new Date(handoff.at)) } : {}),
    seconds_on_page: since(shown.shownAt),
    page_fetches: shown.pageFetches,
  };
}
