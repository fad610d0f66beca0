import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { simpleParser } from 'mailparser';
import type { Browser } from 'playwright-core';
import { Refusal } from '../../server/errors.js';
import { injectFooter, prepareMessage } from '../../server/mail/footer-engine.js';
import type { Footer } from '../../server/mail/footer.js';
import { launchBrowser } from '../support/browser.js';
import { TEST_DATABASE_URL } from '../support/database.js';
import { describeWithShared } from '../support/shared.js';
import { BOUNDARY, FOOTER, HEADERS, LINKS } from './footers.js';
import { HOSTILE_MARKUP, HOSTILE_SHEETS } from './hostile-styles.js';
import { openViewer, type Viewer } from './looks.js';

/** A folder in which pictures of the footers are left. */
const PICTURES = process.env['SCREENSHOTS'];
const NEWSLETTERS = 40;
const HEAD =
  'Subject: x\r\nMIME-Version: 1.0\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n';
const PHONE = { width: 390, scheme: 'dark' } as const;
// No database is asked: where the tests run on both, one view is enough the second time.
const VIEWS = TEST_DATABASE_URL
  ? [PHONE]
  : ([
      { width: 390, scheme: 'light' },
      PHONE,
      { width: 1280, scheme: 'light' },
      { width: 1280, scheme: 'dark' },
    ] as const);
const ARABIC: Footer = {
  ...FOOTER,
  why: 'تصلك هذه الرسالة لأن الاشتراك في «الأخبار» تأكّد لهذا العنوان في 3 ديسمبر 2026.',
  unsubscribeLabel: 'إلغاء الاشتراك من «News»',
  settingsLabel: 'إعدادات البريد',
  noticeLabel: 'كيف نستخدم بياناتك',
  language: 'ar',
  dir: 'rtl',
};

describeWithShared('the footers of real newsletters in Chromium', ['corpus'], function (corpus) {
  this.timeout(120_000);
  let browser: Browser | null = null;
  let viewer: Viewer | null = null;
  before(async function () {
    browser = await launchBrowser();
    if (!browser) return this.skip();
    viewer = await openViewer(browser);
  });
  after(async () => {
    await viewer?.close();
    await browser?.close();
  });

  it(`are in the flow, seen, legible in light and dark, on a phone and at a desk, in ${NEWSLETTERS} of them`, async () => {
    const newsletters = await choose(corpus);
    expect(newsletters).to.have.length(NEWSLETTERS);
    const faults: string[] = [];

    for (const [place, { name, html }] of newsletters.entries()) {
      for (const view of VIEWS) {
        await viewer!.show(html, view);
        const found = await viewer!.faults(Object.values(LINKS));
        faults.push(...found.map((fault) => `${name}, ${view.width} px, ${view.scheme}: ${fault}`));
        if (PICTURES !== undefined) await keep(PICTURES, `${place}-${view.width}-${view.scheme}`, viewer!);
      }
    }

    expect(faults).to.deep.equal([]);
  });
});

describe('the footer of a mail that would rather have none, in Chromium', function () {
  this.timeout(120_000);
  let browser: Browser | null = null;
  let viewer: Viewer | null = null;
  before(async function () {
    browser = await launchBrowser();
    if (!browser) return this.skip();
    viewer = await openViewer(browser);
  });
  after(async () => {
    await viewer?.close();
    await browser?.close();
  });

  const sheets = HOSTILE_SHEETS.map(
    (css) => `<html><head><style>${css}</style></head><body style="a:b;c:d"><p>Hi</p></body></html>`,
  );
  for (const [what, mails] of [
    ['style sheets', sheets],
    ['markup', HOSTILE_MARKUP],
  ] as const) {
    it(`is seen whatever its ${what} say, or does not stand in it`, async () => {
      const faults: string[] = [];
      let seen = 0;

      for (const mail of mails) {
        const html = await withFooter(Buffer.from(HEAD + mail));
        if (html === null) continue;
        seen += 1;
        await viewer!.show(html, { width: 800, scheme: 'light' });
        const found = await viewer!.faults(Object.values(LINKS));
        faults.push(...found.map((fault) => `${mail}: ${fault}`));
      }

      expect(faults).to.deep.equal([]);
      expect(seen).to.be.within(5, mails.length - 10);
    });
  }
});

describe('the footer in a language that is read from right to left, in Chromium', function () {
  this.timeout(60_000);

  it('begins at the right, of whatever the mail says of directions', async function () {
    const browser = await launchBrowser();
    if (!browser) return this.skip();
    const viewer = await openViewer(browser);
    const mail =
      '<html dir="ltr"><head><style>div{direction:ltr!important}</style></head><body><p>Hi</p></body></html>';
    const html = (await withFooter(Buffer.from(HEAD + mail), ARABIC)) ?? '';

    await viewer.show(html, PHONE);
    const faults = await viewer.faults(Object.values(LINKS));
    const left = await viewer.leftOf(LINKS.unsubscribe);
    await viewer.close();
    await browser.close();

    expect(faults).to.deep.equal([]);
    expect(left).to.be.above(PHONE.width / 3);
  });
});

async function keep(folder: string, name: string, viewer: Viewer): Promise<void> {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${name}.png`), await viewer.picture());
}

interface Newsletter {
  readonly name: string;
  /** With its footer, as a parser that is not ours reads it. */
  readonly html: string;
}

/** The same ones each time: HTML of every source in turn, in the order of their hashes, and of the mails. */
async function choose(corpus: string): Promise<Newsletter[]> {
  const templates = rowsOf(corpus, 'templates').filter(({ file }) => file.endsWith('.html'));
  const turnOf = (row: Row): number => templates.filter(({ source }) => source === row.source).indexOf(row);
  const inTurns = [...templates].sort((a, b) => turnOf(a) - turnOf(b));
  const made = await firstOf(inTurns, NEWSLETTERS - 12, ({ bytes }) => Buffer.concat([Buffer.from(HEAD), bytes]));
  return [...made, ...(await firstOf(rowsOf(corpus, 'mime'), 12, ({ bytes }) => bytes))];
}

interface Row {
  readonly file: string;
  readonly source: string;
  readonly sha256: string;
  readonly path: string;
}

function rowsOf(corpus: string, folder: string): Row[] {
  return readFileSync(join(corpus, folder, 'INDEX.tsv'), 'utf8')
    .split('\n')
    .slice(1)
    .map((line) => line.split('\t'))
    .filter(([file, kind]) => file && (kind === 'template' || kind === 'message'))
    .map(([file = '', , source = '', , , , , sha256 = '']) => ({
      file,
      source,
      sha256,
      path: join(corpus, folder, file),
    }))
    .sort((a, b) => (a.sha256 < b.sha256 ? -1 : 1));
}

async function firstOf(
  rows: readonly Row[],
  count: number,
  messageOf: (mail: { bytes: Buffer }) => Buffer,
): Promise<Newsletter[]> {
  const chosen: Newsletter[] = [];
  for (const { file, path } of rows) {
    if (chosen.length === count) break;
    const html = await withFooter(messageOf({ bytes: readFileSync(path) }));
    if (html !== null && html.length > MANY) chosen.push({ name: file, html });
  }
  return chosen;
}

/** So many characters of HTML make a newsletter rather than a note. */
const MANY = 6_000;

/** null: it has no HTML of its own, or none that a footer could be seen in. */
async function withFooter(raw: Buffer, footer = FOOTER): Promise<string | null> {
  try {
    const prepared = prepareMessage(raw, { signed: 'wrap' });
    if (prepared.plan.kind !== 'inject' || !prepared.plan.targets.some(({ isHtml }) => isHtml)) return null;
    const { message } = injectFooter(prepared, { footer, headers: HEADERS, boundary: BOUNDARY });
    const { html } = await simpleParser(message, { skipImageLinks: true });
    return typeof html === 'string' ? html : null;
  } catch (error) {
    if (error instanceof Refusal) return null;
    throw error;
  }
}
