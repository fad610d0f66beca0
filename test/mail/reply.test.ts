import { expect } from 'chai';
import fc from 'fast-check';
import { NotCounted } from '../../server/mail/dkim-signature.js';
import { readAnswer } from '../../server/mail/reply.js';

const WANTED = { from: 'ada@example.org', to: 'y+abc@in.example.org', word: 'CONFIRM' };
const HEAD = ['From: Ada <ada@example.org>', 'To: Shop <y+ABC@in.example.org>', 'Message-ID: <1@example.org>'];

function read(head: readonly string[], body = 'confirm', end = '\r\n') {
  return readAnswer(Buffer.from([...head, '', body, ''].join(end), 'utf8'), WANTED);
}

describe('an answer', () => {
  it('is read: the word as it was typed, and its Message-ID', () => {
    expect(read(HEAD)).to.deep.equal({ line: 'confirm', messageId: '<1@example.org>' });
    expect(read([...HEAD.slice(0, 2), 'Message-ID: not an\r\n id'])).to.deep.equal({
      line: 'confirm',
      messageId: null,
    });
    expect(read([...HEAD.slice(0, 1), 'To: a@b.example,\r\n\t"x" <y+abc@in.example.org>'])).to.include({
      line: 'confirm',
    });
  });

  for (const [title, head, why] of [
    ['no From', HEAD.slice(1), /one From/],
    ['two From', [...HEAD, 'FROM : ada@example.org'], /one From/],
    ['two To', [...HEAD, 'To: y+abc@in.example.org'], /To must name/],
    ['a To that only ends alike', [HEAD[0] ?? '', 'To: xy+abc@in.example.org'], /To must name/],
    ['two kinds of content', [...HEAD, 'Content-Type: text/plain', 'Content-Type: text/html'], /several ways/],
    [
      'a sender that says so in an encoded name',
      ['From: =?utf-8?q?=3Cada=40example.org=3E?= <eve@example.org>', ...HEAD.slice(1)],
      /From must be/,
    ],
  ] as const)
    it(`does not count with ${title}`, () =>
      expect(read(head)).to.be.instanceOf(NotCounted).with.property('why').that.matches(why));

  it('does not count with lines that readers part in different ways', () => {
    for (const end of ['\n', '\r', '\n\r\n'])
      expect(read(HEAD, 'confirm', end), JSON.stringify(end)).to.be.instanceOf(NotCounted);
    expect(read(HEAD, 'confirm\0')).to.be.instanceOf(NotCounted);
  });

  it('is never more than an answer or none, whatever comes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.boolean(), (bytes, isBody) => {
        const raw = isBody ? Buffer.concat([Buffer.from(`${HEAD.join('\r\n')}\r\n\r\n`), bytes]) : Buffer.from(bytes);
        expect(readAnswer(raw, WANTED)).to.satisfy(
          (one: unknown) => one instanceof NotCounted || typeof one === 'object',
        );
      }),
    );
  });
});
