import { expect } from 'chai';
import fc from 'fast-check';
import { simpleParser } from 'mailparser';
import { Refusal } from '../../server/errors.js';
import {
  dateField,
  field,
  formatHeaders,
  listIdField,
  mailboxField,
  messageIdField,
  textField,
  type HeaderField,
} from '../../server/mail/headers.js';
import { campaignFields, transactionalFields, unsubscribeFields } from '../../server/mail/list-headers.js';

const CAMPAIGN = {
  from: { name: 'Księgarnia „Pod Lipą”', address: 'news@example.org' },
  replyTo: { address: 'office@example.org' },
  subject: 'Nowości',
  listName: 'Nowości',
  listId: 'news.lists.example.org',
  helpUrl: 'https://example.org/lists/news',
  feedbackId: ['c42', 'news', 'campaign', 'zgoda1'],
} as const;

const text = fc
  .array(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 30 }), { minLength: 1, maxLength: 12 })
  .map((words) => words.join(' ').replace(/[\p{C}\p{Zl}\p{Zp}]/gu, ''));

async function parseOne(one: HeaderField) {
  return simpleParser(`${formatHeaders([one])}\r\nbody\r\n`);
}

function expectShortLines(fields: readonly HeaderField[], limit: number): void {
  for (const line of formatHeaders(fields).split('\r\n')) expect(Buffer.byteLength(line), line).to.be.at.most(limit);
}

describe('headers', () => {
  it('carry any text and are read back exactly by another parser', async () => {
    await fc.assert(
      fc.asyncProperty(text, async (subject) => {
        const one = textField('Subject', subject);

        const { subject: read = '' } = await parseOne(one);

        expect(read).to.equal(subject);
        expectShortLines([one], 78);
        expect(one[1]).to.match(/^[\x20-\x7e\r\n]*$/);
      }),
      { numRuns: 300 },
    );
  });

  it('carry what looks like an encoded word as it was typed', async () => {
    for (const subject of ['=?utf-8?Q?a?=', 'see =?utf-8?B?YQ==?= here', ' two  blanks ', 'x'.repeat(300)]) {
      expect((await parseOne(textField('Subject', subject))).subject).to.equal(subject);
    }
  });

  it('carry any display name and are read back exactly by another parser', async () => {
    await fc.assert(
      fc.asyncProperty(text, async (name) => {
        fc.pre(name.trim() === name);
        const one = mailboxField('From', { name, address: 'ada@example.org' });

        const { from } = await parseOne(one);

        expect(from?.value).to.deep.equal([{ name, address: 'ada@example.org' }]);
        expectShortLines([one], 78);
      }),
      { numRuns: 300 },
    );
  });

  it('refuse a line break or control character in every field', () => {
    for (const bad of ['\r', '\n', '\r\nBcc: eve@example.org', '\0', '\x07', '\x7f', '\u2028', '\ud800', '\ufdd0']) {
      const attempts: (() => unknown)[] = [
        () => textField('Subject', `a${bad}`),
        () => field('X-Any', `a${bad}`),
        () => mailboxField('From', { name: `a${bad}`, address: 'a@example.org' }),
        () => mailboxField('To', { address: `a@example.org${bad}` }),
        () => listIdField(`a${bad}`, 'a.example.org'),
        () => listIdField('a', `a.example.org${bad}`),
        () => messageIdField(`a${bad}`, 'example.org'),
        () => messageIdField('a', `example.org${bad}`),
        () => unsubscribeFields(`https://example.org/u/a${bad}`),
        () => unsubscribeFields('https://example.org/u/a', `mailto:a@example.org${bad}`),
        () => campaignFields({ ...CAMPAIGN, subject: `a${bad}` }),
        () => campaignFields({ ...CAMPAIGN, listName: `a${bad}` }),
        () => campaignFields({ ...CAMPAIGN, helpUrl: `https://example.org/${bad}` }),
        () => campaignFields({ ...CAMPAIGN, feedbackId: [`a${bad}`, 'b', 'c', 'sender'] }),
        () => transactionalFields({ ...CAMPAIGN, replyTo: { address: `a@example.org${bad}` } }),
      ];
      for (const attempt of attempts) expect(attempt, String(attempt) + JSON.stringify(bad)).to.throw(Refusal);
    }
  });

  it('refuse a line longer than 998 octets', () => {
    expect(() => field('List-Help', `<https://example.org/${'a'.repeat(1000)}>`)).to.throw(Refusal, '998');
  });

  it('give a date in UTC and a Message-ID in brackets', () => {
    expect(dateField(new Date('2026-03-01T08:05:09Z'))).to.deep.equal(['Date', 'Sun, 01 Mar 2026 08:05:09 +0000']);
    expect(messageIdField('abc.1', 'mail.example.org')[1]).to.equal('<abc.1@mail.example.org>');
  });

  it('give a campaign everything a list mail must carry', () => {
    const fields = [
      ...campaignFields(CAMPAIGN),
      ...unsubscribeFields('https://example.org/u/abc', 'mailto:u+abc@example.org?subject=unsubscribe'),
    ];

    const found = Object.fromEntries(fields.map(([name, value]) => [name, value.replace(/\r\n/g, '')]));
    expect(found['List-Id']).to.match(/^=\?UTF-8\?[BQ]\?\S+\?= <news\.lists\.example\.org>$/);
    expect(found['List-Unsubscribe']).to.equal(
      '<https://example.org/u/abc>, <mailto:u+abc@example.org?subject=unsubscribe>',
    );
    expect(found['List-Unsubscribe-Post']).to.equal('List-Unsubscribe=One-Click');
    expect(found['Feedback-ID']).to.equal('c42:news:campaign:zgoda1');
    expect(found['Precedence']).to.equal('bulk');
    expect(found['List-Post']).to.equal('NO');
    expect(found).not.to.have.property('Auto-Submitted');
    expectShortLines(fields, 78);
  });

  it('mark a transactional mail as made by a machine, and nothing of a list', () => {
    const names = transactionalFields(CAMPAIGN).map(([name]) => name);

    expect(names).to.deep.equal(['From', 'Reply-To', 'Subject', 'Auto-Submitted']);
  });

  it('refuse a Feedback-ID whose sender is not 5 to 15 characters', () => {
    expect(() => campaignFields({ ...CAMPAIGN, feedbackId: ['a', 'b', 'c', 'abcd'] })).to.throw(Refusal);
  });
});
