import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import axe from 'axe-core';
import { expect } from 'chai';
import type { Browser, Page } from 'playwright-core';
import { ROOT } from '../../server/config.js';
import { launchBrowser } from '../support/browser.js';
import { receipt, vkey } from '../support/receipts.js';
import { startTestService, type TestService } from '../support/service.js';

const FILE = join(ROOT, 'public', 'verify.html');

describe('The page that checks receipts', function () {
  this.timeout(120_000);
  let browser: Browser | null = null;
  let page: Page;
  const asked: string[] = [];
  before(async function () {
    browser = await launchBrowser();
    if (!browser) return this.skip();
    page = await browser.newPage({ locale: 'en-GB' });
    page.on('request', (request) => asked.push(request.url()));
    page.on('pageerror', (error) => asked.push(`error: ${error.message}`));
    await page.goto(pathToFileURL(FILE).href);
  });
  after(async () => {
    await browser?.close();
  });

  it('carries a policy of its own that lets only what is in it run, and nothing be asked for', () => {
    const html = readFileSync(FILE, 'utf8');
    const [policy = ''] = /(?<=http-equiv="Content-Security-Policy"\s+content=")[^"]+/.exec(html) ?? [];

    for (const tag of ['script', 'style']) {
      const inside = new RegExp(`<${tag}>([^]*?)</${tag}>`).exec(html)?.[1] ?? '';
      const hash = createHash('sha256').update(inside).digest('base64');
      expect(policy, `the hash of its ${tag}`).to.contain(`${tag}-src 'sha256-${hash}'`);
    }
    expect(policy).to.contain("default-src 'none'").and.not.to.contain('connect-src');
    expect(html).not.to.match(/\b(src|href|action)=|fetch\(|XMLHttpRequest|import\(|eval\(|innerHTML/);
  });

  it('takes a file, tells the result first, and what was agreed', async () => {
    await page.reload();
    await page.fill('#keys', vkey);
    await page.setInputFiles('#file', {
      name: 'receipt.json',
      mimeType: 'application/json',
      buffer: Buffer.from(await receipt()),
    });

    expect(await page.locator('#result h2').first().innerText()).to.equal('✓ Valid');
    expect(await page.evaluate('document.activeElement.id')).to.equal('result');
    expect(await page.locator('#result').innerText())
      .to.contain('Yes, mail me the news')
      .and.contain('ada@example.org');
    await page.click('#pl');
    expect(await page.locator('#result h2').first().innerText()).to.equal('✓ Ważny');
    expect(await page.title()).to.equal('Ważny – Sprawdź dowód zgody');
    await page.click('#en');
  });

  it('asks for a receipt where there is none', async () => {
    await page.reload();
    await page.click('button[type=submit]');

    expect(await page.locator('#wrong').innerText()).to.contain('choose a file');
  });

  it('asks nobody for anything', () => {
    expect(asked.filter((url) => !url.startsWith('file:'))).to.deep.equal([]);
  });

  describe('served by Zgoda', () => {
    let service: TestService;
    before(async () => {
      service = await startTestService();
    });
    after(async () => service.stop());

    for (const [scheme, width] of [
      ['light', 1280],
      ['dark', 320],
    ] as const) {
      it(`runs under a policy for it alone, and is there for everybody (${scheme}, ${width} px)`, async () => {
        const context = await browser!.newContext({
          colorScheme: scheme,
          viewport: { width, height: 700 },
          bypassCSP: false,
        });
        const served = await context.newPage();
        const answer = await served.goto(`${service.base}/public/verify.html`);
        await served.fill('#keys', vkey);
        await served.setInputFiles('#file', {
          name: 'r.json',
          mimeType: 'application/json',
          buffer: Buffer.from(await receipt()),
        });

        expect(await served.locator('#result h2').first().innerText()).to.contain('Valid');
        expect(answer?.headers()['content-security-policy']).to.contain("default-src 'none'").and.contain("'sha256-");
        expect(answer?.headers()['cache-control']).not.to.contain('immutable');
        const overflow = await served.evaluate('document.documentElement.scrollWidth - innerWidth');
        expect(overflow).to.be.at.most(0);
        await context.close();
        const plain = await browser!.newContext({
          colorScheme: scheme,
          viewport: { width, height: 700 },
          bypassCSP: true,
        });
        const audited = await plain.newPage();
        await audited.goto(`${service.base}/public/verify.html`);
        await audited.setInputFiles('#file', {
          name: 'r.json',
          mimeType: 'application/json',
          buffer: Buffer.from(await receipt()),
        });
        await audited.addScriptTag({ content: axe.source });
        const faults = await audited.evaluate(
          'axe.run().then((found) => found.violations.map((one) => `${one.id}: ${one.nodes.map((node) => node.html)}`))',
        );
        expect(faults).to.deep.equal([]);
        await plain.close();
      });
    }
  });
});
