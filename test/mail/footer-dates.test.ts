import { expect } from 'chai';
import { injectFooter, prepareMessage } from '../../server/mail/footer-engine.js';
import { datedWhy, type Footer } from '../../server/mail/footer.js';
import { hole } from '../../server/mail/hole.js';
import { readTree, type MimePart } from '../../server/mail/mime-tree.js';
import { BOUNDARY, contentOf, FOOTER, HEADERS } from './footers.js';

const WHY = `Otrzymujesz tę wiadomość, bo ${hole('confirmed_on')} potwierdzono zapis.`;
const DAYS = ['3 grudnia 2026', '4 września 2026', '٣ ديسمبر ٢٠٢٦', '<1 & 2>'];

/** Each reader's footer names the day on which they confirmed; the rest of it is written once for all of them. */
describe('a footer with a date', () => {
  for (const encoding of ['7bit', '8bit', 'quoted-printable', 'base64'])
    for (const type of ['text/plain', 'text/plain; format=flowed', 'text/html'])
      it(`reads as one that was written for that day alone: ${type} in ${encoding}`, () => {
        const prepared = prepareMessage(mailOf(`${type}; charset=utf-8`, encoding), { signed: 'wrap' });

        for (const day of DAYS) {
          const shared: Footer = { ...FOOTER, ...datedWhy({ why: WHY }, day) };
          const alone: Footer = { ...FOOTER, why: shared.why };
          const said = textOf(injectFooter(prepared, { footer: shared, headers: HEADERS, boundary: BOUNDARY }).message);

          expect(shared.why).to.contain(day).and.not.to.contain('\ufdd0');
          expect(said).to.equal(
            textOf(injectFooter(prepared, { footer: alone, headers: HEADERS, boundary: BOUNDARY }).message),
          );
        }
      });
});

function mailOf(type: string, encoding: string): Buffer {
  const words = encoding === '7bit' ? 'Hello' : 'Zażółć';
  const body =
    encoding === 'base64'
      ? Buffer.from(words).toString('base64')
      : encoding === 'quoted-printable'
        ? [...Buffer.from(words)].map((byte) => `=${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('')
        : words;
  return Buffer.from(
    `From: a@example.org\r\nContent-Type: ${type}\r\nContent-Transfer-Encoding: ${encoding}\r\n\r\n${body}\r\n`,
  );
}

function textOf(message: Buffer): string {
  const root: MimePart = readTree(message, 0);
  return contentOf(message, root).toString('utf8');
}
