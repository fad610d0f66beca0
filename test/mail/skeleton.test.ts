import { expect } from 'chai';
import fc from 'fast-check';
import { simpleParser } from 'mailparser';
import { Refusal } from '../../server/errors.js';
import { messageIdField } from '../../server/mail/headers.js';
import { hole } from '../../server/mail/hole.js';
import { campaignFields, unsubscribeFields } from '../../server/mail/list-headers.js';
import { encodeHole, encodeHoled, encodeText } from '../../server/mail/qp.js';
import { bodyHash } from '../../server/mail/dkim.js';
import { compileSkeleton, fillSkeleton, formatMail } from '../../server/mail/skeleton.js';

const HEADERS = campaignFields({
  from: { name: 'Zażółć', address: 'news@example.org' },
  subject: 'Nowości – März',
  listName: 'News',
  listId: 'news.example.org',
  feedbackId: ['c1', 'news', 'campaign', 'zgoda'],
});
const BOUNDARY = 'b0undaryb0undary42';
const FILLING = {
  to: { address: 'ada@example.com' },
  messageId: messageIdField('x1', 'example.org'),
  date: new Date('2026-01-02T03:04:05Z'),
};

// Lines of any characters but controls; how lines end is not kept, so LF here.
const content = fc
  .array(fc.string({ unit: 'grapheme', maxLength: 120 }), { maxLength: 8 })
  .map((lines) => lines.map((line) => line.replace(/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\ufdd0\ufdd1]/gu, '')).join('\n'));
const value = fc.oneof(fc.webUrl({ withQueryParameters: true }), fc.stringMatching(/^[\x20-\x7e]{0,300}$/), content);

function decode(encoded: string): string {
  const bytes = encoded
    .replace(/[\t ]+\r\n/g, '\r\n')
    .replace(/=\r\n/g, '')
    .replace(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(bytes, 'latin1').toString('utf8').replace(/\r\n/g, '\n');
}

function expectClean(encoded: string): void {
  for (const line of encoded.split('\r\n')) {
    expect(line.length, line).to.be.at.most(76);
    expect(line).to.match(/^[\t\x20-\x7e]*$/);
    expect(line).not.to.match(/[\t ]$/);
  }
}

describe('quoted-printable', () => {
  it('gives back any text, in clean lines of at most 76', () => {
    fc.assert(
      fc.property(content, (text) => {
        const encoded = encodeText(text);

        expectClean(encoded);
        expect(decode(encoded)).to.equal(text);
      }),
      { numRuns: 500 },
    );
  });

  it('gives back any text around any holes, whatever fills them', () => {
    fc.assert(
      fc.property(fc.array(content, { minLength: 1, maxLength: 4 }), value, (texts, filled) => {
        const { pieces, holes } = encodeHoled(texts.join(hole('url')));

        const encoded = pieces.map((piece, i) => piece + (i < holes.length ? encodeHole(filled) : '')).join('');
        expectClean(encoded);
        expect(decode(encoded)).to.equal(texts.join(filled));
      }),
      { numRuns: 500 },
    );
  });

  it('never starts a line with "From ", which mbox files change', () => {
    expect(encodeText('a\nFrom me')).to.equal('a\r\n=46rom me');
  });
});

describe('skeleton', () => {
  it('makes mails that another parser reads back exactly, for any content', async () => {
    const words = content.filter((text) => text.trim() !== '');
    await fc.assert(
      fc.asyncProperty(words, words, value, async (text, html, url) => {
        const skeleton = compileSkeleton({
          headers: HEADERS,
          text: `${text}\n<${hole('unsubscribe_url')}>.`,
          html: `<p>${html}</p><a href="${hole('unsubscribe_url')}">x</a>.`,
          boundary: BOUNDARY,
        });

        const mail = fillSkeleton(skeleton, { ...FILLING, holes: { unsubscribe_url: url } });
        const read = await simpleParser(formatMail(mail), { skipImageLinks: true, skipTextLinks: true });

        const escaped = url.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
        const quoted = escaped.replace(/"/g, '&quot;').replace(/'/g, '&#39;');
        expect(read.text).to.equal(`${text}\n<${url}>.`);
        expect(read.html).to.equal(`<p>${html}</p><a href="${quoted}">x</a>.`);
        expectClean(mail.body.toString('latin1'));
        expect(mail.bodyHash).to.equal(bodyHash(mail.body));
      }),
      { numRuns: 200 },
    );
  });

  it('carries every header, and those of the recipient', async () => {
    const skeleton = compileSkeleton({ headers: HEADERS, text: 'a', html: '<p>a</p>', boundary: BOUNDARY });

    const mail = fillSkeleton(skeleton, {
      ...FILLING,
      holes: {},
      headers: unsubscribeFields('https://example.org/u/abc'),
    });
    const read = await simpleParser(formatMail(mail, ['X-First: 1']));

    expect(read.headerLines.map(({ key }) => key)).to.deep.equal([
      ...['x-first', 'to', 'date', 'message-id', 'list-unsubscribe', 'list-unsubscribe-post', 'from', 'subject'],
      ...['list-id', 'list-post', 'feedback-id', 'precedence', 'mime-version', 'content-type'],
    ]);
    expect(read.subject).to.equal('Nowości – März');
    expect(read.from?.text).to.equal('"Zażółć" <news@example.org>');
    expect(read.messageId).to.equal('<x1@example.org>');
    expect(read.date).to.deep.equal(FILLING.date);
  });

  it('refuses a text that contains its boundary, and a hole without a value', () => {
    const parts = { headers: HEADERS, html: '<p>a</p>', boundary: BOUNDARY };

    expect(() => compileSkeleton({ ...parts, text: `--${BOUNDARY}` })).to.throw(Refusal);
    const skeleton = compileSkeleton({ ...parts, text: hole('confirm_url') });
    expect(() => fillSkeleton(skeleton, { ...FILLING, holes: {} })).to.throw(RangeError, 'confirm_url');
  });

  it('refuses header injection through the recipient', () => {
    const skeleton = compileSkeleton({ headers: HEADERS, text: 'a', html: 'a', boundary: BOUNDARY });

    for (const to of [{ address: 'a@example.org\r\nBcc: e@example.org' }, { name: 'a\nb', address: 'a@example.org' }]) {
      expect(() => fillSkeleton(skeleton, { ...FILLING, to, holes: {} })).to.throw(Refusal);
    }
  });
});
