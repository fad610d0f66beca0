import type { BounceAction } from './bounce-judge.js';

/** What a mail that came back says. */
export interface Verdict {
  readonly kind: 'bounce' | 'complaint' | 'autoreply' | 'none';
  readonly action: BounceAction;
  /** RFC 3463; null: nobody says. */
  readonly status: string | null;
  /** One word, ours; null: there is nothing to say. */
  readonly reason: string | null;
  /** Whom it names. Never trusted: a token says whose mail it was (T13). */
  readonly recipients: readonly string[];
}

export const NOTHING: Verdict = { kind: 'none', action: 'none', status: null, reason: null, recipients: [] };
