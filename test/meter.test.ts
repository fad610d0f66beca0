import { expect } from 'chai';
import { makeMeter } from '../server/meter.js';

describe('the meter of pages', () => {
  const ask = (times: number, everyMs: number): { rushed: () => boolean; pass: (ms: number) => void } => {
    let clock = 1_000_000;
    const meter = makeMeter(() => clock);
    for (let n = 0; n < times; n += 1) {
      meter.count();
      clock += everyMs;
    }
    return {
      rushed: () => meter.isRushed,
      pass: (ms) => {
        clock += ms;
      },
    };
  };

  it('says nothing of a process that answers no pages', () => {
    expect(ask(0, 0).rushed()).to.equal(false);
  });

  it('takes fifty pages a second for everyday business', () => {
    expect(ask(100, 20).rushed()).to.equal(false);
  });

  it('sees a rush of two hundred a second, and its end half a second after', () => {
    const rush = ask(200, 5);

    expect(rush.rushed()).to.equal(true);
    rush.pass(500);
    expect(rush.rushed()).to.equal(false);
  });
});
