import { expect } from 'chai';
import { addStaff } from '../../server/staff/add-staff.js';
import { checkLedger, eventually, startTestService, type TestService } from '../support/service.js';
import { join } from '../support/story.js';
import { formOf, get, headingOf, linksOf, post, type Page } from '../support/web.js';

const HTML = '<html><head><title>June</title></head><body><p>Hello from {{organisation}}</p></body></html>';
const MJML =
  '<mjml><mj-body><mj-section><mj-column>\n<mj-include path="/etc/passwd" />\n</mj-column></mj-section></mj-body></mjml>';

describe('staff screens', () => {
  let service: TestService;
  let owner: string;

  before(async () => {
    service = await startTestService();
    const link = /http\S+first-run\S+/.exec(service.service.greeting)?.[0] ?? '';
    const form = formOf(await get(link), 'first-run');
    const page = await post(form.action, { email: 'owner@example.org', password: 'a long password' });
    expect(page.status).to.equal(303);
    owner = cookieOf(page);
    for (const name of ['ada', 'boris']) await join(service, `${name}@example.org`);
  });

  after(async () => service.stop());

  const see = async (path: string, cookie = owner, headers = {}): Promise<Page> =>
    get(`${service.base}${path}`, { cookie, ...headers });

  const upload = async (file: Blob | null, name: string, cookie = owner, lang = 'en', csrf = ''): Promise<Page> => {
    const body = new FormData();
    const ours = async () => formOf(await see(`/admin/upload?lang=${lang}`, cookie), 'upload').fields['csrf'] ?? '';
    body.set('csrf', csrf || (await ours()));
    body.set('list', 'news');
    body.set('subject', '');
    if (file) body.set('file', file, name);
    const url = `${service.base}/admin/upload`;
    const headers = { cookie: `${cookie}; zgoda_language=${lang}`, accept: 'text/html' };
    const answer = await fetch(url, { method: 'POST', body, redirect: 'manual', headers });
    return { status: answer.status, headers: answer.headers, text: await answer.text(), url };
  };

  const uploaded = async (): Promise<string> => {
    const page = await upload(new Blob([HTML]), 'june.html');
    expect(page.status).to.equal(303);
    return page.headers.get('location') ?? '';
  };

  const login = async (email: string, password: string, headers = {}): Promise<Page> =>
    post(`${service.base}/admin/login`, { email, password }, headers);

  it('keep the first-run link from being used twice', async () => {
    const link = /http\S+first-run\S+/.exec(service.service.greeting)?.[0] ?? '';

    const page = await post(link, { email: 'eve@example.org', password: 'another password' });

    expect([page.status, headingOf(page)]).to.deep.equal([410, 'The first login is made']);
    expect((await get(link)).status).to.equal(410);
  });

  it('give a cookie that scripts cannot read and other sites cannot send', async () => {
    const page = await login('owner@example.org', 'a long password');

    const cookie = page.headers.get('set-cookie') ?? '';
    expect(cookie).to.match(/^zgoda_staff=[\w-]{43};/);
    expect(cookie).to.contain('HttpOnly').and.to.contain('SameSite=Strict').and.to.contain('Path=/');
  });

  it('lead whoever is not logged in to the login, and on to where they wanted to go', async () => {
    for (const path of [
      '/admin',
      '/admin/upload',
      '/admin/sending',
      '/admin/campaigns/x',
      '/admin/campaigns/x/events',
    ]) {
      const page = await see(path, '');

      expect(page.status).to.equal(303);
      expect(page.headers.get('location')).to.equal(`/admin/login?next=${encodeURIComponent(path)}`);
    }
    const credentials = { email: 'owner@example.org', password: 'a long password' };
    for (const [next, to] of [
      ['/admin/upload', '/admin/upload'],
      ['//evil.example', '/admin'],
      ['/admin/../mailbox', '/admin'],
    ] as const) {
      const page = await post(`${service.base}/admin/login`, { ...credentials, next });
      expect(page.headers.get('location')).to.equal(to);
    }
  });

  it('say no in the same words to a wrong password and an unknown address', async () => {
    const pages = [
      await login('owner@example.org', 'wrong password'),
      await login('eve@example.org', 'wrong password'),
    ];

    expect(pages.map((page) => page.status)).to.deep.equal([401, 401]);
    const [known, unknown] = pages.map((page) => page.text.replace(/value="[^"]*"/g, ''));
    expect(known).to.equal(unknown);
  });

  it('refuse posts that come from other sites or without the token of the form', async () => {
    const href = await uploaded();
    const { fields } = formOf(await see(`${href}/send`), 'send');
    const send = async (more: Record<string, string>, headers: Record<string, string>): Promise<number> =>
      (await post(`${service.base}${href}/send`, more, { cookie: owner, ...headers })).status;

    expect(await send(fields, { origin: 'https://evil.example' })).to.equal(403);
    expect(await send(fields, { 'sec-fetch-site': 'cross-site' })).to.equal(403);
    expect(await send(fields, { 'sec-fetch-site': 'same-site', origin: service.base })).to.equal(403);
    expect(await send({}, {})).to.equal(403);
    expect(await send({ csrf: 'a'.repeat(32) }, {})).to.equal(403);
    expect((await see(href)).text).to.contain('data-act="ask-send"');
  });

  it('show viewers everything and let them send nothing', async () => {
    await addStaff(service.ctx, { email: 'viewer@example.org', role: 'viewer', password: 'a long password' });
    const viewer = cookieOf(await login('viewer@example.org', 'a long password'));
    const href = await uploaded();

    const page = await see(href, viewer);
    const { fields } = formOf(await see(`${href}/send`, owner), 'send');
    const refused = await post(`${service.base}${href}/send`, fields, { cookie: viewer });
    const form = await see('/admin/upload', viewer);
    const [, csrf = ''] = /name="csrf" value="([^"]+)"/.exec((await see('/admin/preview', viewer)).text) ?? [];
    const upload1 = await upload(new Blob([HTML]), 'a.html', viewer, 'en', csrf);

    expect([page.status, form.status]).to.deep.equal([200, 403]);
    expect(linksOf(page, '/admin/upload')).to.deep.equal([]);
    expect(page.text).not.to.contain('data-act="test"');
    expect([refused.status, upload1.status]).to.deep.equal([403, 403]);
  });

  for (const [lang, empty, refused, line] of [
    ['en', 'Choose a file.', 'a.mjml was refused', 'Line 2:'],
    ['pl', 'Wybierz plik.', 'Odrzucono plik a.mjml', 'Wiersz 2:'],
  ] as const) {
    it(`take a file without JavaScript and say in ${lang} what is wrong with it`, async () => {
      const none = await upload(null, '', owner, lang);
      const bad = await upload(new Blob([MJML]), 'a.mjml', owner, lang);
      const large = await upload(new Blob(['a'.repeat(3_000_000)]), 'a.html', owner, lang);

      expect([none.status, bad.status, large.status]).to.deep.equal([422, 422, 422]);
      expect(none.text).to.contain(empty).and.to.contain(`<html lang="${lang}"`);
      expect(bad.text).to.contain(refused).and.to.contain(line);
      expect(large.text).to.contain('2 MB.');
    });
  }

  it('keep the preview in a sandbox in which nothing runs', async () => {
    const href = await uploaded();
    const page = await see(href);
    const preview = await see(`${href}/preview?footer=pl`);

    const policy = preview.headers.get('content-security-policy') ?? '';
    expect(page.text).to.match(/<iframe sandbox title/);
    expect(policy).to.match(/^sandbox; default-src 'none';/);
    expect(policy).to.contain('img-src data:;').and.not.to.contain('script-src');
    expect(preview.text).to.contain('Wypisz mnie z listy').and.to.contain('/u/');
    expect((await see(`${href}/preview?images=on`)).headers.get('content-security-policy')).to.contain('https:');
  });

  it('send a test to the one who asks, with links that belong to nobody', async () => {
    const href = await uploaded();
    const { action, fields } = formOf(await see(href), 'test');

    const page = await post(action, fields, { cookie: owner });

    expect(page.headers.get('location')).to.equal(`${href}?test=sent`);
    const { parsed, raw } = await service.mailTo('owner@example.org');
    expect(parsed.subject).to.equal('[Test] June');
    expect(raw.toString())
      .to.match(/^DKIM-Signature:/)
      .and.to.contain('List-Unsubscribe-Post');
    const link = /http\S+\/u\/[\w-]+/.exec(parsed.text ?? '')?.[0] ?? '';
    const left = await post(link, { 'List-Unsubscribe': 'One-Click' });
    expect(left.status).to.equal(200);
    const rows = await service.ctx.db.query(`select 1 from consent where state = 'withdrawn'`);
    expect(rows).to.have.length(0);
  });

  it('ask once, send, and show how it goes', async () => {
    const href = await uploaded();
    const asked = await see(`${href}/send`);
    const { action, fields } = formOf(asked, 'send');
    expect(asked.text).to.contain('goes to 2 people on the list');

    const sent = await post(action, fields, { cookie: owner });
    const again = await post(action, fields, { cookie: owner });

    expect([sent.status, again.status]).to.deep.equal([303, 303]);
    const live = await (await fetch(`${service.base}${href}/events`, { headers: { cookie: owner } })).text();
    expect(live).to.contain('event: progress\ndata: <p class="moving">').and.to.contain('event: done');
    await eventually(async () => expect((await see(href)).text).to.contain('100%'));
    expect((await see('/admin')).text).to.match(/state-sent/);
    expect(await service.mailsTo('ada@example.org')).to.equal(2);
    await checkLedger(service.ctx);
  });

  for (const [lang, words] of [
    ['en', ['Campaigns', 'Upload a campaign', 'Sending']],
    ['pl', ['Kampanie', 'Wgraj kampanię', 'Wysyłka']],
  ] as const) {
    it(`speak ${lang}, and remember it`, async () => {
      const first = await see(`/admin?lang=${lang}`);
      const kept = `${owner}; ${cookieOf(first)}`;
      const titles = [];
      for (const path of ['/admin', '/admin/upload', '/admin/sending']) titles.push(headingOf(await see(path, kept)));

      expect(titles.map((title) => title.replace(/ \d+$/, ''))).to.deep.equal(words);
    });
  }

  it('show the DNS record that publishes the DKIM key', async () => {
    const page = await see('/admin/sending');

    expect(page.text)
      .to.match(/zgoda1\._domainkey\.[\w.]+/)
      .and.to.match(/v&#x3D;DKIM1; k&#x3D;rsa; p&#x3D;MII/);
  });

  it('answer 404 for what is not there, whatever the id looks like', async () => {
    for (const path of ['/admin/nowhere', '/admin/campaigns/1', "/admin/campaigns/'", '/admin/campaigns/x/preview']) {
      expect((await see(path)).status, path).to.equal(404);
    }
  });

  it('end a session at logout', async () => {
    const cookie = cookieOf(await login('owner@example.org', 'a long password'));
    await post(`${service.base}/admin/logout`, {}, { cookie });

    expect((await see('/admin', cookie)).status).to.equal(303);
    expect(linksOf(await see('/admin'), '/admin/upload')).to.not.have.length(0);
  });
});

describe('the login', () => {
  it('is limited for each connection', async () => {
    const service = await startTestService({ settings: { ABUSE_LIMITS: 'on' } });
    try {
      const statuses: number[] = [];
      for (let i = 0; i < 21; i += 1) {
        const page = await post(`${service.base}/admin/login`, { email: 'eve@example.org', password: 'a guess' });
        statuses.push(page.status);
      }

      expect(statuses.slice(0, 20).every((status) => status === 401)).to.equal(true);
      expect(statuses.at(-1)).to.equal(429);
    } finally {
      await service.stop();
    }
  });
});

function cookieOf(page: Page): string {
  return (page.headers.get('set-cookie') ?? '').split(';')[0] ?? '';
}
