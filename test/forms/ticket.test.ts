import { expect } from 'chai';
import fc from 'fast-check';
import { Refusal } from '../../server/errors.js';
import { makeTicket, openTicket, TICKET_HOURS, type Ticket } from '../../server/forms/ticket.js';
import { keyringOf } from '../support/keys.js';

const NOW = new Date('2026-03-01T10:00:30Z');
const keyring = keyringOf(1);
const ticket: Ticket = {
  listId: '0b8e',
  wordingId: '77aa',
  trackingWordingId: '88bb',
  language: 'pl',
  issuedAt: NOW,
  formSha256: 'c0'.repeat(32),
};
const text = makeTicket(keyring, ticket);

describe('a form ticket', () => {
  it('gives back what the form was served with', () => {
    expect(openTicket(keyring, text, later(0))).to.deep.equal(ticket);
  });

  it('says that a form had no box for tracking', () => {
    const without = { ...ticket, trackingWordingId: null };

    expect(openTicket(keyring, makeTicket(keyring, without), later(0))).to.deep.equal(without);
  });

  it('is good for a day, and not for longer', () => {
    expect(openTicket(keyring, text, later(TICKET_HOURS * 3600))).to.deep.equal(ticket);
    expectInvalid(text, later(TICKET_HOURS * 3600 + 1));
  });

  it('may come from a server whose clock is a little ahead, not from tomorrow', () => {
    expect(openTicket(keyring, text, later(-60))).to.deep.equal(ticket);
    expectInvalid(text, later(-61));
  });

  it('is refused after any character changed, was cut or was added', () => {
    for (let place = 0; place < text.length; place++) {
      for (const other of ['a', 'Z', '0', '.', '-', '=', ' ', 'é', '\0'])
        if (other !== text[place]) expectInvalid(text.slice(0, place) + other + text.slice(place + 1));
      expectInvalid(text.slice(0, place));
      expectInvalid(text.slice(0, place) + text.slice(place + 1));
    }
    for (const end of ['.', '=', ' ', '.x', 'x'.repeat(10_000)]) expectInvalid(text + end);
  });

  it('is refused when its parts changed places', () => {
    const [list, wording, language, time, form, tag] = text.split('.');
    expectInvalid([wording, list, language, time, form, tag].join('.'));
    expectInvalid([list, wording, time, language, form, tag].join('.'));
    expectInvalid([list, wording, language, form, time, tag].join('.'));
    expectInvalid([list, wording, language, time, tag].join('.'));
  });

  it('is refused whatever else somebody sends', () => {
    fc.assert(fc.property(fc.string({ maxLength: 250 }), (sent) => expectInvalid(sent)));
    expectInvalid('.....');
    expectInvalid(['a', 'b', 'c', 'd', '', 'e'.repeat(22)].join('.'));
  });

  it('opens after a rotation of keys, and not under foreign ones', () => {
    expect(openTicket(keyringOf(1, 2), text, NOW)).to.deep.equal(ticket);
    expect(() => openTicket(keyringOf(2), text, NOW)).to.throw(Refusal);
  });
});

function later(seconds: number): Date {
  return new Date(NOW.getTime() + seconds * 1000);
}

function expectInvalid(sent: string, now = NOW): void {
  expect(() => openTicket(keyring, sent, now), JSON.stringify(sent.slice(0, 80)))
    .to.throw(Refusal)
    .with.property('code', 'ticket-invalid');
}
