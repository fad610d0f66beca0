import { join } from 'node:path';
import axe from 'axe-core';
import { expect } from 'chai';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { ROOT } from '../../server/config.js';
import { firstRunLink } from '../../server/staff/first-run.js';
import { launchBrowser } from '../support/browser.js';
import { checkLedger, startTestService, type TestService } from '../support/service.js';
import { linkIn } from '../support/story.js';

const OWNER = { email: 'owner@bookshop.example', password: 'a long enough phrase' };

const READERS = [
  { name: 'at a desk, in English', locale: 'en-GB', width: 1280, scheme: 'light', script: true },
  { name: 'on a phone in the dark, in Polish', locale: 'pl-PL', width: 320, scheme: 'dark', script: true },
  { name: 'without JavaScript, in Polish', locale: 'pl-PL', width: 640, scheme: 'light', script: false },
] as const;

describe('the whole story in Chromium', function () {
  this.timeout(120_000);

  let browser: Browser | null = null;
  before(async function () {
    browser = await launchBrowser();
    if (!browser) this.skip();
  });
  after(async () => browser?.close());

  for (const reader of READERS) {
    describe(reader.name, () => {
      let service: TestService;
      let context: BrowserContext;
      let page: Page;
      /** What went wrong on any page: answers that are no pages, errors of scripts. */
      const troubles: string[] = [];

      before(async () => {
        service = await startTestService();
        context = await browser!.newContext({
          locale: reader.locale,
          viewport: { width: reader.width, height: 720 },
          colorScheme: reader.scheme,
          javaScriptEnabled: reader.script,
        });
        page = await context.newPage();
        page.on('pageerror', (error) => troubles.push(error.message));
        page.on('response', (answer) => {
          if (answer.status() >= 400 && answer.status() !== 422) troubles.push(`${answer.status()} ${answer.url()}`);
        });
      });
      after(async () => {
        await context.close();
        await checkLedger(service.ctx);
        await service.stop();
      });
      afterEach(() => expect(troubles.splice(0)).to.deep.equal([]));

      const address = 'jo.nowak@gmail.com';

      it('signs up, and is told at the box when it was not ticked', async () => {
        await visit('/');
        await press(page.locator('a[href^="/lists/news"]').first());
        await page.fill('input[name=email]', address);
        await press(page.locator('form[data-act=subscribe] button'));
        await page.locator('[role=alert]').first().waitFor();

        expect(await page.inputValue('input[name=email]')).to.equal(address);
        await page.check('input[name=consent]');
        await press(page.locator('form[data-act=subscribe] button'));
        expect(await page.locator('main').innerText()).to.contain(address);
      });

      it('reads the mail in the mailbox', async () => {
        const mail = await service.mailTo(address);

        await visit('/mailbox');
        await press(page.locator(`a[href*="${mail.id}"]`).first());

        const frame = page.locator('iframe').first().contentFrame();
        expect(await frame.locator('body').innerText()).to.contain('Wisła Bookshop');
      });

      it('confirms by the button, and reads the receipt', async () => {
        await visit(linkIn(await service.mailTo(address), 'c'));
        await press(page.locator('form[data-act=confirm] button'));
        const [receipt] = await Promise.all([
          context.waitForEvent('page'),
          page.locator('a[href*="/r/"]').first().click(),
        ]);
        await receipt.waitForLoadState();
        expect(await receipt.locator('main').innerText()).to.contain(address);
        await look(receipt);
        await receipt.close();

        // The page with the links is still there: it cannot be had a second time.
        expect(await page.locator('a[href*="/receipts/"]').count()).to.equal(1);
      });

      it('steers the list from the settings that a mailed link opens', async () => {
        await visit('/preferences');
        await page.fill('input[name=email]', address);
        await press(page.locator('form[data-act=magic] button'));
        await visit(linkIn(await service.mailTo(address, 2), 'm'));
        await press(page.locator('main form button').first());
        await page.check('input[name=choice][value=monthly]');
        await press(page.locator('form[data-act=preferences] button').first());

        const [consent] = await service.ctx.db.query<{ frequency: string }>('select frequency from consent');
        expect(consent?.frequency).to.equal('monthly');
      });

      it('makes the first login, uploads a campaign, tests it and sends it', async () => {
        await visit((await firstRunLink(service.ctx)) ?? '');
        await page.fill('input[name=email]', OWNER.email);
        await page.fill('input[name=password]', OWNER.password);
        await press(page.locator('main form button').first());
        await visit('/admin/upload');
        await page.setInputFiles('input[type=file]', join(ROOT, 'public', 'sample-newsletter.mjml'));
        await press(page.locator('form[data-act=upload] button').last());
        await press(page.locator('form[data-act=test] button'));
        expect((await service.mailTo(OWNER.email)).parsed.subject).to.contain('Three books');
        await press(page.locator('section a[href$="/audience"]'));
        await page.fill('#after', '2020-01-01');
        await press(page.locator('form[method=get] button'));
        await page.fill('#name', 'Since 2020');
        await press(page.locator('form[data-act=segment] button'));
        await press(page.locator('form[data-act=audience] button'));
        await press(page.locator('a[data-act=ask-send]'));
        await Promise.all([page.waitForEvent('load'), page.locator('form[data-act=send] button').click()]);
        // The page is shown anew once all is sent: which may be while it is looked at.
        if (reader.script) await page.locator('[data-live]').waitFor({ state: 'detached' });
        await page.waitForLoadState('load');
        await look();

        const mail = await service.mailTo(address, 3);
        expect(mail.parsed.headers.get('list')).to.have.property('unsubscribe-post');
        expect(linkIn(mail, 'u')).to.contain('/u/');
        await visit('/admin/segments');
        await visit('/admin/sending');
        await visit('/admin');
        expect(await page.locator('main').innerText()).to.contain('Three books');
      });

      it('answers from a forwarded mail what can be proven, and shows the address for a reason', async () => {
        const { raw } = await service.mailTo(address, 3);
        await visit('/admin/people');
        await page.setInputFiles('#file', { name: 'mail.eml', mimeType: 'message/rfc822', buffer: raw });
        await press(page.locator('form[data-act=find-mail] button'));
        expect(await page.locator('h1').innerText()).to.contain('j…@gmail.com');
        await page.fill('#reason', 'She asks what we hold');
        await press(page.locator('form[data-act=unmask] button'));

        expect(await page.locator('h1').innerText()).to.equal(address);
        expect(await page.locator('.check-good').count()).to.be.at.least(3);
        expect(await page.locator('a[href*="/receipts/"]').count()).to.equal(1);
        await press(page.locator('a[href*="/r/"]'));
      });

      it('notes a sign-up by phone, is told at the field what is missing, and sees what came of it', async () => {
        const caller = 'ada.caller@gmail.com';
        await visit('/admin/people/new');
        await press(page.locator('form[data-act=enter] button'));
        expect(await page.locator('[role=alert] a').count()).to.be.at.least(4);
        await page.fill('#email', caller);
        await page.check('#how-phone');
        await page.fill('#day', new Date(Date.now() - 86_400_000).toISOString().slice(0, 10));
        await page.fill('#time', '10:05');
        await page.locator('#wording input').first().check();
        await page.fill('#note', 'She called the shop.');
        await press(page.locator('form[data-act=enter] button'));

        expect(await page.locator('h1').innerText()).to.equal(caller);
        expect((await service.mailTo(caller)).parsed.text).to.match(/by phone|telefonicznie/);
        await visit('/admin/people');
        await page.fill('#email', caller);
        await press(page.locator('form[data-act=find] button'));
        expect(await page.locator('.consent-pending').count()).to.equal(1);
      });

      it('drops a message on the preview, and sees it as it is read and what is added', async () => {
        const { raw } = await service.mailTo(address, 3);
        await visit('/admin/preview');
        await page.setInputFiles('#file', { name: 'mail.eml', mimeType: 'message/rfc822', buffer: raw });
        await press(page.locator('form[data-act=preview] button'));

        const frame = page.locator('iframe').first().contentFrame();
        expect(await frame.locator('body').innerText()).to.contain('Wisła Bookshop');
        expect(await frame.locator('a[href*="/u/"]').count()).to.equal(2);
        expect(await page.locator('.source ins').count()).to.be.at.least(4);
        await visit('/admin/preview');
        await page.fill('#mail', 'hello');
        await press(page.locator('form[data-act=preview] button'));
        expect(await page.locator('.told-refused').count()).to.equal(1);
      });

      it('makes a credential for another program, and takes it back', async () => {
        await visit('/admin/gateway');
        await press(page.locator('a[href="/admin/gateway/credentials"]').first());
        await press(page.locator('a[href$="/credentials/new"]'));
        await press(page.locator('form[data-act=credential] button'));
        expect(await page.locator('[role=alert] a').count()).to.equal(2);
        await page.fill('#name', 'Vtiger');
        await page.check('#list-news');
        await press(page.locator('form[data-act=credential] button'));
        expect(await page.locator('.told .record').count()).to.equal(2);
        await press(page.locator('a[data-act=ask-revoke]'));
        await press(page.locator('form[data-act=revoke] button'));

        expect(await page.locator('.credential-revoked').count()).to.equal(1);
        await visit('/admin/gateway/credentials');
      });

      it('leaves by the link at the foot of the newsletter, and sees the story told', async () => {
        await visit(linkIn(await service.mailTo(address, 3), 'u'));
        await press(page.locator('form[data-act=unsubscribe] button').first());

        const [consent] = await service.ctx.db.query<{ state: string }>(
          `select state from consent where state <> 'pending'`,
        );
        expect(consent?.state).to.equal('withdrawn');
        await visit('/');
        await visit('/log');
        await visit('/privacy/demo');
        await visit('/preferences');
      });

      /** Opens an address and looks at the page. */
      async function visit(address: string): Promise<void> {
        await page.goto(new URL(address, service.base).href);
        await look();
      }

      /** Presses what is there, as a person would, and looks at what comes. */
      async function press(what: ReturnType<Page['locator']>): Promise<void> {
        await Promise.all([page.waitForEvent('load'), what.click()]);
        await look();
      }

      /** Nothing sticks out, and axe finds no fault. It needs scripts: without them the others have looked. */
      async function look(at = page): Promise<void> {
        expect(await at.title()).to.not.equal('');
        if (!reader.script) return;
        expect(await at.evaluate('document.documentElement.scrollWidth'), at.url()).to.be.at.most(reader.width);
        await at.evaluate(axe.source);
        const { violations } = await at.evaluate<axe.AxeResults>('axe.run(document, { iframes: false })');
        const faults = violations.map(({ id, nodes }) => [id, nodes.map((node) => node.html)]);
        expect(faults, at.url()).to.deep.equal([]);
      }
    });
  }
});
