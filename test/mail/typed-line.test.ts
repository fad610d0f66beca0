import { expect } from 'chai';
import { readMail } from '../../server/mail/read-mail.js';
import { firstTypedLine, isOneWord } from '../../server/mail/typed-line.js';

const text = (words: string) => firstTypedLine({ text: words, html: '' });
const html = (words: string) => firstTypedLine({ text: '', html: words });

describe('the first typed line', () => {
  for (const [title, line, expected] of [
    ['stands at the top', text('Confirm\n\n> quote'), 'Confirm'],
    ['comes after empty lines and blanks', text(' \n\t\n\u00a0  Confirm  \n'), 'Confirm'],
    ['comes after marks that nobody sees', text('\ufeff\u200bConfirm\u200e'), 'Confirm'],
    ['comes after a quote', text('> a\n> b\n\nConfirm'), 'Confirm'],
    ['comes after a quote with other marks', text('| a\nAB> b\n>> c\nConfirm'), 'Confirm'],
    [
      'comes after a quote and its introduction',
      text('On 2 March, Shop <a@b.example> wrote:\n> a\nConfirm'),
      'Confirm',
    ],
    [
      'comes after an introduction of two lines',
      text('Am 02.03.2026 um 10:00 schrieb\nShop:\n\n> a\n\nConfirm'),
      'Confirm',
    ],
    ['is a sentence before a quote, if it does not introduce it', text('No:\n> CONFIRM\nCONFIRM'), 'No:'],
    ['is one that ends in a colon with no quote after it', text('At 10:\nCONFIRM'), 'At 10:'],
    ['is not in a mail that only quotes', text('> CONFIRM\n\n> CONFIRM\n'), ''],
    ['is not in an empty mail', text(''), ''],
    ['is the mark of a signature, if that comes first', text('-- \nCONFIRM'), '--'],
    ['is what HTML shows', html('<p></p><div>Confirm</div><p>Ada</p>'), 'Confirm'],
    ['is not what HTML quotes', html('<blockquote>CONFIRM</blockquote><p>No</p>'), 'No'],
    [
      'is not what HTML quotes as Gmail does',
      html('<div class="gmail_quote gmail_quote_container">CONFIRM</div>No'),
      'No',
    ],
    ['is not what HTML quotes as Thunderbird does', html('<div class="moz-cite-prefix">On 2 March:</div>No'), 'No'],
    ['is not what HTML hides', html('<p style="display:none">CONFIRM</p><p>No</p>'), 'No'],
    ['is found in nests that are too deep to read', html(`${'<div>'.repeat(50_000)}CONFIRM`), ''],
  ] as const)
    it(title, () => expect(line).to.equal(expected));

  it('is that of the text part, when a mail has both', () => {
    const raw = Buffer.from(
      [
        'Content-Type: multipart/alternative; boundary=b',
        '',
        '--b',
        'Content-Type: text/plain; charset=iso-8859-2',
        'Content-Transfer-Encoding: quoted-printable',
        '',
        'ZA=AFӣ=C6',
        '--b',
        'Content-Type: text/html',
        '',
        '<p>CONFIRM</p>',
        '--b--',
        '',
      ].join('\r\n'),
      'latin1',
    );

    expect(firstTypedLine(readMail(raw))).to.match(/^ZAŻ/);
  });
});

describe('one word', () => {
  it('may be in any case, with a full stop or the like after it', () => {
    for (const line of ['CONFIRM', 'confirm', 'Confirm.', 'CONFIRM !', ' confirm\u2026', '\u200econfirm'])
      expect(isOneWord(line, 'CONFIRM'), line).to.equal(true);
    expect(isOneWord('potwierdzam', 'POTWIERDZAM')).to.equal(true);
  });

  it('is no other word, no two words and no part of one', () => {
    for (const line of [
      '',
      'CONFIRMED',
      'I CONFIRM',
      'CONFIRM CONFIRM',
      '.CONFIRM',
      '"CONFIRM"',
      'CONFIRM?no',
      'C0NFIRM',
    ])
      expect(isOneWord(line, 'CONFIRM'), line).to.equal(false);
  });
});
