import type { SmtpOutcome } from '../mail/smtp.js';

/** So many refusals of us in a row, or half of the last `RECENT` answers, are no accident. */
const IN_A_ROW = 10;
const RECENT = 50;
const DOUBT = 3;

/** `go`: as usual; `doubt`: it may be us who are refused, so that nobody's mail is given up for it; `halt`: it is us. */
export type Verdict = 'go' | 'doubt' | 'halt';

/** Watches the answers to a campaign: does a provider refuse us? */
export interface Breaker {
  note(isRefused: boolean): Verdict;
}

export function makeBreaker(): Breaker {
  let row = 0;
  let recent: boolean[] = [];
  return {
    note: (isRefused) => {
      row = isRefused ? row + 1 : 0;
      recent = [...recent.slice(1 - RECENT), isRefused];
      const share = recent.filter(Boolean).length;
      if (row >= IN_A_ROW || (isRefused && recent.length === RECENT && share * 2 >= RECENT)) {
        row = 0;
        recent = [];
        return 'halt';
      }
      return row >= DOUBT ? 'doubt' : 'go';
    },
  };
}

/** Does this answer speak of us (4.7.x, 5.7.x, a session that is refused for good) rather than of the mail? null: it says nothing of that. */
export function refusesUs(outcome: SmtpOutcome): boolean | null {
  if (outcome.kind === 'sent') return false;
  if (outcome.kind === 'unknown' || outcome.code === undefined) return null;
  return /^[45]\.7\./.test(outcome.enhanced ?? '') || (outcome.kind === 'deferred' && outcome.code >= 500);
}
