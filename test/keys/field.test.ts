import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import fc from 'fast-check';
import { decryptField, encryptField, type Place } from '../../server/keys/field.js';

const KEY = Buffer.alloc(32, 7);
const PLACE: Place = { table: 'subscriber', column: 'address', row: 'b7a1' };

describe('an encrypted field', () => {
  it('gives back any bytes and texts', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(decryptField(KEY, PLACE, encryptField(KEY, PLACE, Buffer.from(bytes)))).to.deep.equal(
          Buffer.from(bytes),
        );
      }),
    );
    expect(decryptField(KEY, PLACE, encryptField(KEY, PLACE, 'zażółć 📮')).toString()).to.equal('zażółć 📮');
  });

  it('never looks the same twice', () => {
    const seen = new Set(
      Array.from({ length: 200 }, () => encryptField(KEY, PLACE, 'ada@example.org').toString('hex')),
    );

    expect(seen.size).to.equal(200);
  });

  it('cannot be moved to another row, column or table', () => {
    const sealed = encryptField(KEY, PLACE, 'ada@example.org');

    for (const elsewhere of [{ row: 'b7a2' }, { column: 'given' }, { table: 'sign_up' }, { row: '' }]) {
      expect(() => decryptField(KEY, { ...PLACE, ...elsewhere }, sealed)).to.throw();
    }
  });

  it('cannot be opened by another key', () => {
    expect(() => decryptField(Buffer.alloc(32, 8), PLACE, encryptField(KEY, PLACE, 'ada@example.org'))).to.throw();
  });

  it('is refused after any single bit changed', () => {
    const sealed = encryptField(KEY, PLACE, 'ada@example.org');

    for (let bit = 0; bit < sealed.length * 8; bit++) {
      const bent = Buffer.from(sealed);
      bent[bit >> 3]! ^= 1 << (bit & 7);
      expect(() => decryptField(KEY, PLACE, bent), `bit ${bit}`).to.throw();
    }
  });

  it('is refused when it is cut, and says where it belongs', () => {
    const sealed = encryptField(KEY, PLACE, 'ada@example.org');

    for (let length = 0; length < sealed.length; length++)
      expect(() => decryptField(KEY, PLACE, sealed.subarray(0, length)), `${length} bytes`).to.throw();
    expect(() => decryptField(KEY, PLACE, Buffer.alloc(3))).to.throw('subscriber.address');
  });

  it('has random bytes refused', () => {
    for (let round = 0; round < 1000; round++)
      expect(() => decryptField(KEY, PLACE, Buffer.concat([Buffer.from([1]), randomBytes(60)]))).to.throw();
  });
});
