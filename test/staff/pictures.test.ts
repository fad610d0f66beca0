import { expect } from 'chai';
import { releaseCampaign } from '../../server/campaigns/release.js';
import { createCampaign } from '../../server/campaigns/upload.js';
import { webVersionOf } from '../../server/campaigns/prepare.js';
import { listBySlug } from '../../server/consent/catalogue.js';
import { loadCampaign } from '../../server/staff/campaign.js';
import { startTestService, type TestService } from '../support/service.js';
import { staffBrowser, wordsOf, type SentFile, type StaffBrowser } from '../support/staff.js';
import { one } from '../support/state.js';
import { join } from '../support/story.js';
import { formOf, get, headingOf } from '../support/web.js';
import { makeZip, type ZipEntry } from '../support/zip.js';

const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);
/** Programs look at the beginning. */
const HEAVY = Buffer.concat([PNG, Buffer.alloc(600_000, 'abcdefgh')]);
const NO_FILE = { field: 'file', name: '', bytes: Buffer.alloc(0) };
const SVG = '<svg xmlns="http://www.w3.org/2000/svg"><path d="M0 0h9v9z"/></svg>';

describe('the pictures of a campaign', () => {
  let service: TestService;
  let ada: StaffBrowser;

  before(async () => {
    service = await startTestService();
    ada = await staffBrowser(service, 'marketer', 'en', 'ada@workshop.example');
    await join(service, 'dora@gmail.com');
  });
  after(async () => service.stop());

  const page = (title: string, body: string): ZipEntry => ({
    path: 'index.html',
    body: `<html><head><title>${title}</title></head><body><p>Hello</p>${body}</body></html>`,
  });
  const file = (...entries: ZipEntry[]): SentFile => ({ field: 'file', name: 'boat.zip', bytes: makeZip(entries) });
  const BOAT = file(page('Boat', '<img src="boat.png" alt="A boat" width="40">'), { path: 'boat.png', body: PNG });
  const upload = async (sent: SentFile, fields: Record<string, string> = {}): Promise<string> =>
    new URL(
      (await ada.send('/admin/upload', 'upload', { list: 'news', ...fields }, sent)).headers.get('location') ?? '',
      service.base,
    ).pathname;
  const idOf = (href: string): string => /[0-9a-f-]{36}/.exec(href)?.[0] ?? '';
  const urlsIn = (html: string): string[] => html.match(/http:\/\/localhost:\d+\/i\/[\w-]+/g) ?? [];
  const fetched = async (url: string, init: RequestInit = {}): Promise<Response> => fetch(url, init);

  it('are kept once and fetched, byte for byte, by an address that is the same for everybody', async () => {
    const href = await upload(BOAT, { pictures: 'hosted' });
    const copy = (await ada.send(href, 'duplicate', {})).headers.get('location') ?? '';
    for (const one of [href, copy]) await releaseCampaign(service.ctx, idOf(one));

    const { parsed, raw } = await service.mailTo('dora@gmail.com', 3);

    expect(parsed.attachments).to.deep.equal([]);
    expect(raw.toString()).not.to.contain('multipart/related');
    const [url = '', ...others] = urlsIn(String(parsed.html));
    expect(others).to.deep.equal([]);
    const answer = await fetched(url);
    expect(Buffer.from(await answer.arrayBuffer()).equals(PNG)).to.equal(true);
    expect(answer.headers.get('content-type')).to.equal('image/png');
    expect(answer.headers.get('cache-control')).to.equal('public, max-age=31536000, immutable');
    expect(answer.headers.get('x-content-type-options')).to.equal('nosniff');
    expect(answer.headers.get('content-security-policy')).to.match(/^sandbox; default-src 'none'/);
    expect(answer.headers.get('cross-origin-resource-policy')).to.equal('cross-origin');
    expect(answer.headers.get('set-cookie')).to.equal(null);
    const again = await fetched(url, {
      headers: { 'if-none-match': answer.headers.get('etag') ?? '', 'cache-control': 'max-age=0' },
    });
    expect(again.status).to.equal(304);
    expect(await one<number>(service.ctx, 'select count(*)::int from picture')).to.equal(1);
    expect(await one<number>(service.ctx, 'select count(*)::int from campaign_picture')).to.equal(2);
    // The page for everybody has the same address as every mail.
    const list = await listBySlug(service.ctx, 'news');
    const pages = await Promise.all(
      [href, copy].map(async (one) => get(webVersionOf(service.ctx, list, idOf(one), 'en'))),
    );
    expect(pages.flatMap(({ text }) => urlsIn(text)))
      .to.include(url)
      .and.to.have.length(2);
  });

  it('stay with mails that left, after their campaign was cancelled', async () => {
    const href = await upload(BOAT, { pictures: 'hosted' });
    await ada.send(href, 'test', {});
    const [url = ''] = urlsIn(String((await service.mailTo('ada@workshop.example')).parsed.html));
    await service.ctx.db.query(`update campaign set state = 'cancelled' where id = $1`, [idOf(href)]);

    expect((await fetched(url)).status).to.equal(200);
  });

  it('are chosen anew while the campaign is a draft, and the check counts them for what they are', async () => {
    const href = await upload(BOAT);
    expect(wordsOf(await ada.see(href))).to.contain('1 goes along with each mail');
    expect(wordsOf(await ada.see(`${href}/check`))).to.contain('1 image goes along with each mail (1 kB).');

    await ada.send(href, 'pictures', { pictures: 'hosted' });

    expect(wordsOf(await ada.see(href))).to.contain('1 is fetched from this server');
    expect(wordsOf(await ada.see(`${href}/check`)))
      .to.contain('1 image lies on this server (1 kB)')
      .and.contain('1 image is fetched without encryption: http://localhost');
    expect((await ada.see(`${href}/preview`)).text).to.contain(`src="data:image/png;base64,${PNG.toString('base64')}"`);
    await releaseCampaign(service.ctx, idOf(href));
    expect((await ada.see(href)).text).not.to.contain('data-act="pictures"');
  });

  it('stay with a template of their campaign, and with what is started from it', async () => {
    const href = await upload(BOAT);
    const { source } = await loadCampaign(service.ctx, idOf(href));
    const kept = (await ada.send(href, 'keep', { name: 'Boats' })).headers.get('location') ?? '';
    expect((await ada.see(`${kept}/preview`)).text).to.contain('data:image/png;base64,');

    const started = await ada.send(kept, 'start', { list: 'news', subject: 'Again', source }, NO_FILE);

    expect(wordsOf(await ada.follow(started))).to.contain('1 goes along with each mail');
    const other = '<p>Hello</p><img src="cid:0123456789abcdef0123456789abcdef@picture" alt="x">';
    const gone = await ada.send(kept, 'start', { list: 'news', subject: 'Again', source: other }, NO_FILE);
    expect([gone.status, wordsOf(gone)].join(' ')).to.match(/^422 .*is not there any more/);
  });

  it('are fetched where nobody chose and they are heavy', async () => {
    const href = await upload(file(page('Ship', '<img src="a.png" alt="">'), { path: 'a.png', body: HEAVY }));

    expect(wordsOf(await ada.see(href))).to.contain('1 is fetched from this server, 600 kB');
    expect(wordsOf(await ada.see(`${href}/check`))).to.contain('1 image in the mail is larger than 200 kB.');
  });

  it('that could run are never served: an SVG goes along, whatever its name, and a page in disguise is refused', async () => {
    const two = page('Sail', '<img src="a.png" alt="a"><img src="b.png" alt="b">');
    const href = await upload(file(two, { path: 'a.png', body: SVG }, { path: 'b.png', body: PNG }), {
      pictures: 'hosted',
    });
    const script = file(two, { path: 'a.png', body: '<html><script>alert(1)</script>' }, { path: 'b.png', body: PNG });
    const refused = await ada.send('/admin/upload', 'upload', { list: 'news', pictures: 'hosted' }, script);

    expect(wordsOf(await ada.see(href))).to.contain('1 of them is an SVG');
    await ada.send(href, 'test', {});
    const { parsed } = await service.mailTo('ada@workshop.example', 2);
    expect(parsed.attachments.map(({ contentType }) => contentType)).to.deep.equal(['image/svg+xml']);
    expect(urlsIn(String(parsed.html))).to.have.length(1);
    expect(refused.status).to.equal(422);
    expect(wordsOf(refused)).to.contain('is no PNG, JPEG, GIF, WebP or SVG');
  });

  it('that were put into the database by SQL are not served, nor is any address that we did not make (T6)', async () => {
    const href = await upload(BOAT, { pictures: 'hosted' });
    await ada.send(href, 'test', {});
    const [url = ''] = urlsIn(String((await service.mailTo('ada@workshop.example', 3)).parsed.html));
    await service.ctx.db.query('update picture set body = $1', [Buffer.from('<script>alert(1)</script>')]);

    const answers = [
      await fetched(url),
      await fetched(`${url}x`),
      await fetched(url.replace(/.$/, '-')),
      await fetched(url.slice(0, -20)),
    ];

    for (const answer of answers) {
      expect(answer.status).to.be.oneOf([400, 404]);
      expect(answer.headers.get('cache-control')).to.equal('no-store');
      expect(await answer.text()).not.to.contain('alert(1)');
    }
    expect((await fetched(url, { method: 'POST' })).status).to.equal(405);
  });

  it('stand beside words for the inbox, which are seen and set on the page of the text', async () => {
    const href = await upload(BOAT, { subject: 'For {{default attribute.first_name "you"}}' });
    expect(headingOf(await ada.see(href))).to.equal('For Ada');
    expect(wordsOf(await ada.see('/admin')))
      .to.contain('For Ada')
      .and.not.contain('{{');
    const saved = await ada.send(`${href}/text`, 'text', { preheader: 'Come, {{attribute.first_name}}' }, NO_FILE);

    const text = await ada.follow(saved);

    expect(formOf(text, 'text').fields).to.include({
      preheader: 'Come, {{attribute.first_name}}',
      subject: 'For {{default attribute.first_name "you"}}',
    });
    expect(wordsOf(text)).to.contain('For Ada Come, Ada');
    expect(wordsOf(await ada.see(`${href}/check`)))
      .to.contain('For Ada Come, Ada')
      .and.contain('The preheader says: "Come, Ada"');
    const refused = await ada.send(`${href}/text`, 'text', { preheader: 'Come, *|FNAME|*' }, NO_FILE);
    expect(refused.status).to.equal(422);
    expect(refused.text).to.contain('value="Come, *|FNAME|*"');
  });

  it('of a finished message are seen in its preview', async () => {
    const part = (type: string, id: string, body: Buffer | string): string =>
      `--b\r\nContent-Type: ${type}\r\nContent-ID: <${id}>\r\nContent-Transfer-Encoding: base64\r\n\r\n${Buffer.from(body as Buffer).toString('base64')}\r\n`;
    const source = Buffer.from(
      `From: Ola <letters@bookshop.example>\r\nSubject: July\r\nMIME-Version: 1.0\r\nContent-Type: multipart/related; boundary=b\r\n\r\n--b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n` +
        `<p>Hello</p><img src="cid:boat@example.org" alt="A boat"><img src=cid:b%40x alt="Evil"><p>cid:boat@example.org</p>\r\n` +
        `${part('image/jpeg', 'boat@example.org', PNG)}${part('image/png', 'b@x', SVG)}--b--\r\n`,
    );
    const id = await createCampaign(service.ctx, { list: 'news', fileName: 'july.eml', source });

    const { text } = await ada.see(`/admin/campaigns/${id}/preview`);

    expect(text).to.contain(`<img src="data:image/png;base64,${PNG.toString('base64')}"`);
    expect(text).to.contain('src=cid:b%40x').and.not.contain('svg+xml');
    const check = wordsOf(await ada.see(`/admin/campaigns/${id}/check`));
    expect(check).to.contain('1 image goes along').and.contain('In the inbox Ola July Hello');
    const words = await ada.see(`/admin/campaigns/${id}/text`);
    expect(wordsOf(words)).to.contain('A finished message is sent as it is');
    expect(words.text).not.to.contain('name="preheader"');
  });
});
