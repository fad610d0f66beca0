import { expect } from 'chai';
import { ROOT } from '../../server/config.js';
import { readMailTemplates, composeMail, type MailName, type Mails } from '../../server/mail/compose.js';
import type { MailTemplates } from '../../server/mail/compose.js';
import { loadCatalogs } from '../../server/web/i18n.js';

const MOMENT = new Date('2026-12-03T13:05:00Z');
const LATER = new Date('2026-12-10T13:05:00Z');
const BASE = {
  zone: 'Europe/Warsaw',
  organisation: { name: 'Nuts & <Bolts>', legalName: 'Nuts & Bolts Ltd', postalAddress: '4 Mill Lane, Poznań' },
  noticeUrl: 'https://zgoda.example/privacy/bolts',
  linkHost: 'zgoda.example',
};
const MAILS: Mails = {
  confirmation: {
    ...BASE,
    list: 'News',
    isTracking: false,
    wordings: ['I want "News" <weekly>.'],
    origin: { kind: 'form', host: 'www.bolts.example' },
    requestedAt: MOMENT,
    confirmUrl: 'https://zgoda.example/c/CONFIRM',
    expiresAt: LATER,
    byReply: true,
    notMeUrl: 'https://zgoda.example/n/NOTME',
    purgeAt: LATER,
  },
  already: {
    ...BASE,
    list: 'News',
    isTracking: false,
    origin: { kind: 'phone' },
    requestedAt: MOMENT,
    settingsUrl: 'https://zgoda.example/p/SETTINGS',
  },
  magic: { ...BASE, requestedAt: MOMENT, magicUrl: 'https://zgoda.example/m/MAGIC', expiresAt: LATER },
};
const LINKS: Record<MailName, string[]> = {
  confirmation: [MAILS.confirmation.confirmUrl, MAILS.confirmation.notMeUrl, BASE.noticeUrl],
  already: [MAILS.already.settingsUrl, BASE.noticeUrl],
  magic: [MAILS.magic.magicUrl, BASE.noticeUrl],
};

describe('mails', () => {
  let templates: MailTemplates;

  before(() => {
    templates = readMailTemplates(ROOT, loadCatalogs(ROOT));
  });

  for (const language of ['en', 'pl']) {
    for (const name of ['confirmation', 'already', 'magic'] as const) {
      it(`${name} (${language}) has its links and no other, no image, no font and no script`, () => {
        const { html, text } = composeMail(templates, name, language, MAILS[name]);
        const hrefs = [...html.matchAll(/\b(?:href|src|action|background)="([^"]*)"/g)].map((match) => match[1]);

        expect(hrefs).to.deep.equal(LINKS[name]);
        expect(text.match(/^https?:\S+$/gm)).to.deep.equal(LINKS[name]);
        expect(text.match(/https?:/g)).to.have.length(LINKS[name].length);
        expect(html).not.to.match(/<img|url\(|@import|@font-face|<script|<link|fonts\.google/);
        expect(html).to.contain(`lang="${language}"`).and.to.contain('name="color-scheme" content="light dark"');
        expect(html + text).not.to.match(/undefined|\{\{|\}\}|\[object/);
        expect(Buffer.byteLength(html)).to.be.below(12_000);
      });
    }
  }

  it('say the exact words, escaped in HTML and plain in text', () => {
    const { subject, html, text } = composeMail(templates, 'confirmation', 'en', MAILS.confirmation);

    expect(subject).to.equal('Please confirm: News');
    expect(text).to.contain('on 3 December 2026 this address was entered in the form at www.bolts.example,');
    expect(text).to.contain('Sender: Nuts & <Bolts>\nList: News\nText agreed to: "I want "News" <weekly>."\n');
    expect(text).to.contain('until 10 December 2026 at 14:05 (Central European Time). All links in this mail');
    expect(html).to.contain('Nuts &amp; &lt;Bolts&gt;').and.to.contain('&lt;weekly&gt;').and.not.to.contain('<weekly>');
  });

  for (const [language, words, not] of [
    ['en', 'the box for this consent was ticked', 'to receive e-mail'],
    ['pl', 'zaznaczono tę zgodę', 'aby otrzymywać wiadomości'],
  ] as const) {
    it(`promise no mail to whoever is asked about tracking (${language})`, () => {
      const { html, text } = composeMail(templates, 'confirmation', language, {
        ...MAILS.confirmation,
        isTracking: true,
      });

      const again = composeMail(templates, 'already', language, { ...MAILS.already, isTracking: true });

      expect(again.subject + again.text).not.to.match(/\blist[ae]?\b|Lista:|e-mail\./i);
      for (const part of [html, text]) expect(part).to.contain(words).and.not.to.contain(not);
      expect(text).not.to.match(/^List[a:]/m);
    });
  }

  it('keep a line break in a name out of the subject', () => {
    const { subject } = composeMail(templates, 'confirmation', 'pl', {
      ...MAILS.confirmation,
      list: 'News\r\nBcc: eve@example.org',
    });

    expect(subject).to.equal('Potwierdź zapis: News Bcc: eve@example.org');
  });

  it('are the same for the same arguments', () => {
    const compose = () => composeMail(templates, 'magic', 'pl', MAILS.magic);

    expect(compose()).to.deep.equal(compose());
  });
});
