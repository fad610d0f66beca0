import { expect } from 'chai';
import { makeBreaker, refusesUs } from '../../server/delivery/breaker.js';
import { makeDomainPace } from '../../server/delivery/domain-pace.js';
import { retryPause } from '../../server/delivery/persistence.js';

const HOUR_MS = 3_600_000;

describe('The pace to a recipient domain', () => {
  const limits = { usual: null, named: new Map([['slow.example', 2]]) };

  it('lets the others pass while one waits, and gives each of those who wait a turn of their own', () => {
    const pace = makeDomainPace(limits);
    const now = 1_000_000;

    const waits = Array.from({ length: 6 }, () => pace.ask('slow.example', now, 1));

    expect(waits.slice(0, 2), 'a second’s worth goes at once').to.deep.equal([0, 0]);
    expect(waits.slice(2)).to.deep.equal([1000, 1500, 2000, 2500]);
    expect(pace.ask('fast.example', now, 1)).to.equal(0);
  });

  it('lets no more than the limit pass, however often one asks', () => {
    const pace = makeDomainPace(limits);
    let passed = 0;

    for (let now = 0; now < 60_000; now += 10) if (pace.ask('slow.example', now, 1) === 0) passed += 1;

    expect(passed).to.be.within(119, 122);
  });

  it('lets those come who come at their turn', () => {
    const pace = makeDomainPace(limits);
    const queue = Array.from({ length: 40 }, () => 0);
    const went: number[] = [];

    while (queue.length > 0) {
      const due = queue.sort((a, b) => a - b).shift() ?? 0;
      const wait = pace.ask('slow.example', due, 1);
      if (wait === 0) went.push(due);
      else queue.push(due + wait);
    }

    expect(Math.max(...went)).to.be.within(18_000, 22_000);
  });

  it('is shared: three senders have a third each', () => {
    const pace = makeDomainPace({ usual: 30, named: new Map() });
    let passed = 0;

    for (let now = 0; now < 10_000; now += 10) if (pace.ask('a.example', now, 1 / 3) === 0) passed += 1;

    expect(passed).to.be.within(100, 111);
  });

  it('sends nobody further away than a quarter of an hour', () => {
    const pace = makeDomainPace({ usual: 1, named: new Map() });

    const waits = Array.from({ length: 5_000 }, () => pace.ask('a.example', 0, 1));

    expect(Math.max(...waits)).to.be.at.most(15 * 60_000 + 1_000);
  });
});

describe('A campaign that is refused', () => {
  it('halts after ten refusals of us in a row, and is in doubt after three', () => {
    const breaker = makeBreaker();

    const verdicts = Array.from({ length: 10 }, () => breaker.note(true));

    expect(verdicts).to.deep.equal([...Array<string>(2).fill('go'), ...Array<string>(7).fill('doubt'), 'halt']);
  });

  it('halts when half of the last fifty answers refuse us, and not for fewer', () => {
    const breaker = makeBreaker();
    const some = makeBreaker();

    const verdicts = Array.from({ length: 60 }, (_, i) => breaker.note(i % 2 === 0));
    const fewer = Array.from({ length: 600 }, (_, i) => some.note(i % 3 === 0));

    expect(verdicts.indexOf('halt')).to.be.within(49, 51);
    expect(fewer).to.not.include('halt');
  });

  it('is told apart from one whose recipients are refused', () => {
    const reply = 'no';
    expect(refusesUs({ kind: 'refused', code: 550, enhanced: '5.7.26', reply, command: 'DATA' })).to.equal(true);
    expect(refusesUs({ kind: 'deferred', code: 421, enhanced: '4.7.28', reply })).to.equal(true);
    expect(refusesUs({ kind: 'deferred', code: 554, reply })).to.equal(true);
    expect(refusesUs({ kind: 'refused', code: 550, enhanced: '5.1.1', reply, command: 'RCPT' })).to.equal(false);
    expect(refusesUs({ kind: 'deferred', code: 450, enhanced: '4.2.2', reply })).to.equal(false);
    expect(refusesUs({ kind: 'sent', reply, at: new Date(0), takenBy: '' })).to.equal(false);
    expect(refusesUs({ kind: 'deferred', reply })).to.equal(null);
    expect(refusesUs({ kind: 'unknown', reply })).to.equal(null);
  });
});

describe('A mail that is put off', () => {
  for (const [hours, tries] of [
    [1, 4],
    [24, 9],
    [72, 15],
    [240, 36],
  ] as const)
    it(`is tried ${tries} times within ${hours} hours, ever more rarely`, () => {
      const pauses: number[] = [];
      for (let n = 1, pause = retryPause(n, hours); pause !== null; n += 1, pause = retryPause(n, hours))
        pauses.push(pause);

      expect(pauses.length + 1).to.equal(tries);
      expect(pauses).to.deep.equal([...pauses].sort((a, b) => a - b));
      expect(pauses.reduce((sum, pause) => sum + pause, 0)).to.be.at.most(hours * HOUR_MS);
    });
});
