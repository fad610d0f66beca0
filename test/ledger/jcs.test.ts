import { expect } from 'chai';
import fc from 'fast-check';
import { canonicalize } from '../../server/ledger/jcs.js';
import { itWithVectors } from '../support/shared.js';

interface Jcs {
  tests: { name: string; input_utf8: string; output_utf8: string }[];
  number_samples: [string, string][];
}

describe('canonical JSON', () => {
  itWithVectors('prints the reference files of RFC 8785', 'jcs', (vectors) => {
    for (const { name, input_utf8, output_utf8 } of (vectors as Jcs).tests) {
      expect(canonicalize(JSON.parse(input_utf8)), name).to.equal(output_utf8);
    }
  });

  itWithVectors('prints numbers as ECMAScript does', 'jcs', (vectors) => {
    for (const [bits, text] of (vectors as Jcs).number_samples) {
      const value = Buffer.from(bits.padStart(16, '0'), 'hex').readDoubleBE();

      expect(canonicalize(value)).to.equal(text);
    }
  });

  it('sorts names by UTF-16 code units, not by code points', () => {
    expect(canonicalize({ '\ufb33': 1, '\u{1f600}': 2, a: 3 })).to.equal('{"a":3,"\u{1f600}":2,"\ufb33":1}');
  });

  it('leaves members out that are undefined', () => {
    expect(canonicalize({ b: undefined, a: null })).to.equal('{"a":null}');
  });

  it('refuses what JSON cannot say', () => {
    const impossible = [NaN, Infinity, '\ud800', { '\udc00': 1 }, [undefined], new Date(0), 1n, Symbol('s'), () => 1];

    for (const value of impossible) expect(() => canonicalize(value)).to.throw(TypeError);
  });

  it('keeps every value, and is its own canonical form', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = canonicalize(value);

        expect(canonicalize(JSON.parse(text))).to.equal(text);
        expect(JSON.parse(text)).to.deep.equal(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  it('does not trip over a member named __proto__', () => {
    expect(canonicalize(JSON.parse('{"__proto__":{"a":1},"constructor":2}'))).to.equal(
      '{"__proto__":{"a":1},"constructor":2}',
    );
  });
});
