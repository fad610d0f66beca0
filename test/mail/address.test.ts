import { expect } from 'chai';
import fc from 'fast-check';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { ROOT } from '../../server/config.js';
import { Refusal } from '../../server/errors.js';
import { maskAddress, parseAddress } from '../../server/mail/address.js';

const corpus = join(resolve(ROOT, process.env['SHARED_DIR'] ?? '../shared'), 'corpus/addresses');

function refusalOf(text: string): Refusal | null {
  try {
    parseAddress(text);
    return null;
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
}

describe('parseAddress', () => {
  it('keeps what was given and makes one form for comparing', () => {
    const address = parseAddress('  Ada.Lovelace+News@Example.ORG ');

    expect(address).to.deep.equal({
      given: 'Ada.Lovelace+News@Example.ORG',
      normal: 'ada.lovelace+news@example.org',
      local: 'Ada.Lovelace+News',
      domain: 'example.org',
    });
  });

  it('turns a domain into A-labels and keeps a local part beyond ASCII', () => {
    const address = parseAddress('Żółw@bücher.example');

    expect(address.domain).to.equal('xn--bcher-kva.example');
    expect(address.normal).to.equal('żółw@xn--bcher-kva.example');
    expect(parseAddress('z\u0307o\u0301łw@bücher.example').normal).to.equal(address.normal);
  });

  it('never folds dots and plus tags, which many providers tell apart', () => {
    expect(parseAddress('a.b+c@gmail.com').normal).to.equal('a.b+c@gmail.com');
  });

  it('refuses line breaks, NUL and other controls anywhere', () => {
    for (const control of ['\r', '\n', '\r\n', '\0', '\x7f', '\x85', '\u2028', '\u200b', '\u202e']) {
      for (const text of [`a${control}@example.org`, `a@exa${control}mple.org`, `a@example.org${control}`]) {
        expect(refusalOf(text)?.code, JSON.stringify(text)).to.equal('address-invalid');
      }
    }
  });

  it('refuses quoted local parts, domain literals, display names and bare host names', () => {
    for (const text of ['"a b"@example.org', 'a@[192.0.2.1]', 'Ada <a@example.org>', 'a@localhost', 'a@192.0.2.1']) {
      expect(refusalOf(text)?.code, text).to.equal('address-invalid');
    }
  });

  it('knows the limits of 64 and 254 octets', () => {
    expect(refusalOf(`${'a'.repeat(64)}@example.org`)).to.equal(null);
    expect(refusalOf(`${'a'.repeat(65)}@example.org`)?.code).to.equal('address-invalid');
    expect(refusalOf(`${'ż'.repeat(33)}@example.org`)?.code).to.equal('address-invalid');
    expect(refusalOf(`a@${'abcdefghi.'.repeat(25)}org`)?.code).to.equal('address-invalid');
    expect(refusalOf('a'.repeat(1_000_000))?.code).to.equal('address-invalid');
  });

  it('gives the normal form of a normal form unchanged', () => {
    const word = fc.stringMatching(/^[a-zA-ZąćęłńóśźżĄĆĘŁŃÓŚŹŻäöüßéèñ0-9_+-]{1,20}$/u);

    fc.assert(
      fc.property(word, word, (left, right) => {
        const { normal } = parseAddress(`${left}.${right}@example.org`);
        expect(parseAddress(normal).normal).to.equal(normal);
      }),
    );
  });

  it('either refuses or returns, whatever it is given', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 80 }), (text) => void refusalOf(text)));
  });
});

describe('parseAddress and the suites of others', () => {
  it('agrees with them wherever the policy does not differ', function () {
    if (!existsSync(corpus)) {
      if (process.env['CI']) throw new Error(`no corpus at ${corpus}`);
      console.log(`      (skipped: no corpus at ${corpus})`);
      this.skip();
    }
    const cases = readdirSync(corpus)
      .filter((suite) => existsSync(join(corpus, suite, 'cases.jsonl')))
      .flatMap((suite) =>
        readFileSync(join(corpus, suite, 'cases.jsonl'), 'utf8')
          .trim()
          .split('\n'),
      )
      .map((line) => JSON.parse(line) as Case)
      .filter((one) => expectation(one) !== null && !isOurPolicy(one));
    const differing = cases
      .filter((one) => (refusalOf(one.address) === null) !== expectation(one))
      .map(
        (one) => `${JSON.stringify(one.address)} should be ${expectation(one) ? 'valid' : 'invalid'} (${one.suite})`,
      );

    expect(cases).to.have.length.above(120);
    expect(differing).to.deep.equal([]);
  });
});

interface Case {
  readonly suite: string;
  readonly address: string;
  readonly valid?: boolean | null;
  readonly category?: string;
  readonly reason?: string;
  readonly options?: string;
}

function expectation(one: Case): boolean | null {
  if (typeof one.valid === 'boolean') return one.valid;
  const verdict = one.category ?? one.reason ?? '';
  if (verdict.startsWith('ISEMAIL_ERR')) return false;
  return verdict === 'ISEMAIL_VALID' || verdict === 'ISEMAIL_VALID_CATEGORY' ? true : null;
}

/** Where we decide otherwise on purpose. */
function isOurPolicy(one: Case): boolean {
  const { address, options = '' } = one;
  return (
    options.includes(':') || // another policy was switched on for this case
    options === 'special-use domain' ||
    options.includes('warnings') ||
    /["()[\]<>]/.test(address) || // quoted, commented, literal, with a name
    !/@.*\./.test(address) || // no whole domain
    address !== address.trim()
  );
}

describe('maskAddress', () => {
  it('shows the whole domain of a large provider', () => {
    expect(maskAddress(parseAddress('ada@Gmail.com'))).to.deep.equal({
      seen: 'a…@gmail.com',
      spokenStart: 'a',
      spokenDomain: 'gmail.com',
    });
  });

  it('shows only first letter and ending of any other domain', () => {
    expect(maskAddress(parseAddress('ada@sklep.pl'))).to.deep.equal({
      seen: 'a…@s….pl',
      spokenStart: 'a',
      spokenDomain: 's….pl',
    });
    expect(maskAddress(parseAddress('żaba@źródło.example.org')).seen).to.equal('ż…@ź….org');
  });
});
