import { isAscii } from 'node:buffer';
import { expect } from 'chai';
import fc from 'fast-check';
import { simpleParser } from 'mailparser';
import { toSevenBit } from '../../server/mail/seven-bit.js';

const TEXT = 'Zażółć gęślą jaźń.\r\nFrom here on: =3D is text.\r\n';
const BYTES = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0xff, 0xfe, 0x00, 0x01]);
const CYRILLIC = Buffer.from([0xf0, 0xd2, 0xc9, 0xd7, 0xc5, 0xd4, 0x0d, 0x0a]);

function part(type: string, encoding: string, body: Buffer | string): Buffer {
  return Buffer.concat([
    Buffer.from(`Content-Type: ${type}\r\nContent-Transfer-Encoding: ${encoding}\r\n\r\n`),
    Buffer.from(body),
  ]);
}

function mixed(type: string, parts: readonly Buffer[]): Buffer {
  const head = `From: a@example.org\r\nMIME-Version: 1.0\r\nContent-Type: ${type}; boundary=b1\r\nContent-Transfer-Encoding: 8bit\r\n\r\n`;
  return Buffer.concat([
    Buffer.from(head),
    ...parts.flatMap((one) => [Buffer.from('--b1\r\n'), one, Buffer.from('\r\n')]),
    Buffer.from('--b1--\r\n'),
  ]);
}

describe('a message in seven bits (F-17)', () => {
  it('is the same message where it is ASCII already', () => {
    const raw = mixed('multipart/mixed', [part('text/plain', '8bit', 'ASCII after all\r\n')]);

    expect(toSevenBit(raw)).to.equal(raw);
  });

  it('says the same: texts in quoted-printable, all else in base64', async () => {
    const raw = mixed('multipart/mixed', [
      part('text/plain; charset=utf-8', '8bit', TEXT),
      part('text/csv; charset=koi8-r; name=letter.csv', '8bit', CYRILLIC),
      part('image/png; name=dot.png', 'binary', BYTES),
    ]);

    const message = toSevenBit(raw) ?? Buffer.alloc(0);
    const { text, attachments } = await simpleParser(message);

    expect(isAscii(message)).to.equal(true);
    expect(text?.split('\n').slice(0, 2)).to.deep.equal(TEXT.trimEnd().split('\r\n'));
    expect(attachments.map(({ content }) => content)).to.deep.equal([CYRILLIC, BYTES]);
    const encodings = [...message.toString().matchAll(/^Content-Transfer-Encoding: (\S+)/gm)].map(([, name]) => name);
    expect(encodings).to.deep.equal(['7bit', 'quoted-printable', 'quoted-printable', 'base64']);
    expect(
      Math.max(
        ...message
          .toString()
          .split('\r\n')
          .map(({ length }) => length),
      ),
    ).to.be.at.most(76 + 24);
  });

  it('leaves each part that is ASCII as it stands', () => {
    const plain = part('text/html', '7BIT', '<p>untouched </p>   \r\n');
    const raw = mixed('multipart/alternative', [part('text/plain; charset=utf-8', '8bit', TEXT), plain]);

    expect(toSevenBit(raw)?.includes(plain)).to.equal(true);
  });

  it('writes an attached message anew from within, as it may not be encoded itself', () => {
    const inner = Buffer.concat([Buffer.from('Subject: inner\r\n'), part('text/plain; charset=utf-8', '8bit', TEXT)]);
    const message = toSevenBit(mixed('multipart/mixed', [part('message/rfc822', '8bit', inner)])) ?? Buffer.alloc(0);

    expect(isAscii(message)).to.equal(true);
    expect(message.toString()).to.contain('Content-Type: message/rfc822\r\nContent-Transfer-Encoding: 7bit\r\n');
    expect(message.toString()).to.contain('Za=C5=BC=C3=B3=C5=82=C4=87');
  });

  const cannot: [string, Buffer][] = [
    ['a header of UTF-8', Buffer.from('Subject: Zażółć\r\n\r\nHi\r\n')],
    ['what others signed', mixed('multipart/signed', [part('text/plain; charset=utf-8', '8bit', TEXT)])],
    ['an encoding that nobody knows', Buffer.concat([Buffer.from('X: y\r\n'), part('text/plain', 'x-odd', TEXT)])],
    ['letters between the parts', Buffer.concat([mixed('multipart/mixed', []), Buffer.from('Zażółć\r\n')])],
    ['a piece of a message', part('message/partial; id=a; number=1', '8bit', TEXT)],
  ];
  for (const [what, raw] of cannot) {
    it(`cannot be for ${what}`, () => {
      expect(toSevenBit(raw)).to.equal(null);
    });
  }

  it('holds the same bytes as before, whatever they are', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 300 }), async (given) => {
        const raw = mixed('multipart/mixed', [part('application/x-any; name=any', 'binary', Buffer.from(given))]);
        const message = toSevenBit(raw) ?? Buffer.alloc(0);

        expect(isAscii(message)).to.equal(true);
        expect((await simpleParser(message)).attachments[0]?.content ?? Buffer.alloc(0)).to.deep.equal(
          (await simpleParser(raw)).attachments[0]?.content ?? Buffer.alloc(0),
        );
      }),
    );
  });
});
