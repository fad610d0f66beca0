import { expect } from 'chai';
import iconv from 'iconv-lite';
import { simpleParser } from 'mailparser';
import { Refusal } from '../../server/errors.js';
import { injectFooter, prepareMessage, type EnginePolicy, type Injection } from '../../server/mail/footer-engine.js';
import type { Footer } from '../../server/mail/footer.js';
import { readTree } from '../../server/mail/mime-tree.js';
import { BOUNDARY, contentOf, FOOTER, HEADERS, LINKS, partAt, undone } from './footers.js';

const PLAIN: Footer = { ...FOOTER, why: 'You asked for it.', identity: 'Example', noticeLabel: 'Privacy' };
const ASCII: Footer = { ...PLAIN, unsubscribeLabel: 'Unsubscribe', settingsLabel: 'Settings' };

describe('the footer engine', () => {
  describe('chooses', () => {
    it('every text of an alternative, the root of what is related, and the first body of a mixture', () => {
      const related = multi('related; start="<root>"', 'rel', [
        part('image/png', 'iVBORw0KGgo=', 'base64', 'Content-ID: <logo>'),
        part('text/html', '<p>Hello</p>', '7bit', 'Content-ID: <root>'),
      ]);
      const alternative = multi('alternative', 'alt', [part('text/plain', 'Hello'), related]);
      const raw = message(multi('mixed', 'mix', [alternative, part('text/plain', 'Another'), part('text/csv', 'a,b')]));

      expect(pathsOf(inject(raw))).to.deep.equal(['1.1', '1.2.2']);
    });

    it('no attachment, no text with a name, no forwarded message, no other text', () => {
      const raw = message(
        multi('mixed', 'mix', [
          part('text/plain', 'Notes', '7bit', 'Content-Disposition: attachment'),
          part('text/plain; name=notes.txt', 'Notes'),
          part('message/rfc822', 'Subject: x\r\n\r\nHello'),
          part('text/calendar', 'BEGIN:VCALENDAR'),
          part('text/plain', 'Body'),
        ]),
      );

      expect(pathsOf(inject(raw))).to.deep.equal(['5']);
    });

    it('a place beside an alternative that would be shown instead of the texts', () => {
      const shown = (type: string): string =>
        inject(message(multi('alternative', 'alt', [part('text/plain', 'Hello'), part(type, 'x')]))).outcome;

      for (const type of ['image/png', 'text/enriched', 'application/pdf', 'multipart/related; boundary=rel'])
        expect(shown(type), type).to.equal('wrapped');
      for (const type of ['text/calendar', 'text/watch-html', 'application/ics', 'text/html'])
        expect(shown(type), type).to.equal('injected');
      const middle = [part('text/plain', 'x'), part('text/enriched', 'x'), part('text/html', 'x')];
      expect(pathsOf(inject(message(multi('alternative', 'alt', middle))))).to.deep.equal(['1', '3']);
    });

    it('a place beside what only its name tells is sealed', () => {
      const raw = message(part('application/octet-stream; name="smime.p7m"', 'MIIB', 'base64'));

      expect(inject(raw).recipe.wrapped).to.equal('after');
      expect(inject(raw, FOOTER, { signed: 'headers-only' }).outcome).to.equal('headers');
    });

    it('a place beside OpenPGP, however it is encoded', () => {
      const armour = '-----BEGIN PGP MESSAGE-----';
      const raws = [
        part('text/plain', armour.replaceAll('-', '=2D').replaceAll(' ', '=20'), 'quoted-printable'),
        part('text/plain', `Hello=\r\n\r\n${armour}`, 'quoted-printable'),
        part('text/plain', Buffer.from(`\r\n${armour}`).toString('base64'), 'base64'),
      ];

      for (const raw of raws) expect(inject(message(raw)).recipe.wrapped, raw).to.equal('after');
    });

    it('a place beside parts whose boundary ends in a blank, which some programs cut', async () => {
      const body = `--end \r\n${part('text/plain', 'Hello\r\n--end\r\nnot a part')}\r\n--end --\r\n`;

      const done = inject(message(`Content-Type: multipart/mixed; boundary="end "\r\n\r\n${body}`));

      expect(done.outcome).to.equal('wrapped');
      expect((await simpleParser(done.message)).text).to.contain(FOOTER.unsubscribeUrl);
    });

    it('a place beside what is told with a no-break space, which is a letter to some programs', async () => {
      const parts = `--x\r\n${part('text/html', '<p>Hello</p>')}\r\n--x--\r\n`;
      const raws = [
        `Content-Type: multipart/mixed;\u00a0boundary=x\r\n\r\n${parts}`,
        `Content-Type: multipart/mixed\u00a0; boundary=x\r\n\r\n${parts}`,
        `Content-Type: multipart/mixed; boundary=x\u00a0\r\n\r\n${parts}`,
        part('text/plain', 'SGVsbG8=', 'base64\u00a0'),
      ];

      for (const raw of raws) {
        const done = inject(message(raw));
        expect(done.outcome, raw).to.equal('wrapped');
        expect((await simpleParser(done.message)).text, raw).to.contain(FOOTER.unsubscribeUrl);
      }
    });

    it('a place beside a part whose header begins with a blank, which some programs read as if it did not', async () => {
      const inner = `--y\r\n${part('text/plain', 'Hello')}\r\n--y--\r\n`;
      const odd = ` Content-Type: multipart/alternative;\r\n boundary=y\r\n\r\n${inner}`;

      const done = inject(message(`Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n${odd}\r\n--x--\r\n`));

      expect(done.outcome).to.equal('wrapped');
      expect((await simpleParser(done.message)).text).to.contain(FOOTER.unsubscribeUrl);
    });

    it('a place beside a text in which our words would make a boundary of others', async () => {
      const html = part('text/html', '<body>Hi\r\n--x</body>', '7bit');

      const done = inject(message(`Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n${html}\r\n--x--\r\n`));

      expect(done.outcome).to.equal('wrapped');
      expect((await simpleParser(done.message)).text).to.contain(FOOTER.unsubscribeUrl);
    });

    it('a boundary that stands in the words of a text alone, though it is written anew', async () => {
      const text = part('text/plain; charset=iso-8859-2', 'Hi=\r\n.\r\n--x=\r\ny--\r\nBye', 'quoted-printable');

      const done = inject(message(`Content-Type: multipart/mixed; boundary=xy\r\n\r\n--xy\r\n${text}\r\n--xy--\r\n`));

      const seen = (await simpleParser(done.message)).text ?? '';
      expect(seen).to.contain('--xy--\nBye').and.to.contain(LINKS.unsubscribe).and.to.contain(LINKS.preferences);
    });

    it('a place beside what is no text', async () => {
      const done = inject(message(part('application/pdf', 'JVBERi0=', 'base64')));

      expect(done.outcome).to.equal('wrapped');
      const { text, attachments } = await simpleParser(done.message);
      expect(text).to.contain(LINKS.unsubscribe);
      expect(attachments.map(({ contentType }) => contentType)).to.deep.equal(['application/pdf']);
    });
  });

  describe('puts the footer', () => {
    it('behind the body of HTML, whatever stands in comments and styles', () => {
      const html = '<html><head><style>/* </body> */</style></head><body><p>Hi</p><!-- </body> --></body></html>';
      const text = textOf(inject(message(part('text/html', html))), '');

      expect(text.indexOf(LINKS.unsubscribe)).to.be.greaterThan(text.indexOf('<!-- </body> -->'));
      expect(text.endsWith('</body></html>')).to.be.true;
    });

    for (const [what, html] of [
      ['an open comment', '<p>Hi</p><!-- never closed'],
      ['an open title', '<title>Hi'],
      ['a body that its own styles hide', '<style>body{display:none}</style><p>Hi</p>'],
      ['a style that hides every link', '<style>a{display:none!important}</style><p>Hi</p>'],
    ] as const) {
      it(`beside HTML with ${what}`, () => {
        const { outcome } = inject(message(part('text/html', html)));

        expect(outcome).to.equal(what.startsWith('a style') ? 'injected' : 'wrapped');
      });
    }

    for (const [what, html] of [
      ['the link that stands for all links when it is tried', exampleLinks('https://zgoda.invalid', 'example')],
      ['a style sheet from elsewhere', '<link rel=stylesheet href="https://styles.example/x.css"><p>Hi</p>'],
      [
        'a box after the footer that lies as high as can be',
        '<body><p>Hi</p></body><div style="position:fixed;inset:0;background:#fff;z-index:2147483647">x</div>',
      ],
      [
        'such a box by its style sheet',
        '<style>#x{z-index:9999999999}</style><body><p>Hi</p></body><p><b id=x style="position:fixed;inset:0">x</b></p>',
      ],
      ['an import from elsewhere', '<style>@import url(//styles.example/x.css);</style><p>Hi</p>'],
    ] as const) {
      it(`beside HTML with ${what}`, () => {
        expect(inject(message(part('text/html', html))).outcome).to.equal('wrapped');
      });
    }

    it('into HTML with boxes that lie high, but before the footer or not as high', () => {
      const box = (z: string): string => `<div style="position:fixed;inset:0;z-index:${z}">x</div>`;

      const html = `<body><p>Hi</p>${box('2147483647')}</body>${box('2147483646')}${box('auto')}`;

      expect(inject(message(part('text/html', html))).outcome).to.equal('injected');
    });

    it('into HTML that fetches fonts', () => {
      const html = '<link rel=stylesheet href="https://fonts.googleapis.com/css?family=Lato"><p>Hi</p>';

      expect(inject(message(part('text/html', html))).outcome).to.equal('injected');
    });

    it('behind soft line breaks and blanks at the end of quoted-printable', async () => {
      for (const body of ['Hi=\r\n', 'Hi =\r\n', 'Hi ', 'Hi=20', 'Hi=20=\r\n \r\n', 'Hi=']) {
        const { message: out } = inject(message(part('text/plain', body, 'quoted-printable')), ASCII);

        const { text = '' } = await simpleParser(out);
        expect(text, body).to.match(/^Hi[ =]*\n+_{40}\nYou asked for it\.\n/);
      }
      for (const body of ['<p>Hi</p>=\r\n</body>', '<p>Hi</p> =\r\n=3C/bo=\r\ndy>', '<p>Hi</p>=20</body>']) {
        const out = textOf(inject(message(part('text/html', body, 'quoted-printable')), ASCII), '');

        expect(out, body).to.match(/^<p>Hi<\/p> ?\r\n<div lang="pl"[^]*<\/div>\r\n<\/body>$/);
      }
    });

    it('into the link of an AMP part, which stays as it is otherwise', () => {
      const amp = (link: string): string =>
        `<!doctype html><html amp4email><head><style amp4email-boilerplate>body{visibility:hidden}</style></head><body>${link}</body></html>`;
      const raw = (link: string): Buffer =>
        message(
          multi('alternative', 'alt', [
            part('text/plain', 'Hi'),
            part('text/x-amp-html', amp(link)),
            part('text/html', '<p>Hi</p>'),
          ]),
        );
      const done = inject(raw('<a href="{{unsubscribe_url}}">Leave</a>'));

      expect(pathsOf(done)).to.deep.equal(['1', '2', '3']);
      expect(textOf(done, '2')).to.equal(amp(`<a href="${LINKS.unsubscribe}">Leave</a>`));
      for (const link of ['', '<p hidden><a href="{{unsubscribe_url}}">Leave</a></p>'])
        expect(() => inject(raw(link)), link).to.throw(Refusal, /AMP/);
    });

    it('into the placeholders that a template has, and then nowhere else', () => {
      const html =
        '<p>Hi <a href="{{unsubscribe_url}}">leave</a> <a href="%7B%7Bpreferences_url%7D%7D">settings</a></p>';
      const text = textOf(inject(message(part('text/html', html, '7bit'))), '');

      expect(text).to.equal(
        `<p>Hi <a href="${LINKS.unsubscribe}">leave</a> <a href="${LINKS.preferences}">settings</a></p>`,
      );
    });

    it('with the link that a template lacks', () => {
      const text = textOf(inject(message(part('text/plain', 'Leave: {{unsubscribe_url}}'))), '');

      expect(text).to.match(/^Leave: https:\/\/links.example\/u\/\S+\r\n\r\n_{40}/);
      expect(text.split(LINKS.unsubscribe)).to.have.length(2);
      expect(text).to.contain(`<${LINKS.preferences}>`);
    });

    it('behind flowed text so that no line runs into it (RFC 3676)', () => {
      const raw = message(part('text/plain; format=flowed; delsp=yes', 'A line that goes on \r\n'));
      const text = textOf(inject(raw, { ...ASCII, why: 'From us to you.' }), '');

      expect(text).to.contain('goes on \r\n\r\n\r\n____');
      expect(text).to.contain('\r\n From us to you.\r\n');
      expect(text.split('\r\n').filter((line) => line.endsWith(' '))).to.have.length(1);
    });
  });

  describe('keeps', () => {
    it('every byte of a 7-bit, 8-bit and quoted-printable text but what it adds, at one place', () => {
      for (const [encoding, body] of [
        ['7bit', '<p>Hi</p>\r\n</body>\r\n'],
        ['8bit', '<p>Caf\xe9</p>\r\n</body>\r\n'],
        ['quoted-printable', '<p>Caf=C3=A9 =\r\nsoft</p> =20\r\n</body>\r\n'],
      ] as const) {
        const raw = message(part('text/html; charset=utf-8', body, encoding));
        const out = inject(raw).message;
        const own = out.subarray(out.indexOf('Subject:'));
        const whole = raw.subarray(raw.indexOf('Subject:'));

        expect(isOneInsertion(whole, own), encoding).to.be.true;
      }
    });

    it('base64 up to the line in which the footer begins', () => {
      const body = `${'QUJD'.repeat(19)}\r\n${'QUJD'.repeat(19)}\r\nQUJD`;
      const out = inject(message(part('text/plain', body, 'base64')), ASCII).message.toString('latin1');

      expect(out).to.contain(`${'QUJD'.repeat(19)}\r\n${'QUJD'.repeat(19)}\r\nQUJD`);
      expect(out.split('\r\n').every((line) => line.length <= 78)).to.be.true;
    });

    it('a signed message whole inside the wrapping, and its place first', () => {
      const signed = multi('signed; protocol="application/pgp-signature"', 'sig', [
        part('text/plain', 'I said it. '),
        part('application/pgp-signature', 'x'),
      ]);
      const raw = message(signed);
      const { message: out, outcome } = inject(raw);

      expect(outcome).to.equal('wrapped');
      const root = readTree(out, 0);
      const inner = root.children?.[0];
      expect(root.type).to.equal('multipart/mixed');
      expect(inner?.type).to.equal('multipart/signed');
      expect(out.subarray(inner?.start, inner?.end).toString()).to.equal(signed.slice(signed.indexOf('\r\n\r\n') + 4));
    });

    it('a message inside the message, with what it says of itself', () => {
      const forwarded =
        'List-Unsubscribe: <https://old.example>\r\nBcc: eve@example.org\r\n\r\nHi {{unsubscribe_url}}\r\n</body>';
      const raw = message(multi('mixed', 'mix', [part('text/html', '<p>See</p>'), part('message/rfc822', forwarded)]));

      expect(inject(raw).message.includes(`\r\n\r\n${forwarded}\r\n--mix--`)).to.be.true;
    });

    it('headers in their order, but for what would give others away or lead elsewhere', () => {
      const head = [
        'Received: by x',
        'Bcc: eve@example.org',
        'List-Unsubscribe: <https://old.example>',
        'X-One: 1',
        'Resent-Bcc: f@x',
      ];
      const raw = Buffer.from(`${head.join('\r\n')}\r\nSubject: x\r\n\r\nHi\r\n`);
      const { message: out, recipe } = inject(raw, ASCII);

      const names = out
        .toString('latin1')
        .split('\r\n\r\n')[0]
        ?.split('\r\n')
        .map((line) => line.split(':')[0]);
      expect(names).to.deep.equal(['List-Unsubscribe', 'List-Unsubscribe-Post', 'Received', 'X-One', 'Subject']);
      expect(recipe.headers.removed).to.deep.equal(['bcc', 'list-unsubscribe', 'resent-bcc']);
    });

    it('nothing personal in the recipe', () => {
      const { recipe } = inject(message(part('text/plain', 'Hi {{unsubscribe_url}}')));

      expect(JSON.stringify(recipe)).not.to.contain('Ab_-9').and.not.to.contain('zapis');
    });
  });

  describe('writes the footer of a Polish list', () => {
    for (const charset of [
      'us-ascii',
      'utf-8',
      'iso-8859-1',
      'iso-8859-2',
      'windows-1250',
      'iso-2022-jp',
      'utf-16le',
      'utf-7',
      'koi8-r',
      'gb18030',
      'x-unknown',
    ]) {
      for (const encoding of ['7bit', 'quoted-printable', 'base64'] as const) {
        // Its NUL bytes are no 7-bit text.
        if (charset === 'utf-16le' && encoding === '7bit') continue;
        it(`into ${charset} as ${encoding}, for a parser that is not ours`, async () => {
          const raw = message(part(`text/plain; charset=${charset}`, encoded('Hello', charset, encoding), encoding));
          const done = inject(raw);

          const { text = '' } = await simpleParser(done.message);
          expect(text).to.match(/^Hello\n/);
          // Of a charset that nobody knows only the letters of ASCII are sure.
          expect(text).to.contain('Wypisz mnie z listy „Źródła”').and.contain(`<${LINKS.unsubscribe}>`);
          undone(charset, prepareMessage(raw, { signed: 'wrap' }), done);
        });
      }
    }

    it('into Hebrew in the order in which it is read, by each of its names', () => {
      const hebrew = {
        ...FOOTER,
        why: 'קיבלת',
        unsubscribeLabel: 'הסרה מהרשימה',
        settingsLabel: 'הגדרות',
        identity: '',
        dir: 'rtl',
      } as const;
      for (const charset of ['iso-8859-8', 'iso-8859-8-i', 'ISO-8859-8-E']) {
        const body = iconv.encode('שלום', 'iso-8859-8').toString('latin1');
        const { message: out } = inject(message(part(`text/plain; charset=${charset}`, body, '8bit')), hebrew);

        expect(iconv.decode(out, 'iso-8859-8'), charset).to.match(/שלום\r\n\r\n_{40}\r\nקיבלת\r\nהסרה מהרשימה\r\n</);
      }
    });

    it('beside a text in letters that nobody knows, where ours would be lost', async () => {
      const arabic = { ...FOOTER, unsubscribeLabel: 'إلغاء الاشتراك', settingsLabel: 'الإعدادات', dir: 'rtl' } as const;
      const raw = message(part('text/plain; charset=x-unknown', 'Caf\xe9', '8bit'));

      expect(inject(raw).outcome).to.equal('injected');
      const { outcome, message: out } = inject(raw, arabic);
      expect(outcome).to.equal('wrapped');
      expect((await simpleParser(out)).text).to.contain('إلغاء الاشتراك');
    });

    it('into a text whose charset is no charset', () => {
      for (const charset of ['base64', 'hex', 'binary']) {
        const { message: out } = inject(message(part(`text/plain; charset=${charset}`, 'Hello')), ASCII);

        expect(out.toString('latin1'), charset).to.contain('Hello');
      }
    });

    it('from right to left in a language that is read so', () => {
      const text = textOf(
        inject(message(part('text/html', '<p>Hi</p>')), { ...FOOTER, language: 'ar', dir: 'rtl' }),
        '',
      );

      expect(text).to.contain('<div lang="ar" dir="rtl"');
      expect(text).to.match(/^[\x00-\x7f]*$/);
    });
  });

  describe('refuses, in words,', () => {
    const nested = (depth: number): string => {
      let inner = part('text/plain', 'Hi');
      for (let at = 0; at < depth; at += 1) inner = multi('mixed', `b${at}x`, [inner]);
      return inner;
    };
    for (const [what, raw, words] of [
      ['a NUL', Buffer.from('Subject: x\r\n\r\nHi\0\r\n'), /NUL/],
      ['a message without a header', Buffer.from('\r\nHi\r\n'), /no header/],
      ['parts in parts without end', message(nested(40)), /nested more than 30 deep/],
      [
        'thousands of parts',
        message(
          multi(
            'mixed',
            'many',
            Array.from({ length: 1_200 }, () => part('text/plain', 'x')),
          ),
        ),
        /more than 1000 parts/,
      ],
      ['a header of a megabyte', Buffer.from(`X: ${'x'.repeat(1 << 20)}\r\n\r\nHi`), /header has more than 256 kB/],
      [
        'an AMP part without a placeholder',
        message(
          multi('alternative', 'alt', [part('text/plain', 'x'), part('text/x-amp-html', '<html amp4email></html>')]),
        ),
        /AMP/,
      ],
    ] as const) {
      it(what, () => {
        expect(() => inject(raw)).to.throw(Refusal, words);
      });
    }

    it('signed mail where the policy says so, and only adds headers where it says that', () => {
      const raw = message(part('text/plain', '-----BEGIN PGP SIGNED MESSAGE-----\r\n\r\nHi'));

      expect(() => inject(raw, FOOTER, { signed: 'refuse' })).to.throw(Refusal, /signed or encrypted/);
      const { outcome, message: out } = inject(raw, FOOTER, { signed: 'headers-only' });
      expect(outcome).to.equal('headers');
      expect(out.subarray(out.indexOf('Subject')).equals(raw.subarray(raw.indexOf('Subject')))).to.be.true;
    });
  });

  it('makes bare line ends whole, as SMTP needs them, and never lets one hide an end', () => {
    const { message: out, recipe } = inject(Buffer.from('Subject: x\n\nHi\r.\rthere\n.\nfrom: y\n'), ASCII);

    expect(out.toString('latin1')).not.to.match(/(?<!\r)\n|\r(?!\n)/);
    expect(recipe.normalised).to.be.true;
  });

  it('makes the same message a second time', () => {
    const raw = message(part('application/pdf', 'JVBERi0=', 'base64'));

    expect(inject(raw).message.equals(inject(raw).message)).to.be.true;
  });
});

function exampleLinks(base: string, token: string): string {
  return `<a href="${base}/u/${token}">Leave</a> <a href="${base}/p/${token}">Settings</a><textarea>`;
}

function inject(raw: Buffer, footer: Footer = FOOTER, policy: EnginePolicy = { signed: 'wrap' }): Injection {
  return injectFooter(prepareMessage(raw, policy), { footer, headers: HEADERS, boundary: BOUNDARY });
}

function message(part: string): Buffer {
  return Buffer.from(`From: a@example.org\r\nSubject: x\r\nMIME-Version: 1.0\r\n${part}`, 'latin1');
}

function part(type: string, body: string, encoding = '7bit', more = ''): string {
  const head = [`Content-Type: ${type}`, `Content-Transfer-Encoding: ${encoding}`, ...(more === '' ? [] : [more])];
  return `${head.join('\r\n')}\r\n\r\n${body}`;
}

function multi(type: string, boundary: string, parts: readonly string[]): string {
  const body = parts.map((one) => `--${boundary}\r\n${one}\r\n`).join('');
  return `Content-Type: multipart/${type}; boundary=${boundary}\r\n\r\n${body}--${boundary}--\r\n`;
}

function encoded(text: string, charset: string, encoding: string): string {
  const bytes = iconv.encodingExists(charset) ? iconv.encode(text, charset) : Buffer.from(text);
  if (encoding === 'base64') return bytes.toString('base64');
  if (encoding === '7bit') return bytes.toString('latin1');
  return bytes.toString('hex').toUpperCase().replace(/../g, '=$&');
}

function pathsOf({ recipe }: Injection): string[] {
  return recipe.parts.map(({ path }) => path);
}

function textOf({ message: out }: Injection, path: string): string {
  const found = partAt(readTree(out, 0), path);
  return found ? contentOf(out, found).toString('latin1') : '';
}

function isOneInsertion(before: Buffer, after: Buffer): boolean {
  let start = 0;
  while (start < before.length && before[start] === after[start]) start += 1;
  return after.subarray(after.length - (before.length - start)).equals(before.subarray(start));
}
