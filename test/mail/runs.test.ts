import { expect } from 'chai';
import fc from 'fast-check';
import { editsOf, splice, type Splice } from '../../server/mail/recipe.js';
import { runsOf, runsOfEdits, type Run } from '../../server/mail/runs.js';

describe('the runs of a change', () => {
  it('give what came in without what was added, and what goes out without what was taken away', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.array(step(), { maxLength: 6 }), (bytes, steps) => {
        const content = Buffer.from(bytes);
        const splices = splicesIn(content, steps);
        const out = splice(content, splices);

        for (const runs of [runsOf(content, splices), runsOfEdits(out, editsOf(content, splices))]) {
          expect(joined(runs, 'added').equals(content)).to.equal(true);
          expect(joined(runs, 'removed').equals(out)).to.equal(true);
        }
      }),
    );
  });
});

interface Step {
  readonly keep: number;
  readonly remove: number;
  readonly add: string;
}

function step(): fc.Arbitrary<Step> {
  return fc.record({ keep: fc.nat(15), remove: fc.nat(5), add: fc.string({ maxLength: 5 }) });
}

function splicesIn(content: Buffer, steps: readonly Step[]): Splice[] {
  let at = 0;
  return steps.flatMap(({ keep, remove, add }) => {
    const from = at + keep;
    if (from + remove > content.length) return [];
    at = from + remove;
    return [{ at: from, remove, bytes: Buffer.from(add) }];
  });
}

function joined(runs: readonly Run[], without: Run['kind']): Buffer {
  return Buffer.concat(runs.filter(({ kind }) => kind !== without).map(({ bytes }) => bytes));
}
