import axe from 'axe-core';
import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { ROOT } from '../../server/config.js';
import { loadCatalogs } from '../../server/web/i18n.js';
import { makeRenderer } from '../../server/web/render.js';
import { launchBrowser } from '../support/browser.js';
import { TEST_DATABASE_URL } from '../support/database.js';
import { pageFixtures } from '../support/pages.js';

const CSP = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'";
const renderer = makeRenderer({ root: ROOT, catalogs: loadCatalogs(ROOT) });
const css = readFileSync(join(ROOT, 'public', 'zgoda.css'), 'utf8');

// WCAG 1.4.12: what a reader may set must not break the page.
const SPACING = '* { line-height: 1.5 !important; letter-spacing: 0.12em !important; word-spacing: 0.16em !important }';

const VIEWS = [
  { width: 320, colorScheme: 'light' },
  { width: 320, colorScheme: 'dark' },
  { width: 1280, colorScheme: 'light' },
  { width: 1280, colorScheme: 'dark' },
] as const;

describe('pages in a browser', function () {
  this.timeout(60_000);
  let browser: Browser | null = null;
  let page: Page;
  let shown = '';

  before(async function () {
    browser = await launchBrowser();
    if (!browser) {
      console.log('    Chromium is not installed: pages are not checked in a browser');
      this.skip();
    }
    page = await browser.newPage();
    await page.route('**/*', async (route) => {
      const isStyle = route.request().url().includes('/zgoda.css');
      const headers = { 'content-security-policy': CSP };
      const contentType = isStyle ? 'text/css' : 'text/html; charset=utf-8';
      await route.fulfill({ body: isStyle ? css : shown, contentType, headers });
    });
  });

  after(async () => {
    await browser?.close();
  });

  // Pages are the same on each database: where the tests run on both, the longer language is enough the second time.
  for (const language of TEST_DATABASE_URL ? (['pl'] as const) : (['en', 'pl'] as const)) {
    for (const { name, view, data } of pageFixtures(language)) {
      it(`${name} (${language}) has no fault that axe can find, and fits a phone, larger text and wider spacing`, async () => {
        shown = renderer.page(view, data);
        await page.setViewportSize({ width: 320, height: 640 });
        await page.goto(`http://zgoda.test/${name}`);
        await page.evaluate(axe.source);

        for (const [shownBefore, { width, colorScheme }] of VIEWS.entries()) {
          await page.setViewportSize({ width, height: 640 });
          await page.emulateMedia({ colorScheme });
          expect(await faults(page, shownBefore ? SEEN : EVERYTHING), `${width}px ${colorScheme}`).to.deep.equal([]);
        }
        expect(await overflow(page, { width: 320, css: '' })).to.equal(0);
        expect(await overflow(page, { width: 320, css: SPACING })).to.equal(0);
        expect(await overflow(page, { width: 640, css: 'html { font-size: 200% }' })).to.equal(0);
      });
    }
  }

  it('lets the keyboard skip to the content, then choose the language', async () => {
    const [list] = pageFixtures('en');
    shown = renderer.page(list!.view, list!.data);
    await page.goto('http://zgoda.test/list');
    await page.keyboard.press('Tab');
    const first = await page.evaluate(
      'document.activeElement.getBoundingClientRect().top >= 0 && document.activeElement.hash',
    );
    await page.keyboard.press('Tab');
    const second = await page.evaluate('document.activeElement.lang');

    expect([first, second]).to.deep.equal(['#main', 'pl']);
  });

  it('keeps the field for robots out of sight and out of the tab order', async () => {
    const [list] = pageFixtures('en');
    shown = renderer.page(list!.view, list!.data);
    await page.goto('http://zgoda.test/list');
    const names: unknown[] = [];
    for (let press = 0; press < 12; press++) {
      await page.keyboard.press('Tab');
      names.push(await page.evaluate('document.activeElement.name'));
    }

    expect(names).to.include.members(['email', 'consent']).and.not.to.include('website');
  });
});

const EVERYTHING = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
// Width and colours change only what these see; the rest of the document stays the same.
const SEEN = ['color-contrast', 'target-size', 'scrollable-region-focusable', 'link-in-text-block'];

async function faults(page: Page, what: string[]): Promise<unknown[]> {
  const options = { runOnly: what, resultTypes: ['violations'], rules: { 'target-size': { enabled: true } } };
  const run = `axe.run(${JSON.stringify(options)})`;
  const { violations } = await page.evaluate<axe.AxeResults>(run);
  return violations.map(({ id, nodes }) => ({ id, nodes: nodes.map((node) => node.html) }));
}

/** By how many pixels the page is wider than the window, under an extra style sheet. */
async function overflow(page: Page, { width, css: extra }: { width: number; css: string }): Promise<unknown> {
  await page.setViewportSize({ width, height: 640 });
  return page.evaluate(`(() => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(${JSON.stringify(extra)});
    document.adoptedStyleSheets = [sheet];
    const over = document.documentElement.scrollWidth - window.innerWidth;
    document.adoptedStyleSheets = [];
    return Math.max(over, 0);
  })()`);
}
