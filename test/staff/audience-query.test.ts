import { expect } from 'chai';
import { readSaidAt } from '../../server/consent/said-at.js';
import { filterInQuery, queryOf } from '../../server/staff/audience-query.js';

describe('The day of an audience', () => {
  for (const [zone, day, begins] of [
    ['Europe/Warsaw', '2026-03-29', '2026-03-28T23:00:00.000Z'],
    // The clocks skip midnight there.
    ['America/Havana', '2025-03-09', '2025-03-09T05:00:00.000Z'],
    ['America/Santiago', '2025-09-07', '2025-09-07T04:00:00.000Z'],
    ['Asia/Beirut', '2025-03-30', '2025-03-29T22:00:00.000Z'],
    // And show it twice here.
    ['America/Havana', '2025-11-02', '2025-11-02T04:00:00.000Z'],
  ] as const)
    it(`begins with its first moment, and stays the same day in the address: ${day} in ${zone}`, () => {
      const filter = filterInQuery({ after: day }, zone);

      expect(filter).to.deep.equal({ joinedAfter: begins });
      expect(queryOf(filter, zone)).to.equal(`after=${day}`);
    });

  it('that no calendar has stays as it was written, and is refused later', () => {
    expect(filterInQuery({ after: '2026-02-30' }, 'UTC')).to.deep.equal({ joinedAfter: '2026-02-30' });
  });

  it('on which somebody said something in an hour that the clocks skip counts as the next', () => {
    const { at } = readSaidAt('2025-03-09 00:30', 'America/Havana', new Date('2025-03-10T00:00:00Z'));

    expect(at.toISOString()).to.equal('2025-03-09T05:30:00.000Z');
  });
});
