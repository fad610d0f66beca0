import { createHmac } from 'node:crypto';
import { expect } from 'chai';
import { blindIndex, suppressionHash } from '../../server/keys/blind-index.js';
import {
  deriveLinkKey,
  knownKey,
  makeKeyring,
  makeKeysFile,
  parseKeysFile,
  rotateKeysFile,
  withNewLogKey,
  withNextLogKey,
} from '../../server/keys/keyring.js';
import { makeSubjectKey, unwrapKey, wrapKey } from '../../server/keys/subject-key.js';
import { keyringOf, keysFileOf, secretOf } from '../support/keys.js';

const NOW = new Date('2026-03-01T10:00:00Z');
const PLACE = { table: 'subscriber', column: 'profile_key', row: 'b7a1' };

describe('a keyring', () => {
  it('derives link keys by HKDF-SHA256 as RFC 5869 writes it', () => {
    const master = Buffer.alloc(32, 0x42);

    const derived = deriveLinkKey(master, 'c', 7);

    expect(derived).to.deep.equal(hkdf(master, Buffer.concat([Buffer.from('consentlog/link/v1/c'), Buffer.from([7])])));
    expect(keyringOf(7).key('link/c', 7)).to.deep.equal(
      hkdf(Buffer.alloc(32, 7), Buffer.concat([Buffer.from('consentlog/link/v1/c'), Buffer.from([7])])),
    );
    expect(keyringOf(7).key('wrap', 7)).to.deep.equal(hkdf(Buffer.alloc(32, 7), Buffer.from('zgoda/wrap/v1/7')));
  });

  it('has a key of its own for every use and every master', () => {
    const keyring = keyringOf(1, 2);
    const uses = ['wrap', 'index', 'seal', 'pepper', 'ticket'] as const;
    const purposes = ['c', 'u', 'p', 'm', 'r', 'n', 'a', 'g', 'b', 'x'].map((letter) => `link/${letter}` as const);

    const keys = [...uses, ...purposes].flatMap((use) =>
      [1, 2].map((id) => knownKey(keyring, use, id).toString('hex')),
    );

    expect(new Set(keys).size).to.equal(30);
  });

  it('says which master it lacks', () => {
    expect(() => knownKey(keyringOf(1), 'wrap', 3))
      .to.throw('lacks master key 3')
      .with.property('code', 'keys-invalid');
    expect(keyringOf(1).key('wrap', 3)).to.be.null;
  });

  it('is another one for other keys, as its check value shows', () => {
    const file = keysFileOf(1, 2);
    const [first, second] = file.masters;
    const others = [
      { ...file, suppression: secretOf(1) },
      { ...file, log: secretOf(1) },
      { ...file, masters: [{ ...first!, secret: secretOf(9) }, second!] },
      { ...file, masters: [second!] },
    ];

    for (const other of others) expect(makeKeyring(other).check.equals(makeKeyring(file).check)).to.be.false;
  });
});

describe('rotated keys', () => {
  const before = makeKeysFile(NOW);
  const after = rotateKeysFile(before, new Date('2026-09-01T10:00:00Z'));
  const [former, rotated] = [makeKeyring(before), makeKeyring(after)];

  it('keep the former master for opening and sign with a new one', () => {
    expect(after.masters.map(({ id, use }) => `${id} ${use}`)).to.deep.equal(['1 open', '2 sign']);
    expect(after.masters[0]!.secret).to.equal(before.masters[0]!.secret);
    expect(after.masters[1]!.secret).not.to.equal(before.masters[0]!.secret);
    expect(rotated.current).to.equal(2);
    expect(rotated.madeAt.get(2)).to.equal('2026-09-01T10:00:00.000Z');
  });

  it('keep suppressions, the log key, the blind index and the check value', () => {
    expect(suppressionHash(rotated, 'o1', 'ada@example.org')).to.deep.equal(
      suppressionHash(former, 'o1', 'ada@example.org'),
    );
    expect(blindIndex(rotated, 'o1', 'ada@example.org')).to.deep.equal(blindIndex(former, 'o1', 'ada@example.org'));
    expect(rotated.logPublic.equals(former.logPublic)).to.be.true;
    expect(rotated.check).to.deep.equal(former.check);
  });

  it('open what the former ones wrapped, and wrap anew under the new one', () => {
    const { key, wrapped } = makeSubjectKey(former, PLACE);

    const opened = unwrapKey(rotated, PLACE, wrapped);
    const anew = wrapKey(rotated, PLACE, opened);

    expect(opened).to.deep.equal(key);
    expect([wrapped[0], anew[0]]).to.deep.equal([1, 2]);
    expect(unwrapKey(rotated, PLACE, anew)).to.deep.equal(key);
    expect(() => unwrapKey(former, PLACE, anew)).to.throw('lacks master key 2');
    expect(() => unwrapKey(rotated, { ...PLACE, row: 'b7a2' }, anew)).to.throw();
  });

  it('keep the check value and the public key of a log key that was replaced, and never its seed', () => {
    const next = withNextLogKey(before);

    const replaced = withNewLogKey(next, { vkey: 'log.example+00000000+AQ==', lastSize: 7 });
    const again = withNewLogKey(withNextLogKey(replaced), { vkey: 'log.example+00000001+AQ==', lastSize: 9 });

    expect(withNextLogKey(next)).to.deep.equal(next);
    expect(replaced.log).to.equal(next.nextLog).and.not.equal(before.log);
    expect(JSON.stringify(again)).to.not.contain(before.log);
    for (const file of [next, replaced, again]) expect(makeKeyring(file).check).to.deep.equal(former.check);
    expect(makeKeyring(again).formerLogs.map(({ lastSize }) => lastSize)).to.deep.equal([7, 9]);
    expect(parseKeysFile(JSON.stringify(again), 'keys.json')).to.deep.equal(again);
  });

  it('end at 255 masters', () => {
    expect(() => rotateKeysFile(keysFileOf(1, 255), NOW))
      .to.throw('255')
      .with.property('code', 'keys-invalid');
  });
});

describe('a blind index', () => {
  it('is another one for every address and organisation, and never the suppression hash', () => {
    const keyring = keyringOf(1);

    const made = ['o1', 'o2'].flatMap((organisation) =>
      ['ada@example.org', 'boris@example.org'].flatMap((normal) => [
        blindIndex(keyring, organisation, normal).toString('hex'),
        suppressionHash(keyring, organisation, normal).toString('hex'),
      ]),
    );

    expect(new Set(made).size).to.equal(8);
    expect(made.every((hash) => hash.length === 64)).to.be.true;
  });
});

describe('the text of a keys file', () => {
  const file = keysFileOf(1, 2);
  const [first, second] = file.masters;

  it('is read back as it was written', () => {
    expect(parseKeysFile(JSON.stringify(file), 'keys.json')).to.deep.equal(file);
  });

  it('is refused, with what is wrong, when it is damaged', () => {
    const damaged: [string, unknown][] = [
      ['masters 0 secret', { ...file, masters: [{ ...first, secret: 'c2hvcnQ=' }, second] }],
      ['masters 0 secret', { ...file, masters: [{ ...first, secret: `${first!.secret.slice(0, -1)}!` }, second] }],
      ['masters 0 secret', { ...file, masters: [{ ...first, secret: ` ${first!.secret}` }, second] }],
      ['suppression', { ...file, suppression: undefined }],
      ['log', { ...file, log: '' }],
      ['format', { ...file, format: 'zgoda-keys/v2' }],
      ['exactly one master must sign', { ...file, masters: [first] }],
      ['exactly one master must sign', { ...file, masters: [second, { ...second, id: 3 }] }],
      ['master ids must differ', { ...file, masters: [{ ...first, id: 2 }, second] }],
      ['masters', { ...file, masters: [] }],
    ];

    for (const [what, value] of damaged)
      expect(() => parseKeysFile(JSON.stringify(value), 'keys.json'), what)
        .to.throw(what)
        .with.property('code', 'keys-invalid');
  });

  it('is refused when it is cut anywhere', () => {
    const text = JSON.stringify(file);

    for (let length = 0; length < text.length; length++)
      expect(() => parseKeysFile(text.slice(0, length), 'keys.json'), `${length}`).to.throw('damaged');
  });
});

// RFC 5869 by hand: extract with an empty salt, then one block of expand.
function hkdf(secret: Buffer, info: Buffer): Buffer {
  const prk = createHmac('sha256', Buffer.alloc(32)).update(secret).digest();
  return createHmac('sha256', prk)
    .update(info)
    .update(Buffer.from([1]))
    .digest();
}
