import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { Refusal } from '../../server/errors.js';
import { makeLink, openLink, type LinkPurpose } from '../../server/links/token.js';
import { keyringOf } from '../support/keys.js';

const KEYRING = keyringOf(1, 2);
const HOSTS = ['consent.example.org', 'old.example.org'];
const NOW = new Date('2026-01-05T12:00:00Z');
const LATER = new Date('2026-01-08T00:00:00Z');
const PURPOSES: LinkPurpose[] = ['c', 'm', 'a', 'g', 'u', 'p', 'r', 'n', 'w'];
const WITH_SECRET = 'cmag';
const BLANKS = [' ', '\t', '\n', '\r', '\0', '\u00a0', '\u200b', '%20'];
const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/=!.~é％ａ';

interface Genuine {
  readonly purpose: LinkPurpose;
  readonly token: string;
}
/** What somebody asks to be opened: a text, as which purpose, on which hosts. */
interface Attempt {
  readonly token: string;
  readonly purpose: LinkPurpose;
  readonly hosts: readonly string[];
}
type Forge = (genuine: Genuine) => Attempt;

const draw = randomSource(0x5eed);
const genuine: Genuine[] = [keyringOf(1), KEYRING].flatMap((keyring) =>
  PURPOSES.flatMap((purpose) => HOSTS.map((host) => ({ purpose, token: makeGenuine(keyring, host, purpose) }))),
);
const purposeOf = new Map(genuine.map(({ token, purpose }) => [token, purpose]));

/** Each gives a text that we never signed, or one that we signed for something else. */
const FORGERIES: Readonly<Record<string, Forge>> = {
  'one bit flipped': inBytes((bytes) => flip(bytes, draw(bytes.length * 8))),
  'several bits flipped': inBytes((bytes) => {
    for (let times = 2 + draw(6); times > 0; times--) flip(bytes, draw(bytes.length * 8));
  }),
  'a byte replaced': inBytes((bytes) => (bytes[draw(bytes.length)] = draw(256))),
  'another key id': inBytes((bytes) => (bytes[2] = draw(256))),
  'another expiry': inBytes((bytes) => bytes.writeUInt32BE(draw(0x7fffffff), 3)),
  'another purpose byte': inBytes((bytes) => (bytes[1] = PURPOSES[draw(PURPOSES.length)]!.charCodeAt(0))),
  'a tag of nothing': inBytes((bytes) => bytes.fill(draw(2) * 255, bytes.length - 16)),
  'random bytes': inBytes((bytes) => randomBytes(bytes.length).copy(bytes, 3)),
  'parts of two': inBytes((bytes) =>
    Buffer.from(anyGenuine().token, 'base64url').copy(bytes, 1 + draw(bytes.length - 1)),
  ),
  'cut short': inText((token) => token.slice(0, draw(token.length))),
  'cut at its beginning': inText((token) => token.slice(1 + draw(token.length - 1))),
  'made longer': inText((token) => token + LETTERS[draw(64)]!.repeat(1 + draw(5))),
  doubled: inText((token) => token + token),
  padded: inText((token) => token + '='.repeat(1 + draw(3))),
  'with blanks': inText((token) => splice(token, 0, BLANKS[draw(BLANKS.length)]!)),
  'with a blank for a letter': inText((token) => splice(token, 1, BLANKS[draw(BLANKS.length)]!)),
  'a letter replaced': inText((token) => splice(token, 1, LETTERS[draw(LETTERS.length)]!)),
  'two letters swapped': inText((token) => swapTwo(token, draw(token.length - 1))),
  'the case turned': inText((token) => splice(token, 1, (letter) => turnCase(letter))),
  'the other base64': inText((token) => token.replaceAll('-', '+').replaceAll('_', '/')),
  'loose bits at its end': inText((token) => token.slice(0, -1) + LETTERS[draw(64)]!),
  'as another purpose': ({ purpose, token }) => ({ token, purpose: otherThan(purpose), hosts: HOSTS }),
  'on other hosts': ({ purpose, token }) => ({
    token,
    purpose,
    hosts: ['example.org', `${HOSTS[0]!}:8080`, 'CONSENT.example.org', ''],
  }),
};

describe('a million forged links', () => {
  it('are refused, every one, as damaged', function () {
    this.timeout(60_000);
    const [wanted, kinds] = [1_000_000, Object.entries(FORGERIES)];
    const refused = new Map<string, number>(kinds.map(([kind]) => [kind, 0]));
    const depth = Error.stackTraceLimit;
    Error.stackTraceLimit = 0;

    let count = 0;
    while (count < wanted) {
      const [kind, forge] = kinds[draw(kinds.length)]!;
      const attempt = forge(anyGenuine());
      if (attempt.hosts === HOSTS && purposeOf.get(attempt.token) === attempt.purpose) continue;
      if (!isRefused(attempt)) expect.fail(`opened, ${kind}: ${JSON.stringify(attempt)}`);
      refused.set(kind, refused.get(kind)! + 1);
      count++;
    }

    Error.stackTraceLimit = depth;
    expect(count).to.equal(wanted);
    expect([...refused.values()].reduce((sum, one) => sum + one, 0)).to.equal(wanted);
    for (const [kind, times] of refused) expect(times, kind).to.be.greaterThan(10_000);
  });

  it('were made from links that open', () => {
    for (const { purpose, token } of genuine)
      expect(openLink(KEYRING, HOSTS, purpose, token, NOW).purpose).to.equal(purpose);
  });
});

function isRefused({ token, purpose, hosts }: Attempt): boolean {
  try {
    openLink(KEYRING, hosts, purpose, token, NOW);
    return false;
  } catch (error) {
    if (error instanceof Refusal && error.code === 'link-damaged') return true;
    throw error;
  }
}

function makeGenuine(keyring: typeof KEYRING, host: string, purpose: LinkPurpose): string {
  const hasSecret = WITH_SECRET.includes(purpose);
  const secret = hasSecret ? randomBytes(16) : null;
  return makeLink(keyring, host, { purpose, ref: randomBytes(16), expiresAt: hasSecret ? LATER : null, secret });
}

function anyGenuine(): Genuine {
  return genuine[draw(genuine.length)]!;
}

function inBytes(change: (bytes: Buffer) => unknown): Forge {
  return ({ purpose, token }) => {
    const bytes = Buffer.from(token, 'base64url');
    change(bytes);
    const bent = bytes.toString('base64url');
    // A changed purpose byte is tried where it would be believed.
    const claimed = PURPOSES.find((one) => one.charCodeAt(0) === bytes[1]) ?? purpose;
    return { token: bent, purpose: claimed, hosts: HOSTS };
  };
}

function inText(change: (token: string) => string): Forge {
  return ({ purpose, token }) => ({ token: change(token), purpose, hosts: HOSTS });
}

function flip(bytes: Buffer, bit: number): void {
  bytes[bit >> 3]! ^= 1 << (bit & 7);
}

function splice(token: string, cut: number, put: string | ((letter: string) => string)): string {
  const place = draw(token.length);
  const letter = token[place]!;
  return token.slice(0, place) + (typeof put === 'string' ? put : put(letter)) + token.slice(place + cut);
}

function swapTwo(token: string, place: number): string {
  return token.slice(0, place) + token[place + 1]! + token[place]! + token.slice(place + 2);
}

function turnCase(letter: string): string {
  return letter === letter.toLowerCase() ? letter.toUpperCase() : letter.toLowerCase();
}

function otherThan(purpose: LinkPurpose): LinkPurpose {
  return PURPOSES[(PURPOSES.indexOf(purpose) + 1 + draw(PURPOSES.length - 1)) % PURPOSES.length]!;
}

/** Mulberry32: whole numbers below a bound, the same at every run. */
function randomSource(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296) * below);
  };
}
