import { expect } from 'chai';
import { isStamped, makeStamp } from '../../server/links/stamp.js';
import { keyringOf } from '../support/keys.js';

const NOW = new Date('2026-03-01T10:00:30Z');
const keyring = keyringOf(1);

describe('a stamp', () => {
  const stamp = makeStamp(keyring, 'undo', 'consent-1', NOW);

  it('is known for its use, its subject and its minutes only', () => {
    expect(isStamped(keyring, 'undo', 'consent-1', stamp, 30, later(0))).to.be.true;
    expect(isStamped(keyring, 'undo', 'consent-1', stamp, 30, later(30 * 60))).to.be.true;
    expect(isStamped(keyring, 'undo', 'consent-1', stamp, 30, later(31 * 60))).to.be.false;
    expect(isStamped(keyring, 'confirm', 'consent-1', stamp, 30, NOW)).to.be.false;
    expect(isStamped(keyring, 'undo', 'consent-2', stamp, 30, NOW)).to.be.false;
  });

  it('may come from a server whose clock is in the next minute already', () => {
    expect(isStamped(keyring, 'undo', 'consent-1', stamp, 30, later(-31))).to.be.true;
    expect(isStamped(keyring, 'undo', 'consent-1', stamp, 30, later(-121))).to.be.false;
  });

  it('is refused after any character changed, was cut or was added', () => {
    const bent = Array.from({ length: stamp.length }, (_, place) => [
      stamp.slice(0, place),
      ...['a', 'Z', '0', '.', ' ', 'é'].map((other) => stamp.slice(0, place) + other + stamp.slice(place + 1)),
    ]).flat();

    for (const one of [...bent, `${stamp}x`, `${stamp}.`, `${stamp} `, '', '.', 'x'.repeat(10_000)])
      if (one !== stamp) expect(isStamped(keyring, 'undo', 'consent-1', one, 30, NOW), one).to.be.false;
  });

  it('is known after a rotation of keys, and not under foreign ones', () => {
    expect(isStamped(keyringOf(1, 2), 'undo', 'consent-1', stamp, 30, NOW)).to.be.true;
    expect(isStamped(keyringOf(2), 'undo', 'consent-1', stamp, 30, NOW)).to.be.false;
  });
});

function later(seconds: number): Date {
  return new Date(NOW.getTime() + seconds * 1000);
}
