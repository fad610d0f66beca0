import { randomBytes, randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { makeKeyring, makeKeysFile } from '../../server/keys/keyring.js';
import { makeClickToken, openClickToken, type Click } from '../../server/links/click-token.js';
import { Refusal } from '../../server/errors.js';

const keyring = makeKeyring(makeKeysFile(new Date('2026-01-01T00:00:00Z')));
const HOST = 'shop.example';

function click(consentId: string | null): Click {
  return { campaignId: randomUUID(), link: randomBytes(8), consentId };
}

function refusal(work: () => unknown): string {
  try {
    work();
    return 'none';
  } catch (error) {
    return error instanceof Refusal ? error.code : String(error);
  }
}

describe('a counted link', () => {
  it('gives back campaign, link and, where there is one, consent', () => {
    for (const one of [click(null), click(randomUUID())])
      expect(openClickToken(keyring, ['other.example', HOST], makeClickToken(keyring, HOST, one))).to.deep.equal(one);
  });

  it('is refused after any character changed, was cut or was added, and under another host or key', () => {
    for (const one of [click(null), click(randomUUID())]) {
      const token = makeClickToken(keyring, HOST, one);
      const changed = Array.from({ length: token.length }, (_, place) => {
        return token.slice(0, place) + (token[place] === 'A' ? 'B' : 'A') + token.slice(place + 1);
      });
      const tries = [...changed, token.slice(0, -1), `${token}A`, `${token}=`, ` ${token}`, '', 'A'.repeat(1000)];

      for (const bad of tries)
        expect(
          refusal(() => openClickToken(keyring, [HOST], bad)),
          bad,
        ).to.equal('link-damaged');
      expect(refusal(() => openClickToken(keyring, ['evil.example'], token))).to.equal('link-damaged');
      const foreign = makeKeyring(makeKeysFile(new Date()));
      expect(refusal(() => openClickToken(foreign, [HOST], token))).to.equal('link-damaged');
    }
  });

  it('does not tell that two links belong to one campaign or one person', () => {
    const [campaignId, consentId] = [randomUUID(), randomUUID()];
    const [a, b] = [randomBytes(8), randomBytes(8)].map((link) =>
      Buffer.from(makeClickToken(keyring, HOST, { campaignId, link, consentId }), 'base64url').subarray(2),
    );

    const shared = [...(a ?? [])].filter((byte, place) => byte === b?.[place]).length;
    expect(shared).to.be.lessThan(12);
  });
});
