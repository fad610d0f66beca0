import type { ConsentState } from '../../entities/consent.js';

export type { ConsentState };

/** What may happen to a consent. `renewed` takes a withdrawal back within the undo period. */
export type Move = 'confirm' | 'withdraw' | 'refuse' | 'expire' | 'renew';

const MOVES: Record<Move, { from: readonly ConsentState[]; to: ConsentState }> = {
  // A deliberate click on a link that was mailed to the address: also after an earlier chapter ended.
  confirm: { from: ['pending', 'withdrawn', 'expired', 'refused'], to: 'confirmed' },
  withdraw: { from: ['confirmed'], to: 'withdrawn' },
  refuse: { from: ['pending'], to: 'refused' },
  expire: { from: ['pending'], to: 'expired' },
  renew: { from: ['withdrawn'], to: 'confirmed' },
};

/** The state after a move, or null when it changes nothing. */
export function stateAfter(state: ConsentState, move: Move): ConsentState | null {
  return MOVES[move].from.includes(state) ? MOVES[move].to : null;
}

/** What an accepted sign-up leads to. `blocked` outweighs all; a mail within the budget of L-12 only. */
export type SignUpOutcome = 'confirm' | 'already' | 'blocked' | 'budget';

export interface SignUpFacts {
  readonly state: ConsentState | null;
  readonly isBlocked: boolean;
  /** Unanswered confirmation mails to this address for this list within 24 hours. */
  readonly mailsToday: number;
  /** The same within 7 days over all lists of the organisation. */
  readonly mailsThisWeek: number;
}

/** At most one unanswered mail a day and list, three a week and address: a form must not become a bomb (L-12). */
export const BUDGET = { perDay: 1, perWeek: 3 } as const;

/** Which mail a sign-up gets. */
export function decideSignUp(facts: SignUpFacts, limits: boolean): SignUpOutcome {
  if (facts.isBlocked) return 'blocked';
  if (limits && (facts.mailsToday >= BUDGET.perDay || facts.mailsThisWeek >= BUDGET.perWeek)) return 'budget';
  return facts.state === 'confirmed' ? 'already' : 'confirm';
}
