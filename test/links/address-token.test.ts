import { expect } from 'chai';
import fc from 'fast-check';
import { Refusal } from '../../server/errors.js';
import { makeAddressToken, makeReplyToken, openAddressToken } from '../../server/links/token.js';
import { keyringOf } from '../support/keys.js';

const REF = Buffer.from('00010203040506070809', 'hex');
const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567';
const keyring = keyringOf(1);
const token = makeAddressToken(keyring, 'x', REF);

describe('a token in a mail address', () => {
  it('is 32 letters and digits that any mail server carries, and gives back its ref', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 10, maxLength: 10 }), (ref) => {
        const made = makeAddressToken(keyring, 'x', Buffer.from(ref));
        expect(made).to.match(/^[a-z2-7]{32}$/);
        expect(openAddressToken(keyring, 'x', made)).to.deep.equal(Buffer.from(ref));
      }),
    );
  });

  it('survives mail servers that change its case', () => {
    expect(openAddressToken(keyring, 'x', token.toUpperCase())).to.deep.equal(REF);
    fc.assert(
      fc.property(fc.array(fc.boolean(), { minLength: 32, maxLength: 32 }), (upper) => {
        const mixed = Array.from(token, (letter, place) => (upper[place] ? letter.toUpperCase() : letter)).join('');
        return openAddressToken(keyring, 'x', mixed).equals(REF);
      }),
    );
  });

  it('is refused after any letter changed', () => {
    for (let place = 0; place < 32; place++)
      for (const letter of BASE32)
        if (letter !== token[place]) expectDamaged(token.slice(0, place) + letter + token.slice(place + 1));
  });

  it('is refused when it is cut, longer, blank or in other letters', () => {
    for (let length = 0; length < 32; length++) expectDamaged(token.slice(0, length));
    for (const end of ['a', '=', ' ', '\n', token]) expectDamaged(token + end);
    for (let place = 0; place < 32; place++)
      for (const letter of ['0', '1', '8', '9', '-', ' ', 'ł', '\u017f', '\u212a', '\0'])
        expectDamaged(token.slice(0, place) + letter + token.slice(place + 1));
  });

  it('is refused in letters that only become the right ones when they are made small', () => {
    const withK = Array.from({ length: 200 }, (_, number) => {
      const ref = Buffer.alloc(10);
      ref.writeUInt32BE(number);
      return makeAddressToken(keyring, 'x', ref);
    }).filter((one) => one.includes('k'));

    expect(withK).not.to.be.empty;
    for (const one of withK) expectDamaged(one.replace('k', '\u212a'));
  });

  it('is refused for another purpose', () => {
    expectDamaged(makeReplyToken(keyring, Buffer.concat([REF, Buffer.alloc(6)])).slice(0, 32));
  });

  it('opens after a rotation of keys, and not under foreign ones', () => {
    expect(openAddressToken(keyringOf(1, 2), 'x', token)).to.deep.equal(REF);
    expect(makeAddressToken(keyringOf(1, 2), 'x', REF)).not.to.equal(token);
    expect(() => openAddressToken(keyringOf(2), 'x', token)).to.throw(Refusal);
  });

  it('needs a ref of ten bytes', () => {
    expect(() => makeAddressToken(keyring, 'x', Buffer.alloc(16))).to.throw(RangeError);
  });
});

function expectDamaged(text: string): void {
  expect(() => openAddressToken(keyring, 'x', text), JSON.stringify(text))
    .to.throw(Refusal)
    .with.property('code', 'link-damaged');
}
