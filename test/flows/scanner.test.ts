import { expect } from 'chai';
import type { Browser } from 'playwright-core';
import { launchBrowser } from '../support/browser.js';
import { checkLedger, startTestService, type TestService } from '../support/service.js';
import { campaignMailTo, changesNothing, oneClickLink, settled, stateOf } from '../support/state.js';
import { join, linkIn, signUp } from '../support/story.js';
import { formOf, get, headingOf, post } from '../support/web.js';

const PREFETCHES: readonly Record<string, string>[] = [
  { Purpose: 'prefetch' },
  { 'Sec-Purpose': 'prefetch;prerender' },
  { 'X-Moz': 'prefetch' },
  { 'User-Agent': 'Mozilla/5.0 (Microsoft Safe Links; Barracuda; urldefense)', Range: 'bytes=0-0' },
];

describe('the Scanner follows every link of every mail', () => {
  let service: TestService;
  const links: Record<string, string> = {};

  before(async () => {
    service = await startTestService();
    await join(service, 'ada@gmail.com');
    const campaign = await campaignMailTo(service, 'ada@gmail.com');
    await signUp(service, 'boris@gmail.com');
    const confirmation = await service.mailTo('boris@gmail.com');
    await post(`${service.base}/preferences`, { email: 'ada@gmail.com' });
    const magic = await service.mailTo('ada@gmail.com', 3);
    links['c'] = linkIn(confirmation, 'c');
    links['n'] = linkIn(confirmation, 'n');
    links['u'] = linkIn(campaign, 'u');
    links['header'] = oneClickLink(campaign);
    links['p'] = linkIn(campaign, 'p');
    links['m'] = linkIn(magic, 'm');
    await settled(service.ctx);
  });
  after(async () => {
    await checkLedger(service.ctx);
    await service.stop();
  });

  for (const kind of ['c', 'n', 'u', 'header', 'p', 'm']) {
    it(`changes nothing by GET, HEAD, OPTIONS or prefetch of a link of kind ${kind}`, async () => {
      const link = links[kind] ?? '';
      const statuses: number[] = [];

      await changesNothing(service.ctx, async () => {
        for (const method of ['GET', 'HEAD', 'OPTIONS'])
          statuses.push((await fetch(link, { method, redirect: 'manual' })).status);
        for (const headers of PREFETCHES) statuses.push((await get(link, headers)).status);
        statuses.push((await get(`${link}?utm_source=scanner&List-Unsubscribe=One-Click`)).status);
      });

      expect(statuses).to.deep.equal([200, 200, 405, 200, 200, 200, 200, 200]);
    });

    it(`leaves nothing of a link of kind ${kind} to caches, referrers or cookies`, async () => {
      const page = await get(links[kind] ?? '');

      expect(page.headers.get('cache-control')).to.equal('no-store');
      expect(page.headers.get('referrer-policy')).to.equal('no-referrer');
      expect(page.headers.get('x-robots-tag')).to.equal('noindex, nofollow, noarchive');
      expect(page.headers.get('set-cookie')).to.equal(null);
      expect(page.text).to.not.match(/http-equiv="?refresh|autofocus onfocus|onload=/i);
    });
  }

  it('changes nothing with PUT, PATCH and DELETE either', async () => {
    await changesNothing(service.ctx, async () => {
      for (const link of Object.values(links)) {
        for (const method of ['PUT', 'PATCH', 'DELETE'])
          expect((await fetch(link, { method })).status, `${method} ${link}`).to.equal(405);
      }
    });
  });

  it('changes nothing with a browser that runs scripts, waits, hovers and reloads, but presses no button', async function () {
    const browser: Browser | null = await launchBrowser();
    if (!browser) this.skip();
    const context = await browser.newContext();
    const page = await context.newPage();

    await changesNothing(service.ctx, async () => {
      for (const link of Object.values(links)) {
        await page.goto(link, { waitUntil: 'networkidle' });
        for (const button of await page.locator('button').all()) {
          await button.hover();
          await button.focus();
        }
        await page.reload({ waitUntil: 'load' });
      }
    });

    expect(await context.cookies()).to.deep.equal([]);
    await browser.close();
  });

  it('does not confirm by a blind POST of the bare link, whatever its body', async () => {
    const link = links['c'] ?? '';

    await changesNothing(service.ctx, async () => {
      const bodies: Record<string, string>[] = [
        {},
        { nonce: '' },
        { nonce: 'x.y' },
        { 'List-Unsubscribe': 'One-Click' },
      ];
      for (const fields of bodies) {
        const answer = await post(link, fields);
        expect(headingOf(answer)).to.equal('Do you want this e-mail?');
      }
    });

    expect(await stateOf(service.ctx, 'boris@gmail.com')).to.equal('pending');
  });

  it('does not confirm with the nonce of another request, or of a page left open for more than an hour', async () => {
    await signUp(service, 'chen@gmail.com');
    const others = formOf(await get(linkIn(await service.mailTo('chen@gmail.com'), 'c')), 'confirm');
    const old = formOf(await get(links['c'] ?? ''), 'confirm');

    await changesNothing(service.ctx, async () => {
      await post(links['c'] ?? '', others.fields);
      service.advance(61 * 60_000);
      await post(links['c'] ?? '', old.fields);
    });

    expect(await stateOf(service.ctx, 'boris@gmail.com')).to.equal('pending');
  });

  it('leaves the link good for the person, after all that', async () => {
    const form = formOf(await get(links['c'] ?? ''), 'confirm');

    const confirmed = await post(form.action, form.fields);

    expect(headingOf(confirmed)).to.contain('Confirmed');
    expect(await stateOf(service.ctx, 'boris@gmail.com')).to.equal('confirmed');
  });
});
