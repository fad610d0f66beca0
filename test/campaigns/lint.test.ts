import { expect } from 'chai';
import { forceTheme } from '../../server/campaigns/force-theme.js';
import { lintMail, type MailToCheck } from '../../server/campaigns/lint-mail.js';
import { preheaderOf } from '../../server/campaigns/lint-preheader.js';
import { readRspamd, readSpamAssassin } from '../../server/campaigns/lint-spam.js';
import type { Finding } from '../../server/campaigns/lint-finding.js';
import { hole } from '../../server/mail/hole.js';

const HTML = `<html><head><title>June</title></head><body>
<div style="display:none">Two lakes, one boat</div>
<p>Dear reader, the boat is ready, and so are the people who built it. Come and see it on Saturday, when we carry it to the water.</p>
<p><a href="https://www.example.org/boat">The boat</a></p>
</body></html>`;
const WAY_OUT = `<p style="background:#ffffff"><a href="${hole('unsubscribe_url')}" style="color:#222222">Leave</a> <a href="${hole('preferences_url')}" style="color:#222222">Settings</a></p>`;

function mail(change: Partial<MailToCheck> & { body?: string } = {}): MailToCheck {
  const html = change.body === undefined ? HTML : HTML.replace('</body>', `${change.body}\n</body>`);
  return {
    subject: 'The boat is ready',
    source: html,
    template: html,
    html,
    text: 'Dear reader, the boat is ready, and so are the people who built it. Come and see it on Saturday.\n',
    laidOut: html.replace('</body>', `${WAY_OUT}</body>`),
    htmlBytes: 12_000,
    pictures: [],
    sender: { fromDomain: 'news.example.com', signingDomains: ['news.example.com'], key: 'ok' },
    ...change,
  };
}

const wrong = (findings: readonly Finding[]): string[] =>
  findings.filter(({ sign }) => sign !== 'good').map(({ code, lines }) => [code, ...lines].join(' '));

describe('the check of a mail', () => {
  it('finds nothing wrong with a good one, and says what is good', () => {
    const findings = lintMail(mail());

    expect(wrong(findings)).to.deep.equal([]);
    expect(findings.map(({ code }) => code)).to.include.members([
      ...['subject-good', 'preheader-good', 'sender-aligned', 'key-shown', 'words-good', 'links-good', 'images-none'],
      ...['size-good', 'text-good', 'footer-good'],
    ]);
  });

  for (const [what, change, found] of [
    ['a subject that is missing', { subject: ' ' }, ['subject-empty']],
    ['a subject that shouts', { subject: 'THE BOAT IS READY' }, ['subject-shouted']],
    ['a subject that is cut on a phone', { subject: 'The boat is ready and '.repeat(3) }, ['subject-long']],
    ['exclamation marks', { subject: 'The boat! Ready!' }, ['subject-marks']],
    ['a subject that pretends to be an answer', { subject: 'Re: the boat' }, ['subject-reply']],
    ['a preheader that says the subject again', { subject: 'Two lakes, one boat' }, ['preheader-same']],
    ['a mail near the length at which Gmail cuts', { htmlBytes: 95_000 }, ['size-near']],
    ['a mail that Gmail cuts, the footer with it', { htmlBytes: 102_000 }, ['size-clipped']],
    ['an empty text part', { text: ' \n' }, ['text-empty']],
    ['a link that is not encrypted', { body: '<a href="http://shop.example.org/">Shop</a>' }, ['links-http 5']],
    ['a link to a number', { body: '<a href="https://192.0.2.7/">Shop</a>' }, ['links-ip 5']],
    ['a shortened link', { body: '<a href="https://bit.ly/abc">Shop</a>' }, ['links-short 5']],
    ['a link without a host', { body: '<a href="/shop">Shop</a>' }, ['links-nowhere 5']],
    ['a link that runs a program', { body: '<a href="javascript:go()">Shop</a>' }, ['links-script 5']],
    [
      'a link whose words are another site',
      { body: '<a href="https://evil.example/">bank.example.org</a>' },
      ['links-other 5'],
    ],
    ['an image without words', { body: '<img src="https://www.example.org/a.png" width="300">' }, ['images-alt 5']],
    [
      'a tracking pixel',
      { body: '<img src="https://www.example.org/p.gif" alt="" width="1" height="1">' },
      ['images-pixel 5'],
    ],
    [
      'an image that is fetched openly',
      { body: '<img src="http://www.example.org/a.png" alt="A boat">' },
      ['images-http 5'],
    ],
    ['a gap that nobody filled', { body: '<p>Dear [First name],</p>' }, ['words-gap 5']],
    ['a placeholder that nothing fills', { body: '<p>{{surname}}</p>' }, ['words-unfilled 5']],
  ] as const) {
    it(`finds ${what}, with its line`, () => {
      expect(wrong(lintMail(mail(change)))).to.deep.equal(found);
    });
  }

  it('weighs the images that are in the mail itself', () => {
    const image = (bytes: number): string => `<img alt="A boat" src="data:image/png;base64,${'A'.repeat(bytes)}">`;

    expect(wrong(lintMail(mail({ body: image(400_000) })))).to.deep.equal(['images-heavy 5', 'images-embedded 5']);
    expect(wrong(lintMail(mail({ body: image(230_000).repeat(3) })))).to.deep.equal([
      'images-heavy-together',
      'images-embedded 5',
    ]);
  });

  it('sees whether the signature speaks for the sender, and whether it can be checked', () => {
    const sender = (change: Partial<MailToCheck['sender']>): string[] =>
      wrong(lintMail(mail({ sender: { ...mail().sender, ...change } })));

    expect(sender({ signingDomains: ['example.com'] })).to.deep.equal([]);
    expect(sender({ signingDomains: ['carrier.example.net'] })).to.deep.equal(['sender-unaligned']);
    expect(sender({ fromDomain: 'gmail.com', signingDomains: ['gmail.com'] })).to.deep.equal(['sender-free']);
    expect(sender({ key: 'missing' })).to.deep.equal(['key-missing']);
    expect(sender({ key: 'wrong' })).to.deep.equal(['key-wrong']);
    expect(sender({ key: null })).to.deep.equal(['key-unknown']);
  });

  it('measures how well the way out can be read where it stands', () => {
    const faint = WAY_OUT.replaceAll('#222222', '#bbbbbb');
    const inNight = HTML.replace('<body>', '<body style="background:#202020">');

    expect(wrong(lintMail(mail({ laidOut: HTML + faint })))).to.deep.equal(['footer-faint']);
    expect(wrong(lintMail(mail({ laidOut: HTML })))).to.deep.equal(['footer-unknown']);
    expect(lintMail(mail({ laidOut: inNight.replace('</body>', WAY_OUT) }))).to.deep.include({
      ...{ code: 'footer-box', sign: 'good', lines: [], detail: '#202020', count: 1 },
    });
  });

  it('tells what stops the mail before what is worth a look', () => {
    const [first] = lintMail(mail({ subject: '', text: '' }));

    expect(first?.code).to.equal('subject-empty');
  });

  it('reads the inbox as mail programs do', () => {
    const filler = '&#847;&zwnj;&nbsp;'.repeat(40);

    expect(preheaderOf(HTML)).to.deep.equal({ text: 'Two lakes, one boat', isOwn: true });
    expect(preheaderOf(`<div style="display:none">Short${filler}</div><p>Then</p>`)).to.deep.equal({
      text: 'Short',
      isOwn: true,
    });
    expect(preheaderOf('<style>p{}</style><p>Good day,</p><p>we write</p>')).to.deep.equal({
      text: 'Good day, we write',
      isOwn: false,
    });
    expect(preheaderOf('<img src="a.png">')).to.deep.equal({ text: '', isOwn: false });
  });

  it('answers in good time for hostile HTML', () => {
    const deep = '<a href="http://x">'.repeat(5_000) + '{a'.repeat(20_000) + '['.repeat(20_000);

    expect(wrong(lintMail(mail({ body: deep })))).to.include('links-http 5');
  });
});

describe('the report of a spam filter', () => {
  it('is read from SpamAssassin, with what costs points', () => {
    const report = `Content analysis details:   (5.5 points, 5.0 required)

 pts rule name              description
---- ---------------------- --------------------------------------------------
-0.0 NO_RECEIVED            Informational: message has no Received headers
 0.2 NORMAL_HTTP_TO_IP      URI: URI host has a public dotted-decimal IPv4
                            address
 5.3 DRUGS_ERECTILE         Refers to a drug
`;

    expect(readSpamAssassin(report)).to.deep.equal({
      ...{ program: 'SpamAssassin', score: 5.5, limit: 5 },
      rules: [
        { points: 5.3, name: 'DRUGS_ERECTILE', words: 'Refers to a drug' },
        { points: 0.2, name: 'NORMAL_HTTP_TO_IP', words: 'URI: URI host has a public dotted-decimal IPv4 address' },
      ],
    });
    expect(readSpamAssassin('')).to.equal(null);
  });

  it('is read from Rspamd', () => {
    const output = JSON.stringify({
      ...{ score: 6.5, required_score: 15, action: 'add header' },
      symbols: { BAD: { score: 6.5, description: 'A bad thing' }, GOOD: { score: -1 } },
    });

    expect(readRspamd(output)).to.deep.equal({
      ...{ program: 'Rspamd', score: 6.5, limit: 15 },
      rules: [{ points: 6.5, name: 'BAD', words: 'A bad thing' }],
    });
    expect(readRspamd('IO write error: Connection refused')).to.equal(null);
    expect(readRspamd('{"score":"x"}')).to.equal(null);
  });
});

describe('the theme of a preview', () => {
  it('makes what a style sheet says for it hold always, and what it says for the other never', () => {
    const css = '@media (prefers-color-scheme: dark){p{color:red}}@media ( prefers-color-scheme:LIGHT ){p{color:blue}}';

    expect(forceTheme(css, 'dark')).to.equal(
      '@media (min-width: 0px){p{color:red}}@media (max-width: 0px){p{color:blue}}',
    );
    expect(forceTheme(css, 'light')).to.equal(
      '@media (max-width: 0px){p{color:red}}@media (min-width: 0px){p{color:blue}}',
    );
  });
});
