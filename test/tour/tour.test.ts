import { readFile } from 'node:fs/promises';
import { join as joinPath } from 'node:path';
import axe from 'axe-core';
import { expect } from 'chai';
import express from 'express';
import type { Browser } from 'playwright-core';
import request from 'supertest';
import { releaseCampaign } from '../../server/campaigns/release.js';
import { createCampaign } from '../../server/campaigns/upload.js';
import { ROOT } from '../../server/config.js';
import { tourRoutes } from '../../server/tour/routes.js';
import { loadCatalogs } from '../../server/web/i18n.js';
import { makeRenderer } from '../../server/web/render.js';
import { launchBrowser } from '../support/browser.js';
import { checkLedger, eventually, startTestService, type TestService } from '../support/service.js';
import { join, linkIn, pressConfirm, settingsLink, signUp } from '../support/story.js';
import { formOf, get, linksOf, post, type Page } from '../support/web.js';

const GRACE = 'grace@gmail.com';
const LANGUAGES = ['en', 'pl'] as const;

describe('the tour', function () {
  this.timeout(60_000);
  let service: TestService;
  let confirmed: Page;

  before(async () => {
    service = await startTestService();
  });
  after(async () => {
    await checkLedger(service.ctx);
    await service.stop();
  });

  const see = async (language = 'en'): Promise<Page> => get(`${service.base}/?lang=${language}`);

  /** Waits for a state of the eight steps, in both languages; returns the English page. Nobody is named in any. */
  async function stands(expected: string): Promise<Page> {
    return eventually(async () => {
      for (const language of LANGUAGES) {
        const page = await see(language);
        expect(page.status).to.equal(200);
        expect(statesOf(page), language).to.equal(expected);
        expect(page.text)
          .to.contain(`<html lang="${language}"`)
          .and.not.to.match(/undefined|\[object|grace@|boris@/);
      }
      return see();
    });
  }

  it('begins with the form, and names nobody', async () => {
    const page = await stands('next later later later later later later later');

    expect(linksOf(page, '/lists/')).to.deep.equal([`${service.base}/lists/news?lang=en`]);
    expect(page.text).to.contain('Next is step 1: Sign up').and.not.to.contain('<details');
  });

  it('tells a sign-up with its event, and waits until the mail is opened', async () => {
    await signUp(service, GRACE);
    const mail = await service.mailTo(GRACE);

    const page = await stands('done next later later later later later later');

    expect(page.text).to.contain('g…@gmail.com');
    expect(under(page, 1))
      .to.contain('<code>requested</code>')
      .and.to.match(/Commitment<\/dt><dd><code>[\w+/]{43}/);
    expect(under(page, 2)).to.contain('<code>offered</code>').and.to.contain('auto-generated').and.to.contain('DKIM');
    expect(linksOf(page, '/mailbox/')).to.include(`${service.base}/mailbox/${mail.id}?lang=en`);

    await get(`${service.base}/mailbox/${mail.id}`);
    await stands('done done next later later later later later');
  });

  it('tells the confirmation with its checkpoint, and gives the receipt', async () => {
    confirmed = await pressConfirm(linkIn(await service.mailTo(GRACE), 'c'));

    const page = await stands('done done done done next later later later');

    expect(under(page, 3)).to.contain('<code>confirmed</code>').and.to.contain('— ');
    const number = /npx zgoda verify receipt-(\d+)\.json/.exec(under(page, 4))?.[1];
    const [file = ''] = linksOf(page, '/receipts/');
    expect((await get(file)).headers.get('content-disposition')).to.contain(`receipt-${number}.json`);
    const [read = ''] = linksOf(page, '/r/');
    expect((await get(read)).text).to.contain(`receipt ${number}: `);
  });

  it('tells what was chosen', async () => {
    const settings = formOf(await get(settingsLink(confirmed)), 'preferences');
    await post(settings.action, { ...settings.fields, choice: 'weekly' });

    const page = await stands('done done done done done next later later');

    expect(under(page, 5)).to.contain('Bookshop news: at most one a week');
    expect(page.text).to.contain('Nobody has a staff account yet');
  });

  it('tells a campaign by its counts and signed headers, once it was sent', async () => {
    const id = await sample('html');
    expect((await stands('done done done done done next later later')).text).to.contain('not sent yet');
    await releaseCampaign(service.ctx, id);

    const page = await stands('done done done done done done next later');

    const headers = ['List-Id', 'List-Unsubscribe', 'List-Unsubscribe-Post', 'Feedback-ID', 'DKIM-Signature'];
    for (const name of headers) expect(under(page, 6)).to.contain(`<dt>${name}</dt>`);
    expect(under(page, 6)).to.match(/Sent<\/dt><dd>1\s/);
    expect(under(page, 6)).to.match(/d&#x3D;bookshop\.example; .*list-unsubscribe-post/s);
    expect(under(page, 7))
      .to.match(/HTML part<\/dt><dd>2\s/)
      .and.to.match(/text part<\/dt><dd>2\s/);
  });

  it('tells why a campaign was not sent to somebody', async () => {
    const id = await sample('mjml');
    await releaseCampaign(service.ctx, id);

    await eventually(async () => expect((await see()).text).to.contain('a reader wants fewer mails'));
  });

  it('ends with the withdrawal, and begins again', async () => {
    const [newsletter] = linksOf(await see(), '/mailbox/').slice(-1);
    expect(newsletter).to.be.a('string');
    const news = await service.mailTo(GRACE, 2);
    await get(`${service.base}/mailbox/${news.id}`);
    const [leave = ''] = linksOf(await stands('done done done done done done done next'), '/u/');
    const form = formOf(await get(leave), 'unsubscribe');
    await post(form.action, form.fields);

    const page = await stands('done done done done done done done done');

    expect(under(page, 8)).to.contain('<code>withdrawn</code>');
    expect(page.text).to.contain('You have seen it all').and.to.contain('Begin again with another address');
  });

  it('follows whoever signs up next, and lets steps be left out', async () => {
    const page = await join(service, 'boris@gmail.com');
    const form = formOf(await get(settingsLink(page)), 'stop-all');
    await post(form.action, form.fields);

    expect((await stands('done done done done open open open done')).text).to.contain('b…@gmail.com');
  });

  it('says what the form does not tell: that an address was on the list already', async () => {
    await join(service, 'chen@gmail.com');
    await signUp(service, 'chen@gmail.com');
    await service.mailTo('chen@gmail.com', 2);

    const page = await stands('done done done done next later later later');

    expect(under(page, 2)).to.contain('on the list already');
  });

  it('goes back to the form when a request was disowned, and then when its address is blocked', async () => {
    await signUp(service, 'dora@gmail.com');
    const form = formOf(await get(linkIn(await service.mailTo('dora@gmail.com'), 'n')), 'not-me');
    await post(form.action, form.fields);
    const refused = await stands('next done later later later later later later');
    await signUp(service, 'dora@gmail.com');

    const blocked = await stands('next later later later later later later later');

    expect(refused.text).to.contain('The request ends');
    expect(blocked.text).to.contain('No mail left');
  });

  it('is a quiet page that names nobody, for visitors of a proxy and in production', async () => {
    const { ctx } = service;
    const catalogs = loadCatalogs(ROOT);
    const site = { renderer: makeRenderer({ root: ROOT, catalogs }), catalogs, languages: [...catalogs.keys()] };
    const production = { ...ctx, config: { ...ctx.config, production: true } };
    const app = express().use(tourRoutes({ ...site, ctx: production, hasMailbox: false }, null));

    for (const language of LANGUAGES) {
      const pages = [
        (await get(`${service.base}/?lang=${language}`, { 'x-forwarded-for': '127.0.0.1' })).text,
        (await request(app).get(`/?lang=${language}`).set('Host', 'localhost').expect(200)).text,
      ];
      for (const page of pages) {
        expect(page).to.contain('href="/preferences?').and.to.contain('/lists/readings').and.to.contain('href="/log?');
        expect(page).to.contain(language === 'en' ? 'Mail me a link' : 'Wyślij mi link');
        expect(page).not.to.match(/gmail|…|\/mailbox|\/receipts\/|\/[upr]\/|commitment|<script/i);
      }
    }
  });

  it('answers GET and HEAD only', async () => {
    expect((await post(`${service.base}/`, {})).status).to.equal(405);
  });

  async function sample(format: 'html' | 'mjml'): Promise<string> {
    const fileName = `sample-newsletter.${format}`;
    const source = await readFile(joinPath(ROOT, 'public', fileName));
    return createCampaign(service.ctx, { list: 'news', fileName, source });
  }

  describe('in a browser', () => {
    let browser: Browser | null = null;

    before(async function () {
      browser = await launchBrowser();
      if (!browser) this.skip();
    });
    after(async () => browser?.close());

    for (const language of LANGUAGES) {
      it(`has no fault that axe can find and fits a phone, as do the mailbox and the quiet page (${language})`, async () => {
        const context = await browser!.newContext({ viewport: { width: 320, height: 640 } });
        const page = await context.newPage();
        const { id } = await service.mailTo(GRACE, 2);
        const quiet = { 'x-forwarded-for': '127.0.0.1' };

        for (const [path, headers] of [
          ['/', {}],
          ['/', quiet],
          ['/mailbox', {}],
          [`/mailbox/${id}`, {}],
          ['/mailbox?to=nobody', {}],
        ] as const) {
          await page.setExtraHTTPHeaders(headers);
          await page.goto(`${service.base}${path}${path.includes('?') ? '&' : '?'}lang=${language}`);
          await page.evaluate('document.querySelectorAll("details").forEach((one) => { one.open = true })');
          for (const colorScheme of ['light', 'dark'] as const) {
            await page.emulateMedia({ colorScheme });
            await page.evaluate(axe.source);
            const { violations } = await page.evaluate<axe.AxeResults>('axe.run(document, { iframes: false })');
            expect(
              violations.map((one) => [one.id, one.nodes.map((node) => node.html)]),
              path,
            ).to.deep.equal([]);
          }
          expect(await page.evaluate('document.documentElement.scrollWidth'), path).to.be.at.most(320);
        }
        await context.close();
      });
    }

    it('looks again by itself, and leaves open what the reader opened', async () => {
      const page = await browser!.newPage();
      await page.goto(`${service.base}/`);
      await signUp(service, 'ed@gmail.com');
      await page.locator('#tour-story', { hasText: 'e…@gmail.com' }).waitFor();
      await page.locator('#under-2').waitFor();
      await page.click('#under-1 summary');
      const { id } = await service.mailTo('ed@gmail.com');

      await get(`${service.base}/mailbox/${id}`);

      await page.locator('#tour-now', { hasText: 'step 3' }).waitFor();
      expect(await page.evaluate('document.querySelector("#under-1").open')).to.equal(true);
      await page.close();
    });
  });
});

function statesOf(page: Page): string {
  return [...page.text.matchAll(/<li class="step is-(\w+)"/g)].map((match) => match[1]).join(' ');
}

/** What stands under "What just happened" of a step; '' when it has nothing. */
function under(page: Page, step: number): string {
  return new RegExp(`<details id="under-${step}"[^]*?</details>`).exec(page.text)?.[0] ?? '';
}
