import { expect } from 'chai';
import { createPublicKey, generateKeyPairSync, verify } from 'node:crypto';
import { signApart } from '../../server/delivery/sign-apart.js';
import { signNow } from '../../server/mail/signature.js';

describe('signatures made in a thread of their own', () => {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const ed25519 = generateKeyPairSync('ed25519').privateKey;

  it('are those that would have been made here, each for its own text, also when many are asked for at once', async () => {
    const texts = Array.from({ length: 100 }, (_, n) => `to:reader-${n}@example.org\r\nsubject:Zażółć ${n}\r\n`);

    const made = await Promise.all(
      texts.flatMap((text) => [signApart(rsa.privateKey, text), signApart(ed25519, text)]),
    );

    const here = texts.flatMap((text) => [signNow(rsa.privateKey, text), signNow(ed25519, text)]);
    expect(made).to.deep.equal(here);
    expect(
      verify('sha256', Buffer.from(texts[7] ?? ''), rsa.publicKey, Buffer.from(made[14] ?? '', 'base64')),
    ).to.equal(true);
  });

  it('fail where the key cannot sign, and the others are made all the same', async () => {
    const cannot = createPublicKey(rsa.privateKey);

    const [failed, made] = await Promise.allSettled([signApart(cannot, 'a'), signApart(rsa.privateKey, 'a')]);

    expect(failed.status).to.equal('rejected');
    expect(made).to.deep.equal({ status: 'fulfilled', value: signNow(rsa.privateKey, 'a') });
  });
});
