import { expect } from 'chai';
import { simpleParser } from 'mailparser';
import { messageIdField } from '../../server/mail/headers.js';
import { hole } from '../../server/mail/hole.js';
import { htmlToText } from '../../server/mail/html-to-text.js';
import { injectHtml, injectText } from '../../server/mail/inject.js';
import { campaignFields, unsubscribeFields } from '../../server/mail/list-headers.js';
import { fillPlaceholders } from '../../server/mail/placeholders.js';
import { compileSkeleton, fillSkeleton, formatMail } from '../../server/mail/skeleton.js';
import { proveLinks } from '../../server/mail/visible.js';

const URLS = { unsubscribeUrl: hole('unsubscribe_url'), preferencesUrl: hole('preferences_url') };
const FOOTER = {
  ...URLS,
  why: `Potwierdzono zapis tego adresu: ${hole('confirmed_on')}`,
  unsubscribeLabel: 'Wypisz mnie z listy „News”',
  settingsLabel: 'Ustawienia wiadomości',
  identity: 'Księgarnia, ul. Długa 1, Łódź',
  noticeLabel: 'Jak przetwarzamy dane',
  noticeUrl: 'https://example.org/privacy/shop',
  language: 'pl',
  dir: 'ltr',
} as const;

function compile(template: string) {
  const html = fillPlaceholders(template, 'html', {
    ...URLS,
    list: 'News',
    organisation: 'Księgarnia',
    webVersionUrl: '',
  });
  return compileSkeleton({
    headers: campaignFields({
      from: { name: 'Księgarnia', address: 'news@example.org' },
      subject: 'Nowości',
      listName: 'News',
      listId: 'news.example.org',
      feedbackId: ['c1', 'news', 'campaign', 'zgoda'],
    }),
    html: injectHtml(html, FOOTER).html,
    text: injectText(htmlToText(html), FOOTER).text,
    boundary: 'b0undaryb0undary42',
  });
}

describe('a campaign from template to mail', () => {
  const templates = {
    'without placeholders': '<html><body><p>Żółw od {{organisation}}</p></body></html>',
    'with one placeholder': '<html><body><p>Żółw <a href="{{unsubscribe_url}}">Wypisz</a></p></body></html>',
    'with both placeholders':
      '<body>Żółw <a href="{{unsubscribe_url}}">Wypisz</a> <a href="{{preferences_url}}">Ustaw</a></body>',
  };

  for (const [name, template] of Object.entries(templates)) {
    it(`shows every recipient their own two links once in each part, ${name}`, async () => {
      const skeleton = compile(template);

      for (const token of ['a'.repeat(60), `b=${'Q-_'.repeat(50)}`]) {
        const [u, p] = [`https://example.org/u/${token}?a=1&b=2`, `https://example.org/p/${token}`];
        const mail = fillSkeleton(skeleton, {
          to: { address: 'ada@example.com' },
          messageId: messageIdField('x1', 'example.org'),
          date: new Date(0),
          holes: { unsubscribe_url: u, preferences_url: p, confirmed_on: '2 marca <2026>' },
          headers: unsubscribeFields(u),
        });
        const { html, text = '' } = await simpleParser(formatMail(mail));

        const whyUnseen = proveLinks(html || '');
        expect([whyUnseen(u), whyUnseen(p)]).to.deep.equal([null, null]);
        expect(text.split(`<${u}>`)).to.have.length(2);
        expect(text.split(`<${p}>`)).to.have.length(2);
        expect(text + (html || '')).not.to.match(/[\ufdd0\ufdd1]/);
      }
    });
  }

  it('adds nothing the second time', () => {
    const once = injectHtml('<body>a</body>', FOOTER).html;

    expect(injectHtml(once, FOOTER).length).to.equal(0);
    expect(injectText(injectText('a', FOOTER).text, FOOTER).length).to.equal(0);
  });
});
