import { expect } from 'chai';
import { tokensIn } from '../../server/mail/tokens-in.js';

const U = 'A'.repeat(20) + '-_09' + 'z'.repeat(28);
const C = 'C'.repeat(70) + '_-0z';
const ADDRESS = 'abcdefghijklmnopqrstuvwxyz234567';
const LINK = `https://news.example/u/${U}`;
const FOUND = { links: [{ purpose: 'u', token: U }], addresses: [], returns: [] };

const wrap = (text: string, width: number): string =>
  text.match(new RegExp(`[\\s\\S]{1,${width}}`, 'g'))?.join('\r\n') ?? '';
const base64 = (text: string | Buffer): string => wrap(Buffer.from(text).toString('base64'), 76);

/** One link, as programs and people pass it on. */
const WRAPPINGS: Readonly<Record<string, string | Buffer>> = {
  'as it is': LINK,
  'in angle brackets, with a full stop': `Leave: <${LINK}>.`,
  'in a folded header': `List-Unsubscribe: <mailto:x@y.example>,\r\n <${LINK}>`,
  'in quotes': `> > Leave here:\n> > ${LINK}\n`,
  'broken by a quote': `> ${LINK.slice(0, 50)}\n> ${LINK.slice(50)}\n> Regards`,
  'broken without a quote': `${LINK.slice(0, 60)}\r\n${LINK.slice(60)}\r\nRegards`,
  'in quoted-printable': `href=3D"${LINK.slice(0, 40)}=\r\n${LINK.slice(40)}"`,
  'in HTML with entities': `<a href="https:&#x2F;&#47;news.example&sol;u&#x2F;${U}">Leave</a>`,
  'in the query of a filter': `https://filter.example/?url=${encodeURIComponent(LINK)}&data=1`,
  'in the query of a filter of a filter': `https://a.example/?u=${encodeURIComponent(`https://b.example/?u=${encodeURIComponent(LINK)}`)}`,
  'in base64': `Content-Transfer-Encoding: base64\r\n\r\n${base64(`To leave, open ${LINK} in a browser of your choice.`)}\r\n`,
  'in base64 within base64': base64(
    `Content-Transfer-Encoding: base64\n\n${base64(`To leave, open ${LINK} in a browser of your choice.`)}\n\n`,
  ),
  'in base64 that is quoted': base64(`To leave, open ${LINK} in a browser of your choice, whichever.`).replaceAll(
    '\r\n',
    '\r\n> ',
  ),
  'in UTF-16': Buffer.from(LINK, 'utf16le'),
};

describe('tokens in a mail', () => {
  for (const [name, mail] of Object.entries(WRAPPINGS)) {
    it(`are found ${name}`, () => {
      expect(tokensIn(Buffer.from(mail))).to.deep.equal(FOUND);
    });
  }

  it('are of four kinds of link, told apart, and each counts once', () => {
    const mail = `/c/${C} /n/${U} /p/${U} ${LINK} /c/${C}`;

    const { links } = tokensIn(Buffer.from(mail));

    expect(links).to.deep.equal([
      { purpose: 'c', token: C },
      { purpose: 'n', token: U },
      { purpose: 'p', token: U },
      { purpose: 'u', token: U },
    ]);
  });

  it('are of addresses, too: to unsubscribe, and where bounces go', () => {
    const back = `b+${ADDRESS}${ADDRESS.slice(0, 29)}`;
    const mail = `List-Unsubscribe: <mailto:u+${ADDRESS}@in.example?subject=unsubscribe>\nReturn-Path: <${back.toUpperCase()}=x@in.example>`;

    const { addresses, returns } = tokensIn(Buffer.from(mail));

    expect([addresses, returns]).to.deep.equal([[ADDRESS], [`${back}@`]]);
  });

  it('are looked for in garbage of a megabyte without end or error, and not without bound', () => {
    const mega = (text: string): Buffer =>
      Buffer.from(text.repeat(Math.ceil(1_000_000 / text.length)).slice(0, 1_000_000));
    const many = Array.from(
      { length: 9_000 },
      (_, i) => `/u/${String(i).padStart(52, 'x')} u+${'a'.repeat(27)}${String.fromCharCode(97 + (i % 26)).repeat(5)}@`,
    );
    for (const text of [
      ' ',
      '\n',
      '> ',
      '=',
      '= ',
      '&#',
      '%25',
      '/u/',
      'QUFB',
      'QUFB\n',
      '\0',
      'a',
      '=\r\n',
      '/',
      'u+',
    ])
      expect(tokensIn(mega(text)).links, JSON.stringify(text)).to.deep.equal([]);

    const found = tokensIn(Buffer.from(many.join('\n')));

    expect(found.links).to.have.length(500);
    expect(tokensIn(Buffer.alloc(0))).to.deep.equal({ links: [], addresses: [], returns: [] });
  });
});
