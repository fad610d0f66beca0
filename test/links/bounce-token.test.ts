import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import fc from 'fast-check';
import { Refusal } from '../../server/errors.js';
import { openReturnAddress, returnAddress } from '../../server/links/bounce-token.js';
import { keyringOf } from '../support/keys.js';

const keyring = keyringOf(1);
const DOMAIN = 'in.bookshop.example';
const MAIL = {
  messageId: '00112233-4455-4677-8899-aabbccddeeff',
  subscriberId: 'ffeeddcc-bbaa-4988-9766-554433221100',
};
const address = returnAddress(keyring, DOMAIN, MAIL);
const local = address.slice(0, address.indexOf('@'));

describe('a return path', () => {
  it('names one mail to one person, in a local part that any server takes, in either case', () => {
    fc.assert(
      fc.property(fc.uuid(), fc.uuid(), (messageId, subscriberId) => {
        const made = returnAddress(keyring, DOMAIN, { messageId, subscriberId });
        expect(made).to.match(/^b\+[a-z2-7]{61}@in\.bookshop\.example$/);
        expect(openReturnAddress(keyring, made.toUpperCase())).to.deep.equal({ messageId, subscriberId });
      }),
      { numRuns: 50 },
    );
  });

  it('is the same at every try', () => {
    expect(returnAddress(keyring, DOMAIN, MAIL)).to.equal(address);
  });

  it('does not tell that two mails go to one person, or belong to one mailing', () => {
    const token = (of: typeof MAIL) => returnAddress(keyring, DOMAIN, of).slice(2, 63);
    const others = [token({ ...MAIL, messageId: randomUUID() }), token({ ...MAIL, subscriberId: randomUUID() })];

    for (const other of others) {
      const alike = Array.from(other).filter((letter, at) => letter === token(MAIL)[at]).length;
      expect(alike).to.be.below(20);
    }
  });

  it('is refused after any letter changed, and cut, and longer', () => {
    for (let at = 2; at < local.length; at++) {
      const other = local[at] === 'a' ? 'b' : 'a';
      expectDamaged(`${local.slice(0, at)}${other}${local.slice(at + 1)}@${DOMAIN}`);
    }
    for (const wrong of [`${local.slice(0, -1)}@x`, `${local}a@x`, `u${local.slice(1)}@x`, local, '', 'b+@x'])
      expect(openReturnAddress(keyring, wrong), wrong).to.equal(null);
  });

  it('has no second spelling', () => {
    const first = Array.from('qrstuvwxyz234567');
    for (const letter of first) expectDamaged(`b+${letter}${local.slice(3)}@${DOMAIN}`);
  });

  it('opens after a rotation of keys, and not under foreign ones', () => {
    expect(openReturnAddress(keyringOf(1, 2), address)).to.deep.equal(MAIL);
    expect(returnAddress(keyringOf(1, 2), DOMAIN, MAIL)).not.to.equal(address);
    expect(() => openReturnAddress(keyringOf(2), address)).to.throw(Refusal);
  });

  it('needs two ids', () => {
    expect(() => returnAddress(keyring, DOMAIN, { ...MAIL, messageId: 'x' })).to.throw(RangeError);
  });
});

function expectDamaged(text: string): void {
  expect(() => openReturnAddress(keyring, text), text)
    .to.throw(Refusal)
    .with.property('code', 'link-damaged');
}
