import { PROOF_YEARS } from '../consent/periods.js';

const DAY_MS = 86_400_000;

/** Noon (UTC) of the last day on which used proof is kept: 31 December of the third year after the last mail or the withdrawal, whichever is later. */
export function keptUntil(lastUse: Date): Date {
  return new Date(Date.UTC(lastUse.getUTCFullYear() + PROOF_YEARS, 11, 31, 12));
}

/** Proof whose last day is this or earlier is destroyed at `now`: that day has then ended everywhere. */
export function lastDayOver(now: Date): Date {
  return new Date(now.getTime() - DAY_MS);
}
