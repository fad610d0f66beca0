import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { expect } from 'chai';
import { Malformed } from '../../server/ledger/malformed.js';
import { COSIGNATURE, formatVkey, verifierKey } from '../../server/ledger/note.js';
import { formatPolicy, meetsQuorum, parsePolicy } from '../../server/ledger/policy.js';

const X = [makeVkey('x1'), makeVkey('x2'), makeVkey('x3')] as const;
const Y = [makeVkey('y1'), makeVkey('y2'), makeVkey('y3')] as const;
const LOG = formatVkey(verifierKey('log.example.org', generateKeyPairSync('ed25519').publicKey));

const TWO_LEVELS = `
# Two houses, and one of each is not enough.
log ${LOG}
\twitness X1 ${X[0]} https://x1.example.org/w
witness X2   ${X[1]}
witness X3 ${X[2]}
group X-witnesses 2 X1 X2 X3
witness Y1 ${Y[0]}
witness Y2 ${Y[1]}
witness Y3 ${Y[2]}
group Y-witnesses any Y1 Y2 Y3
group X-and-Y all X-witnesses Y-witnesses
quorum X-and-Y
`;

describe('a policy', () => {
  it('names logs, witnesses, groups and the quorum', () => {
    const policy = parsePolicy(TWO_LEVELS);

    expect(policy.logs.map((key) => key.name)).to.deep.equal(['log.example.org']);
    expect(policy.witnesses.map(({ name, url }) => [name, url])[0]).to.deep.equal(['X1', 'https://x1.example.org/w']);
    expect(policy.witnesses).to.have.length(6);
    expect(policy.groups.map(({ name, threshold }) => [name, threshold])).to.deep.equal([
      ['X-witnesses', 2],
      ['Y-witnesses', 1],
      ['X-and-Y', 2],
    ]);
    expect(policy.quorum).to.equal('X-and-Y');
  });

  it('is met by enough of each group, and by nothing less', () => {
    const policy = parsePolicy(TWO_LEVELS);
    const isMet = (...vkeys: string[]): boolean => meetsQuorum(policy, new Set(vkeys));

    expect(isMet(X[0], X[2], Y[1])).to.be.true;
    expect(isMet(...X, ...Y)).to.be.true;
    expect(isMet(...X)).to.be.false;
    expect(isMet(X[0], ...Y)).to.be.false;
    expect(isMet(makeVkey('stranger'), makeVkey('another'))).to.be.false;
    expect(isMet()).to.be.false;
  });

  it('asks for nobody with "quorum none", and for one with its name', () => {
    expect(meetsQuorum(parsePolicy('quorum none\n'), new Set())).to.be.true;
    expect(parsePolicy('quorum none').quorum).to.be.null;

    const one = parsePolicy(`witness dpo ${X[0]}\nquorum dpo\n`);
    expect(meetsQuorum(one, new Set([X[0]]))).to.be.true;
    expect(meetsQuorum(one, new Set([X[1]]))).to.be.false;
  });

  it('means the same when it is written again, without comments and addresses', () => {
    const policy = parsePolicy(TWO_LEVELS);

    const text = formatPolicy(policy);

    expect(text).not.to.match(/#|https:/);
    expect(formatPolicy(parsePolicy(text))).to.equal(text);
    expect(parsePolicy(text).groups).to.deep.equal(policy.groups);
  });

  it('takes any name but a taken one, and letters of any script', () => {
    const policy = parsePolicy(
      `witness zakładowa ${X[0]}\nwitness K ${X[1]}\nwitness \u212a ${X[2]}\nquorum zakładowa\n`,
    );

    expect(policy.witnesses.map(({ name }) => name)).to.deep.equal(['zakładowa', 'K', '\u212a']);
  });

  for (const [why, text] of [
    ['no quorum', `witness a ${X[0]}\n`],
    ['two quorums', 'quorum none\nquorum none\n'],
    ['a quorum that is defined later', `quorum a\nwitness a ${X[0]}\n`],
    ['an unknown quorum', 'quorum nobody\n'],
    ['a witness called none', `witness none ${X[0]}\nquorum none\n`],
    ['a name twice', `witness a ${X[0]}\nwitness a ${X[1]}\nquorum none\n`],
    ['a key twice under other names', `witness a ${X[0]}\nwitness b ${sameKey(X[0], 'other')}\nquorum none\n`],
    ['a log twice', `log ${LOG}\nlog ${LOG}\nquorum none\n`],
    ['a witness with a log key', `witness a ${LOG}\nquorum none\n`],
    ['a log with a witness key', `log ${X[0]}\nquorum none\n`],
    ['a broken key', `witness a ${X[0].slice(0, -2)}\nquorum none\n`],
    ['a group without members', `group g any\nquorum none\n`],
    ['a group of none', `group g any none\nquorum none\n`],
    ['a group of itself', `group g any g\nquorum none\n`],
    ['a threshold of 0', `witness a ${X[0]}\ngroup g 0 a\nquorum g\n`],
    ['a threshold beyond its members', `witness a ${X[0]}\ngroup g 2 a\nquorum g\n`],
    ['a threshold with a zero in front', `witness a ${X[0]}\ngroup g 01 a\nquorum g\n`],
    ['a member of two groups', `witness a ${X[0]}\ngroup g any a\ngroup h any a\nquorum g\n`],
    ['a member twice', `witness a ${X[0]}\ngroup g any a a\nquorum g\n`],
    ['words too many', `witness a ${X[0]} https://a b\nquorum none\n`],
    ['an unknown line', 'wisdom none\nquorum none\n'],
    ['carriage returns', 'quorum none\r\n'],
    ['control characters', 'quorum none\n# \u0000\n'],
    ['too much', `${'#'.repeat(65_536)}\nquorum none\n`],
  ] as const) {
    it(`is refused with ${why}`, () => {
      expect(() => parsePolicy(text)).to.throw(Malformed);
    });
  }

  it('tells the line that is wrong', () => {
    expect(() => parsePolicy('\n# two\nquorum me\n')).to.throw('line 3: me is not defined above');
  });
});

function makeVkey(name: string): string {
  return formatVkey(verifierKey(name, generateKeyPairSync('ed25519').publicKey, COSIGNATURE));
}

function sameKey(vkey: string, name: string): string {
  const bytes = Buffer.from(vkey.split('+').slice(2).join('+'), 'base64').subarray(1);
  const der = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), bytes]);
  return formatVkey(verifierKey(name, createPublicKey({ key: der, format: 'der', type: 'spki' }), COSIGNATURE));
}
