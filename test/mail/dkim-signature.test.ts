import { expect } from 'chai';
import {
  isAligned,
  judgeKey,
  NotCounted,
  readSignature,
  type DkimSignature,
} from '../../server/mail/dkim-signature.js';

const NOW = new Date('2026-03-02T10:00:00Z');
const SECONDS = NOW.getTime() / 1000;
const GOOD =
  'v=1; a=rsa-sha256; c=relaxed/relaxed; d=Example.org; s=s1; h=From:To : Subject;\r\n\tbh=AAAA; b=AA\r\n AA==';
const SIGNATURE = { domain: 'example.org', selector: 's1', algorithm: 'rsa-sha256', names: ['from', 'to', 'subject'] };

const read = (value: string) => readSignature(value, NOW);

describe('a DKIM signature', () => {
  it('is read, with its names in lower case', () => {
    expect(read(GOOD)).to.deep.equal({ ...SIGNATURE, identityDomain: 'example.org' });
    expect(read(`${GOOD}; i=ada@mail.example.org`)).to.deep.equal({ ...SIGNATURE, identityDomain: 'mail.example.org' });
    expect(read(GOOD.replace('c=relaxed/relaxed;', ''))).not.to.be.instanceOf(NotCounted);
    expect(read(`${GOOD}; t=${SECONDS}; x=${SECONDS + 1};`)).not.to.be.instanceOf(NotCounted);
  });

  for (const [title, value, why] of [
    ['covers a part of the body', `${GOOD}; l=0`, /l=/],
    ['covers a part of the body that is all of it', `${GOOD}; l=99999`, /l=/],
    ['is made with SHA-1', GOOD.replace('rsa-sha256', 'rsa-sha1'), /rsa-sha1/],
    ['is made with something unknown', GOOD.replace('rsa-sha256', 'x(y'), /unknown/],
    ['has a tag twice', `${GOOD}; d=evil.example`, /cannot be read/],
    ['has a tag twice, in the dark', `${GOOD}; d =evil.example`, /cannot be read/],
    ['has something that is no tag', `${GOOD}; hello`, /cannot be read/],
    ['is of another version', GOOD.replace('v=1', 'v=2'), /RFC 6376/],
    ['has no domain', GOOD.replace('d=Example.org', 'd='), /RFC 6376/],
    ['has a whole ending for a domain', GOOD.replace('d=Example.org', 'd=org'), /RFC 6376/],
    ['speaks for somebody else', `${GOOD}; i=@evil.example`, /RFC 6376/],
    ['speaks for a name that only ends alike', `${GOOD}; i=@badexample.org`, /RFC 6376/],
    ['is asked for elsewhere', `${GOOD}; q=http`, /RFC 6376/],
    ['has a canonicalisation of its own', GOOD.replace('relaxed/relaxed', 'nowsp'), /RFC 6376/],
    ['signs a header with a strange name', GOOD.replace('h=From', 'h=(From)'), /RFC 6376/],
    ['has expired', `${GOOD}; x=${SECONDS - 1}`, /expired/],
    ['is of the future', `${GOOD}; t=${SECONDS + 3600}`, /future/],
    ['has no time where one is named', `${GOOD}; t=soon`, /RFC 6376/],
  ] as const)
    it(`does not count when it ${title}`, () =>
      expect(read(value)).to.be.instanceOf(NotCounted).with.property('why').that.matches(why));
});

describe('alignment', () => {
  it('takes the domain of the address or one above it, never one below or one that ends alike', () => {
    expect(isAligned('example.org', 'example.org')).to.equal(true);
    expect(isAligned('example.org', 'mail.example.org')).to.equal(true);
    expect(isAligned('news.example.org', 'example.org')).to.equal(false);
    expect(isAligned('example.org', 'badexample.org')).to.equal(false);
    expect(isAligned('evil.example', 'example.org')).to.equal(false);
  });
});

describe('a key record', () => {
  const signature = read(`${GOOD}; i=@mail.example.org`) as DkimSignature;

  for (const record of [
    'p=AA',
    'v=DKIM1; p=AA',
    'v=DKIM1; k=rsa; h=sha1:sha256; s=email; t=; n=a note; p=AA;',
    's=*;p=AA',
  ])
    it(`counts: ${record}`, () => expect(judgeKey(record, signature)).to.equal(null));

  for (const [record, why] of [
    ['v=DKIM1; p=', /withdrawn/],
    ['v=DKIM1; k=rsa', /withdrawn/],
    ['v=DKIM2; p=AA', /version/],
    ['p=AA; v=DKIM1', /version/],
    ['k=ed25519; p=AA', /another kind/],
    ['h=sha1; p=AA', /this kind/],
    ['s=tlsrpt; p=AA', /not for mail/],
    ['t=y; p=AA', /testing/],
    ['t=s:y; p=AA', /testing/],
    ['t=s; p=AA', /below its domain/],
    ['p=AA; p=BB', /cannot be read/],
    ['hello', /cannot be read/],
  ] as const)
    it(`does not count: ${record}`, () =>
      expect(judgeKey(record, signature)).to.be.instanceOf(NotCounted).with.property('why').that.matches(why));
});
