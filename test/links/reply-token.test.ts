import { expect } from 'chai';
import fc from 'fast-check';
import { Refusal } from '../../server/errors.js';
import { makeAddressToken, makeReplyToken, openAddressToken, openReplyToken } from '../../server/links/token.js';
import { replyAddress } from '../../server/links/urls.js';
import { keyringOf } from '../support/keys.js';

const SECRET = Buffer.from('000102030405060708090a0b0c0d0e0f', 'hex');
const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567';
const keyring = keyringOf(1);
const token = makeReplyToken(keyring, SECRET);

describe('a token in an address that answers go to', () => {
  it('is 48 letters and digits and gives back its secret, whatever a mail server does to their case', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (secret) => {
        const made = makeReplyToken(keyring, Buffer.from(secret));
        expect(made).to.match(/^[a-z2-7]{48}$/);
        for (const spelling of [made, made.toUpperCase(), made.slice(0, 9) + made.slice(9).toUpperCase()])
          expect(openReplyToken(keyring, spelling)).to.deep.equal(Buffer.from(secret));
      }),
    );
  });

  it('leaves the local part well below 64 octets', () => {
    const [local = '', domain] = replyAddress({ keyring }, 'in.example.org', SECRET).split('@');

    expect(local).to.equal(`y+${token}`);
    expect(local.length).to.equal(50);
    expect(domain).to.equal('in.example.org');
  });

  it('is refused after any letter changed, cut or longer', () => {
    for (let place = 0; place < 48; place++)
      for (const letter of BASE32)
        if (letter !== token[place]) expectDamaged(token.slice(0, place) + letter + token.slice(place + 1));
    for (let length = 0; length < 48; length++) expectDamaged(token.slice(0, length));
    for (const end of ['a', '=', ' ', '\n', token]) expectDamaged(token + end);
  });

  it('is no token of another purpose, nor the other way round', () => {
    const other = makeAddressToken(keyring, 'x', Buffer.alloc(10, 1));

    expectDamaged(other);
    expect(() => openAddressToken(keyring, 'x', token)).to.throw(Refusal);
  });

  it('opens after a rotation of keys, and not under foreign ones', () => {
    expect(openReplyToken(keyringOf(1, 2), token)).to.deep.equal(SECRET);
    expect(() => openReplyToken(keyringOf(2), token)).to.throw(Refusal);
  });

  it('needs a secret of sixteen bytes', () => {
    expect(() => makeReplyToken(keyring, Buffer.alloc(10))).to.throw(RangeError);
  });
});

function expectDamaged(text: string): void {
  expect(() => openReplyToken(keyring, text), JSON.stringify(text))
    .to.throw(Refusal)
    .with.property('code', 'link-damaged');
}
