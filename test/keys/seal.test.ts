import { expect } from 'chai';
import fc from 'fast-check';
import { isSealed, seal } from '../../server/keys/seal.js';
import { keyringOf } from '../support/keys.js';

const keyring = keyringOf(1);
const part = fc.oneof(
  fc.string(),
  fc.integer(),
  fc.constant(null),
  fc.date({ noInvalidDate: true }),
  fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes)),
);
const parts = fc.array(part, { minLength: 1, maxLength: 8 });

describe('a seal', () => {
  it('is known again for the same parts', () => {
    fc.assert(fc.property(parts, (row) => isSealed(keyring, 'consent', row, seal(keyring, 'consent', row))));
  });

  it('covers every part', () => {
    const changed = fc
      .tuple(parts, fc.nat(), part)
      .map(([row, place, other]) => ({ row, bent: row.with(place % row.length, other) }))
      .filter(({ row, bent }) => spell(row) !== spell(bent));

    fc.assert(
      fc.property(changed, ({ row, bent }) => !isSealed(keyring, 'consent', bent, seal(keyring, 'consent', row))),
      { numRuns: 1000 },
    );
  });

  it('covers their number, their order and what they are parts of', () => {
    const given = seal(keyring, 'consent', ['a', 'b', null]);

    for (const bent of [
      ['a', 'b'],
      ['b', 'a', null],
      ['ab', '', null],
      ['a', 'b', ''],
      ['a', 'b', null, null],
      [null, 'a', 'b'],
    ])
      expect(isSealed(keyring, 'consent', bent, given), JSON.stringify(bent)).to.be.false;
    expect(isSealed(keyring, 'event', ['a', 'b', null], given)).to.be.false;
  });

  it('is refused after any single bit changed, and when it is missing or of another length', () => {
    const given = seal(keyring, 'consent', ['a']);

    for (let bit = 0; bit < given.length * 8; bit++) {
      const bent = Buffer.from(given);
      bent[bit >> 3]! ^= 1 << (bit & 7);
      expect(isSealed(keyring, 'consent', ['a'], bent), `bit ${bit}`).to.be.false;
    }
    for (const wrong of [null, Buffer.alloc(0), given.subarray(0, 16), Buffer.concat([given, Buffer.alloc(1)])])
      expect(isSealed(keyring, 'consent', ['a'], wrong)).to.be.false;
  });

  it('is known again after rotation, and not under foreign keys', () => {
    const given = seal(keyringOf(1), 'consent', ['a']);

    expect(isSealed(keyringOf(1, 2), 'consent', ['a'], given)).to.be.true;
    expect(isSealed(keyringOf(2), 'consent', ['a'], given)).to.be.false;
    expect(seal(keyringOf(1, 2), 'consent', ['a'])[0]).to.equal(2);
  });
});

// What a seal takes for the same: a number is its digits, a time its ISO form, a text its UTF-8.
function spell(row: readonly (string | number | Date | Buffer | null)[]): string {
  return JSON.stringify(
    row.map((one) => {
      if (one === null) return null;
      if (Buffer.isBuffer(one)) return one.toString('hex');
      return Buffer.from(one instanceof Date ? one.toISOString() : String(one)).toString('hex');
    }),
  );
}
