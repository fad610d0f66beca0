import { expect } from 'chai';
import * as fc from 'fast-check';
import { simpleParser } from 'mailparser';
import { createTransport } from 'nodemailer';
import { readMail } from '../../server/mail/read-mail.js';

const mail = (...lines: string[]) => Buffer.from(lines.join('\r\n'), 'latin1');

async function compose(message: object): Promise<Buffer> {
  const transport = createTransport({ streamTransport: true, buffer: true, newline: 'windows' });
  const { message: raw } = await transport.sendMail({
    from: 'Zgoda <news@zgoda.example>',
    to: 'ada@example.org',
    ...message,
  });
  return raw as Buffer;
}

describe('mail/read-mail', () => {
  it('reads a mail of text and HTML as mailparser does', async () => {
    const raw = await compose({
      subject: 'Zażółć gęślą jaźń, und noch ein ziemlich langer Betreff mit Umlauten: äöü ÄÖÜ ß',
      text: 'Cześć Ada,\n\n=20 is not a blank. https://zgoda.example/c/abc\n.\n',
      html: `<p>Cześć <b>Ada</b></p>${'<i>długi wiersz</i>'.repeat(60)}`,
      attachments: [{ filename: 'umowa ż.pdf', content: Buffer.alloc(1_000, 7) }],
    });

    const read = readMail(raw);
    const reference = await simpleParser(raw);

    expect(read.subject).to.equal(reference.subject);
    expect(read.text.trimEnd()).to.equal(reference.text?.trimEnd());
    expect(read.html.trimEnd()).to.equal((reference.html as string).trimEnd());
    expect(read.attachments).to.deep.equal([{ name: 'umowa ż.pdf', type: 'application/pdf', bytes: 1_000 }]);
    expect(read.from).to.equal('Zgoda <news@zgoda.example>');
  });

  it('reads quoted-printable, base64, other charsets and bare LF', () => {
    const type = (charset: string) => `Content-Type: text/plain; charset=${charset}`;
    const cases: [Buffer, string][] = [
      [mail(type('iso-8859-2'), '', 'za\xbf\xf3\xb3\xe6'), 'zażółć'],
      [mail(type('utf-8'), 'Content-Transfer-Encoding: quoted-printable', '', 'a=C5=BC=  ', 'b=3D=zz'), 'ażb==zz'],
      [mail(type('"utf-8"'), 'Content-Transfer-Encoding: BASE64', '', 'xbzD', 's8WC'), 'żół'],
      [mail(type('no-such-charset'), '', 'caf\xe9'), 'café'],
      [Buffer.from('Subject: x\n\nline\nline\n'), 'line\nline\n'],
      [mail('', 'no headers'), 'no headers'],
      [mail('Subject: no body'), ''],
    ];

    for (const [raw, text] of cases) expect(readMail(raw).text).to.equal(text);
  });

  it('joins encoded words whose letters are cut in two', () => {
    const { subject } = readMail(
      mail('Subject: =?UTF-8?B?xbw=?= =?utf-8?Q?_=C5?=', ' =?utf-8?Q?=BC?= plain =?iso-8859-1?q?=E9?=', '', ''),
    );

    expect(subject).to.equal('ż ż plain é');
  });

  it('shows the parts of a mixed mail one after the other, the richest of an alternative, and nested ones', () => {
    const { text, html, attachments } = readMail(
      mail(
        'Content-Type: multipart/mixed; boundary="a b"',
        '',
        'preamble',
        '--a b',
        'Content-Type: multipart/alternative; boundary=inner',
        '',
        '--inner',
        '',
        'plain',
        '--inner',
        'Content-Type: text/html',
        '',
        '<p>rich</p>',
        '--inner--',
        '--a b  ',
        'Content-Type: text/plain',
        '',
        '--a b is not a line of its own',
        'foot & <foot>',
        '--a b',
        'Content-Type: message/rfc822',
        '',
        'Subject: inner',
        '',
        '--a b--',
        'epilogue',
      ),
    );

    expect(text).to.equal('plain--a b is not a line of its own\nfoot & <foot>');
    expect(html).to.match(
      /^<p>rich<\/p>\n<pre style="[^"]+">--a b is not a line of its own\nfoot &amp; &lt;foot><\/pre>\n$/,
    );
    expect(attachments).to.deep.equal([{ name: '', type: 'message/rfc822', bytes: 16 }]);
  });

  it('never throws, whatever comes', () => {
    const word = fc.constantFrom(
      'Content-Type: multipart/mixed; boundary=b',
      '--b',
      '--b--',
      '',
      'x',
      '=?utf-8?Q?=?=',
      'Subject:',
      '=',
    );
    fc.assert(fc.property(fc.array(word), (lines) => void readMail(mail(...lines))));
    fc.assert(fc.property(fc.uint8Array(), (bytes) => void readMail(Buffer.from(bytes))));
  });

  it('does not follow parts without end', () => {
    const opening = Array.from(
      { length: 5_000 },
      (_, i) => `Content-Type: multipart/mixed; boundary=b${i}\r\n\r\n--b${i}`,
    );

    expect(readMail(mail(...opening)).text).to.equal('');
  });
});
