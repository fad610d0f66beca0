import { expect } from 'chai';
import fc from 'fast-check';
import {
  decideSignUp,
  stateAfter,
  type ConsentState,
  type Move,
  type SignUpFacts,
} from '../../server/consent/states.js';

const STATES: ConsentState[] = ['pending', 'confirmed', 'refused', 'expired', 'withdrawn'];

/** What each move makes of each state, in the order of STATES; - changes nothing. */
const TABLE: Readonly<Record<Move, readonly (ConsentState | '-')[]>> = {
  confirm: ['confirmed', '-', 'confirmed', 'confirmed', 'confirmed'],
  withdraw: ['-', 'withdrawn', '-', '-', '-'],
  refuse: ['refused', '-', '-', '-', '-'],
  expire: ['expired', '-', '-', '-', '-'],
  renew: ['-', '-', '-', '-', 'confirmed'],
};
const MOVES = Object.keys(TABLE) as Move[];

describe('the state of a consent', () => {
  for (const move of MOVES) {
    it(`changes by ${move} as the table says`, () => {
      const after = STATES.map((state) => stateAfter(state, move) ?? '-');

      expect(after).to.deep.equal(TABLE[move]);
    });
  }

  it('is confirmed only by a click, or by taking a withdrawal back', () => {
    const ways = MOVES.filter((move) => STATES.some((state) => stateAfter(state, move) === 'confirmed'));

    expect(ways).to.deep.equal(['confirm', 'renew']);
  });

  it('never changes to what it is', () => {
    for (const state of STATES) for (const move of MOVES) expect(stateAfter(state, move)).not.to.equal(state);
  });

  it('can always be left once it is confirmed, whatever happened before', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...MOVES)), (moves) => {
        const state = moves.reduce<ConsentState>((now, move) => stateAfter(now, move) ?? now, 'pending');
        return state !== 'confirmed' || stateAfter(state, 'withdraw') === 'withdrawn';
      }),
    );
  });
});

describe('a sign-up', () => {
  const fresh: SignUpFacts = { state: null, isBlocked: false, mailsToday: 0, mailsThisWeek: 0 };

  it('is answered by the mail that its facts call for', () => {
    const cases: [Partial<SignUpFacts>, boolean, string][] = [
      [{}, true, 'confirm'],
      [{ state: 'pending' }, true, 'confirm'],
      [{ state: 'withdrawn' }, true, 'confirm'],
      [{ state: 'expired' }, true, 'confirm'],
      [{ state: 'refused' }, true, 'confirm'],
      [{ state: 'confirmed' }, true, 'already'],
      [{ mailsToday: 1, mailsThisWeek: 1 }, true, 'budget'],
      [{ mailsThisWeek: 2 }, true, 'confirm'],
      [{ mailsThisWeek: 3 }, true, 'budget'],
      [{ state: 'confirmed', mailsToday: 1 }, true, 'budget'],
      [{ mailsToday: 99, mailsThisWeek: 99 }, false, 'confirm'],
      [{ isBlocked: true }, true, 'blocked'],
      [{ isBlocked: true, state: 'confirmed', mailsToday: 9 }, false, 'blocked'],
    ];

    for (const [facts, limits, outcome] of cases)
      expect(decideSignUp({ ...fresh, ...facts }, limits), JSON.stringify(facts)).to.equal(outcome);
  });
});
