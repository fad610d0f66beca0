import { expect } from 'chai';
import fc from 'fast-check';
import { soleAddress } from '../../server/mail/sole-address.js';

describe('the one address of a From', () => {
  for (const [value, address] of [
    ['ada@example.org', 'ada@example.org'],
    ['<Ada@Example.ORG>', 'ada@example.org'],
    ['Ada L <ada@example.org>', 'ada@example.org'],
    ['"Ada, L. <eve@evil.example>" <ada@example.org>', 'ada@example.org'],
    ['"a \\" <eve@evil.example>" <ada@example.org> (home (old))', 'ada@example.org'],
    ['ada@example.org (Ada)', 'ada@example.org'],
    ['=?utf-8?q?eve=40evil.example_=3Ceve=40evil.example=3E?= <ada@example.org>', 'ada@example.org'],
    ['Zażółć <zażółć@example.org>', 'zażółć@example.org'],
  ] as const)
    it(`is read in ${value}`, () => expect(soleAddress(value)).to.equal(address));

  for (const value of [
    '',
    'Ada',
    'ada@example.org, eve@evil.example',
    'Ada <ada@example.org>, Eve <eve@evil.example>',
    'ada@example.org <eve@evil.example> <ada@example.org>',
    'ada@example.org <eve@evil.example',
    'eve@evil.example> ada@example.org',
    'friends: ada@example.org;',
    '<@evil.example:ada@example.org>',
    '"ada@example.org',
    'ada@example.org (',
    'ada@example.org <>',
    '"ada b"@example.org',
    'ada@[192.0.2.1]',
    'ada@example.org\0',
  ])
    it(`is not guessed in ${JSON.stringify(value)}`, () => expect(soleAddress(value)).to.equal(null));

  it('is nothing that a name, quoted or not, can bring in', () => {
    const name = fc.string({ unit: fc.constantFrom(...Array.from('ab @<>"\\(),:;.')), maxLength: 20 });
    fc.assert(
      fc.property(name, (text) => {
        const quoted = `"${text.replace(/["\\]/g, '\\$&')}"`;
        expect(soleAddress(`${quoted} <ada@example.org>`)).to.equal('ada@example.org');
        expect(soleAddress(`${text} <ada@example.org>`)).to.be.oneOf(['ada@example.org', null]);
      }),
    );
  });
});
