import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import fc from 'fast-check';
import { Refusal } from '../server/errors.js';
import { makeAddressToken, makeReplyToken, makeLink } from '../server/links/token.js';
import { makeLogger } from '../server/logger.js';
import { keyringOf } from './support/keys.js';

const keyring = keyringOf(1);
const ATEXT = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-/=?^_`{|}~ąłéß";
const word = fc.string({ unit: fc.constantFrom(...Array.from(ATEXT)), minLength: 6, maxLength: 12 });
const local = fc.array(word, { minLength: 1, maxLength: 3 }).map((words) => words.join('.'));
const domain = fc.constantFrom(
  'example.org',
  'mail.example.co.uk',
  'xn--bcher-kva.example',
  'bücher.example',
  'A.B-c.Example',
);
const address = fc.tuple(local, domain).map(([name, host]) => `${name}@${host}`);
const around = fc.constantFrom(
  '',
  ' ',
  '\n',
  '\t',
  '"',
  '<',
  ',',
  ';',
  '(',
  ':',
  '\\',
  '\\\n',
  '/',
  '=',
  '{"a":"',
  '\u2028',
  'To: ',
);
const bytes = (length: number) =>
  fc.uint8Array({ minLength: length, maxLength: length }).map((array) => Buffer.from(array));

describe('a log line', () => {
  it('holds no address, wherever it stands', () => {
    fc.assert(
      fc.property(address, around, around, (secret, before, after) => {
        for (const line of linesWith(`${before}${secret}${after}`)) {
          expect(line).not.to.include(secret);
          expect(line).not.to.include(secret.split('@')[0]);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('holds no address that is written as in a URL', () => {
    for (const line of linesWith('GET /preferences?email=ada.lovelace%40example.org&x=1'))
      expect(line).not.to.include('lovelace');
  });

  it('holds no IP of a visitor, and leaves those of our own machines', () => {
    for (const ip of ['203.0.113.9', '2001:db8::7', '2a00:1450:4001:82b::200e'])
      for (const line of linesWith(`sign-up from ${ip}, port 3`)) expect(line).not.to.include(ip);
    for (const ip of ['127.0.0.1:5432', '10.1.2.3', '0.0.0.0:3000', '::1', '172.20.0.2'])
      expect(linesWith(`connect to ${ip}`)[0]).to.include(ip);
  });

  it('keeps the path before an address in a query', () => {
    expect(linesWith('GET /preferences?email=ada@example.org&x=1')[0]).to.include('/preferences?email=[address]&x=1');
  });

  it('holds no token of a link, with its path or without, whole or cut', () => {
    const purposes = fc.constantFrom(
      'c' as const,
      'u' as const,
      'p' as const,
      'm' as const,
      'r' as const,
      'n' as const,
    );
    fc.assert(
      fc.property(purposes, bytes(16), bytes(16), around, (purpose, ref, secret, before) => {
        const hasSecret = purpose === 'c' || purpose === 'm';
        const token = makeLink(keyring, 'x', { purpose, ref, secret: hasSecret ? secret : null, expiresAt: null });
        const path = purpose === 'r' ? 'receipts' : purpose;
        for (const text of [`/${path}/${token}`, `/${path}/${token.slice(0, -9)} x`, `${before}${token}`])
          for (const line of linesWith(text)) expect(line).not.to.include(token.slice(2, -9));
      }),
    );
  });

  it('holds no token of a mail address, in either case', () => {
    fc.assert(
      fc.property(bytes(10), fc.boolean(), around, (ref, isUpper, before) => {
        const made = makeAddressToken(keyring, 'x', ref);
        const token = isUpper ? made.toUpperCase() : made;
        for (const text of [`${before}${token}`, `u+${token}@bounce.example.org`, `b${token}@bounce.example.org`])
          for (const line of linesWith(text)) expect(line).not.to.include(token);
      }),
    );
  });

  it('holds no token of an address that answers go to, in either case', () => {
    fc.assert(
      fc.property(bytes(16), fc.boolean(), around, (secret, isUpper, before) => {
        const made = makeReplyToken(keyring, secret);
        const token = isUpper ? made.toUpperCase() : made;
        for (const text of [`${before}${token}`, `y+${token}@in.example.org`, `y${token}@in.example.org`])
          for (const line of linesWith(text)) expect(line).not.to.include(token);
      }),
    );
  });

  it('stays JSON and says all the rest', () => {
    const [line] = linesWith('mail to\nada@example.org\n"failed" at /u/abc and C:\\temp');

    expect(JSON.parse(line!)).to.deep.include({ what: 'mail to\n[address]\n"failed" at /u/abc and C:\\temp' });
  });

  it('tells an error with its code, its cause and where it happened', () => {
    const cause = new Error('550 no such user ada@example.org');
    const [line] = written((logger) =>
      logger.error({ err: new Refusal('database-busy', 'away', {}, { cause }) }, 'failed'),
    );

    const { err, msg } = JSON.parse(line!) as {
      err: Record<string, string> & { cause: { message: string } };
      msg: string;
    };
    expect(msg).to.equal('failed');
    expect(err).to.include({ name: 'Refusal', code: 'database-busy', message: 'away' });
    expect(err['stack']).to.include('logger.test');
    expect(err.cause.message).to.equal('550 no such user [address]');
  });

  it('keeps ids, hashes and times, which name nobody', () => {
    const harmless = [
      '0b8e1f6a-2f4c-4a53-9a42-1f6f0f6f2b11',
      '2026-03-01T10:00:00.000Z',
      randomBytes(32).toString('hex'),
      'news.example.org:3000',
    ];

    const [line] = linesWith(harmless.join(' '));

    for (const one of harmless) expect(line).to.include(one);
  });

  it('is not written below the level that is set', () => {
    expect(written((logger) => logger.debug('x'))).to.be.empty;
  });
});

/** What the logger writes when a text comes in each of the ways in which it may: as message, value, name, error, in depth. */
function linesWith(what: string): string[] {
  return written((logger) => {
    logger.info({ what });
    logger.info(what);
    logger.info({ a: { b: [{ c: what }] } }, 'deep');
    logger.info({ [what]: 1 }, 'as a name');
    logger.warn({ err: new Error(what, { cause: new Error(what) }) }, 'as an error');
    logger.child({ bound: what }).info('as a binding');
  });
}

function written(work: (logger: ReturnType<typeof makeLogger>) => void): string[] {
  const lines: string[] = [];
  work(makeLogger('info', { write: (line: string) => void lines.push(line) }));
  for (const line of lines) expect(() => void JSON.parse(line), line).not.to.throw();
  return lines;
}
