import { createHash } from 'node:crypto';
import { expect } from 'chai';
import fc from 'fast-check';
import { Refusal } from '../../server/errors.js';
import { makeKeyring } from '../../server/keys/keyring.js';
import { makeLink, openLink, type Link, type LinkPurpose } from '../../server/links/token.js';
import {
  confirmUrl,
  hostOf,
  magicUrl,
  notMeUrl,
  preferencesUrl,
  receiptUrl,
  unsubscribeUrl,
} from '../../server/links/urls.js';
import { keyringOf, keysFileOf } from '../support/keys.js';
import { itWithVectors } from '../support/shared.js';

const HOST = 'consent.example.org';
const NOW = new Date('2026-01-05T12:00:00Z');
const LATER = new Date('2026-01-08T00:00:00Z');
const REF = Buffer.from('101112131415161718191a1b1c1d1e1f', 'hex');
const SECRET = Buffer.from('202122232425262728292a2b2c2d2e2f', 'hex');
const WITH_SECRET: LinkPurpose[] = ['c', 'm', 'a', 'g'];
const PURPOSES: LinkPurpose[] = [...WITH_SECRET, 'u', 'p', 'r', 'n', 'w'];

interface LinkVectors {
  readonly link_token: {
    readonly master_hex: string;
    readonly audience: string;
    readonly confirm: LinkVector & { readonly secret_hex: string; readonly stored_secret_sha256_hex: string };
    readonly unsubscribe: LinkVector;
  };
}
interface LinkVector {
  readonly kid: number;
  readonly exp: number;
  readonly ref_hex: string;
  readonly token_b64u: string;
  readonly chars: number;
}

describe('a link', () => {
  itWithVectors('is written and read as the vectors say', 'recommended_formats_derived', (vectors) => {
    const { master_hex, audience, confirm, unsubscribe } = (vectors as LinkVectors).link_token;
    const file = keysFileOf(confirm.kid);
    const secret = Buffer.from(master_hex, 'hex').toString('base64');
    const keyring = makeKeyring({ ...file, masters: file.masters.map((master) => ({ ...master, secret })) });
    const ref = Buffer.from(confirm.ref_hex, 'hex');
    const confirmLink: Link = {
      purpose: 'c',
      ref,
      expiresAt: new Date(confirm.exp * 1000),
      secret: Buffer.from(confirm.secret_hex, 'hex'),
    };
    const unsubscribeLink: Link = { purpose: 'u', ref, expiresAt: null, secret: null };

    expect(makeLink(keyring, audience, confirmLink))
      .to.equal(confirm.token_b64u)
      .and.have.length(confirm.chars);
    expect(makeLink(keyring, audience, unsubscribeLink))
      .to.equal(unsubscribe.token_b64u)
      .and.have.length(unsubscribe.chars);
    expect(openLink(keyring, [audience], 'c', confirm.token_b64u, NOW)).to.deep.equal(confirmLink);
    expect(openLink(keyring, [audience], 'u', unsubscribe.token_b64u, NOW)).to.deep.equal(unsubscribeLink);
    expect(createHash('sha256').update(confirmLink.secret!).digest('hex')).to.equal(confirm.stored_secret_sha256_hex);
  });

  it('gives back what was put in, for every purpose', () => {
    const keyring = keyringOf(1);
    const bytes = fc.uint8Array({ minLength: 16, maxLength: 16 }).map((array) => Buffer.from(array));
    const expiry = fc.option(
      fc.integer({ min: NOW.getTime() / 1000 + 1, max: 0xffffffff }).map((s) => new Date(s * 1000)),
    );

    fc.assert(
      fc.property(fc.constantFrom(...PURPOSES), bytes, bytes, expiry, (purpose, ref, secret, expiresAt) => {
        const link: Link = { purpose, ref, expiresAt, secret: WITH_SECRET.includes(purpose) ? secret : null };
        expect(openLink(keyring, [HOST], purpose, makeLink(keyring, HOST, link), NOW)).to.deep.equal(link);
      }),
    );
  });

  it('has the size that its purpose says', () => {
    expect(() => makeLink(keyringOf(1), HOST, { ...linkOf('c'), secret: null })).to.throw(RangeError);
    expect(() => makeLink(keyringOf(1), HOST, { ...linkOf('u'), secret: SECRET })).to.throw(RangeError);
    expect(() => makeLink(keyringOf(1), HOST, { ...linkOf('u'), ref: REF.subarray(1) })).to.throw(RangeError);
  });

  it('is refused from its last moment on, with its date and what it named', () => {
    const token = makeLink(keyringOf(1), HOST, linkOf('c'));

    const refusal = refusalOf(() => openLink(keyringOf(1), [HOST], 'c', token, LATER));

    expect(refusal.code).to.equal('link-expired');
    expect(refusal.facts).to.deep.equal({ expiresAt: LATER, ref: REF });
    expect(openLink(keyringOf(1), [HOST], 'c', token, new Date(LATER.getTime() - 1)).purpose).to.equal('c');
  });

  it('is damaged rather than expired when somebody moved its date', () => {
    const bytes = Buffer.from(makeLink(keyringOf(1), HOST, linkOf('c')), 'base64url');
    bytes.writeUInt32BE(1, 3);

    expect(codeOf(() => openLink(keyringOf(1), [HOST], 'c', bytes.toString('base64url'), NOW))).to.equal(
      'link-damaged',
    );
  });

  it('opens under any host that this installation has had, and under no other', () => {
    const token = makeLink(keyringOf(1), 'old.example.org', linkOf('u'));

    expect(openLink(keyringOf(1), [HOST, 'old.example.org'], 'u', token, NOW).ref).to.deep.equal(REF);
    expect(codeOf(() => openLink(keyringOf(1), [HOST], 'u', token, NOW))).to.equal('link-damaged');
    expect(codeOf(() => openLink(keyringOf(1), [], 'u', token, NOW))).to.equal('link-damaged');
  });
});

describe('links after a rotation of keys', () => {
  const old = {
    unsubscribe: makeLink(keyringOf(1), HOST, linkOf('u')),
    confirm: makeLink(keyringOf(1), HOST, linkOf('c')),
  };

  it('open when they were made before: mails live long', () => {
    const rotated = keyringOf(1, 2, 3);

    expect(openLink(rotated, [HOST], 'u', old.unsubscribe, new Date('2046-01-01')).ref).to.deep.equal(REF);
    expect(openLink(rotated, [HOST], 'c', old.confirm, NOW).secret).to.deep.equal(SECRET);
    expect(codeOf(() => openLink(rotated, [HOST], 'c', old.confirm, LATER))).to.equal('link-expired');
  });

  it('are made under the new key', () => {
    const token = makeLink(keyringOf(1, 2), HOST, linkOf('u'));

    expect(Buffer.from(token, 'base64url')[2]).to.equal(2);
    expect(codeOf(() => openLink(keyringOf(1), [HOST], 'u', token, NOW))).to.equal('link-damaged');
  });

  it('are refused under a key that was revoked, and under one that took over its number', () => {
    expect(codeOf(() => openLink(keyringOf(2), [HOST], 'u', old.unsubscribe, NOW))).to.equal('link-damaged');
    const file = keysFileOf(1);
    const usurped = makeKeyring({
      ...file,
      masters: [{ ...file.masters[0]!, secret: keysFileOf(9).masters[0]!.secret }],
    });
    expect(codeOf(() => openLink(usurped, [HOST], 'u', old.unsubscribe, NOW))).to.equal('link-damaged');
  });
});

describe('the addresses of links', () => {
  it('carry a token of their purpose below the link host', () => {
    const maker = { keyring: keyringOf(1), publicUrl: 'http://localhost:3000' };
    const urls: [string, LinkPurpose, string][] = [
      [confirmUrl(maker, REF, SECRET, LATER), 'c', '/c/'],
      [notMeUrl(maker, REF, LATER), 'n', '/n/'],
      [unsubscribeUrl(maker, REF), 'u', '/u/'],
      [preferencesUrl(maker, REF), 'p', '/p/'],
      [magicUrl(maker, REF, SECRET, LATER), 'm', '/m/'],
      [receiptUrl(maker, REF, LATER), 'r', '/receipts/'],
    ];

    for (const [url, purpose, path] of urls) {
      expect(url.startsWith(`http://localhost:3000${path}`), url).to.be.true;
      const token = url.slice(`http://localhost:3000${path}`.length);
      expect(openLink(maker.keyring, ['localhost:3000'], purpose, token, NOW).ref).to.deep.equal(REF);
    }
  });

  it('count a port as part of the host unless it is the usual one', () => {
    expect(hostOf('https://news.example.org:443')).to.equal('news.example.org');
    expect(hostOf('https://News.Example.org:8443/x')).to.equal('news.example.org:8443');
  });
});

function linkOf(purpose: LinkPurpose): Link {
  const hasSecret = WITH_SECRET.includes(purpose);
  return { purpose, ref: REF, expiresAt: hasSecret ? LATER : null, secret: hasSecret ? SECRET : null };
}

function refusalOf(work: () => unknown): Refusal {
  try {
    work();
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

function codeOf(work: () => unknown): string {
  return refusalOf(work).code;
}
