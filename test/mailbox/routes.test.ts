import { expect } from 'chai';
import express from 'express';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTransport } from 'nodemailer';
import request from 'supertest';
import { ROOT } from '../../server/config.js';
import { makeLogger } from '../../server/logger.js';
import { makeSmtpPool } from '../../server/mail/smtp.js';
import { startMailbox, type RunningMailbox } from '../../server/mailbox/listen.js';
import { isFromHere, mailboxRoutes } from '../../server/mailbox/routes.js';
import { openMailbox, type Mailbox } from '../../server/mailbox/store.js';
import { loadCatalogs } from '../../server/web/i18n.js';
import { makeRenderer } from '../../server/web/render.js';

const logger = makeLogger('silent');

const catalogs = loadCatalogs(ROOT);
const site = { languages: [...catalogs.keys()], renderer: makeRenderer({ root: ROOT, catalogs }) };

describe('mailbox', () => {
  let folder = '';
  let mailbox: Mailbox;
  let running: RunningMailbox;
  let app: express.Express;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'mailbox-'));
    mailbox = await openMailbox(folder);
    running = await startMailbox({ mailbox, logger });
    app = express().use(mailboxRoutes(site, mailbox));
  });

  afterEach(async () => {
    await running.stop();
    await rm(folder, { recursive: true, force: true });
  });

  async function send(message: object): Promise<void> {
    const transport = createTransport(running.url);
    await transport.sendMail({ from: 'News <news@zgoda.example>', to: 'ada@example.org', ...message });
    transport.close();
  }

  const add = async (...lines: string[]) =>
    mailbox.add({ from: '', to: 'ada@example.org', raw: Buffer.from(lines.join('\r\n')) });

  describe('listen', () => {
    it('keeps a mail of the pool byte for byte before it says 250', async () => {
      const message = Buffer.from('Subject: Hi\r\n\r\n.\r\n..dots\r\nzażółć\r\n');
      const pool = makeSmtpPool({ url: running.url, logger });

      const outcome = await pool.send({ from: 'b+x@bounces.zgoda.example', to: 'ada@example.org', message });

      const [entry] = await mailbox.list({ limit: 10 });
      expect(outcome).to.include({ kind: 'sent', reply: `250 2.0.0 kept as ${entry!.id}` });
      expect(entry).to.include({ envelopeFrom: 'b+x@bounces.zgoda.example', to: 'ada@example.org', subject: 'Hi' });
      expect(await mailbox.read(entry!.id)).to.deep.equal(message);
      await pool.close();
    });

    it('keeps one mail for each recipient', async () => {
      await send({ subject: 'both', to: ['ada@example.org', 'boris@example.org'] });

      const entries = await mailbox.list({ limit: 10 });

      expect(entries.map(({ to }) => to)).to.have.members(['ada@example.org', 'boris@example.org']);
    });

    it('refuses a mail of more than 30 MB, announced or not, and goes on', async () => {
      const pool = makeSmtpPool({ url: running.url, logger });
      const transport = createTransport(running.url);
      const line = `${'x'.repeat(998)}\r\n`;
      const large = Buffer.from(line.repeat(30_100));

      const announced = await pool.send({ from: '', to: 'ada@example.org', message: large });
      const error: unknown = await transport
        .sendMail({ envelope: { from: '', to: 'ada@example.org' }, raw: large })
        .catch((refused: unknown) => refused);
      await send({ subject: 'small' });

      expect(announced).to.include({ kind: 'refused', code: 552 });
      expect(error).to.have.property('responseCode', 552);
      expect((await mailbox.list({ limit: 10 })).map(({ subject }) => subject)).to.deep.equal(['small']);
      transport.close();
      await pool.close();
    });

    it('defers a mail that cannot be kept', async () => {
      const pool = makeSmtpPool({ url: running.url, logger });
      await rm(folder, { recursive: true });

      const outcome = await pool.send({ from: '', to: 'ada@example.org', message: Buffer.from('Subject: x\r\n\r\n') });

      expect(outcome).to.include({ kind: 'deferred', code: 451 });
      await pool.close();
    });
  });

  describe('routes', () => {
    it('leads from the list to a mail, its HTML, its text with links, and its raw form', async () => {
      await send({
        subject: 'Please <confirm> żółć',
        text: 'Confirm: https://zgoda.example/c/abc-DEF_1.\n<b>not bold</b>',
        html: '<html><head><title>x</title></head><body><a href="https://zgoda.example/c/abc">Confirm</a></body></html>',
      });
      const [entry] = await mailbox.list({ limit: 1 });
      const { id } = entry!;

      const list = await request(app).get('/mailbox').expect(200);
      const page = await request(app).get(`/mailbox/${id}`).expect(200);
      const html = await request(app).get(`/mailbox/${id}/html`).expect(200);
      const raw = await request(app).get(`/mailbox/${id}.eml`).responseType('blob').expect(200);

      const again = await request(app).get('/mailbox').expect(200);

      expect(list.text)
        .to.include(`<a href="/mailbox/${id}?lang=en">Please &lt;confirm&gt; żółć</a>`)
        .and.include('1 mail<');
      expect(list.text).to.include('>new<');
      expect(again.text).not.to.include('>new<');
      expect(page.text).to.include(
        `<iframe class="frame" title="The mail as its reader sees it" sandbox="allow-popups allow-popups-to-escape-sandbox" src="/mailbox/${id}/html"`,
      );
      expect(page.text).to.include(
        '<a href="https://zgoda.example/c/abc-DEF_1" target="_blank" rel="noopener noreferrer">https://zgoda.example/c/abc-DEF_1</a>.<br>',
      );
      expect(page.text).to.include('&lt;b&gt;not bold').and.include(`href="/mailbox/${id}.eml"`);
      expect(page.text).to.include('News &lt;news@zgoda.example&gt;').and.include('<dt>Message-ID</dt>');
      expect(page.headers['content-security-policy']).to.include("frame-src 'self'");
      expect(html.text).to.include('<head><base target="_blank"><title>').and.include('>Confirm</a>');
      expect(raw.headers['content-type']).to.match(/^message\/rfc822/);
      expect(raw.headers['content-disposition']).to.equal(`attachment; filename=${id}.eml`);
      expect(raw.body).to.deep.equal(await mailbox.read(id));
    });

    it('speaks the language of its reader', async () => {
      await add('Subject: x', '', '');

      const { text } = await request(app).get('/mailbox').set('Accept-Language', 'pl').expect(200);

      expect(text).to.include('<html lang="pl"').and.include('1 wiadomość').and.include('?lang=pl"');
    });

    it('says what to do while there is no mail', async () => {
      const { text } = await request(app).get('/mailbox').expect(200);

      expect(text).to.include('No mail yet').and.include('href="/lists/news?lang=en"');
    });

    it('searches and pages', async () => {
      for (let i = 0; i < 101; i += 1) await add(`Subject: mail ${i}`, '', '');
      const ids = (await mailbox.list({ limit: 200 })).map(({ id }) => id);

      const first = await request(app).get('/mailbox?to=ada');
      const second = await request(app).get(`/mailbox?before=${ids[99]}&to=ada`);
      const nobody = await request(app).get('/mailbox?to=%3Cdora');

      expect(first.text).to.include(`href="/mailbox?before&#x3D;${ids[99]}&amp;to&#x3D;ada&amp;lang&#x3D;en"`);
      expect(second.text).to.include('>mail 0<').and.not.include('>mail 1<').and.not.include('Older mails');
      expect(nobody.text).to.include('No mail to &quot;&lt;dora&quot;');
    });

    it('gives the entries as JSON, newest first', async () => {
      for (let i = 0; i < 101; i += 1) await add(`Subject: mail ${i}`, '', '');
      const get = async (query: string) =>
        (await request(app).get(`/mailbox.json${query}`).expect(200)).body as { id: string; subject: string }[];

      const all = await get('?limit=1000');

      expect(all).to.have.length(101);
      expect(all[0]).to.have.all.keys('id', 'from', 'envelopeFrom', 'to', 'subject', 'date', 'size');
      expect(all[0]?.subject).to.equal('mail 100');
      expect(await get('')).to.have.length(100);
      expect(await get('?limit=2&to=ada@example.org')).to.deep.equal(all.slice(0, 2));
      expect(await get(`?limit=2&before=${all[1]!.id}`)).to.deep.equal(all.slice(2, 4));
      for (const odd of ['?limit=0', '?limit=-5']) expect(await get(odd)).to.have.length(1);
      for (const odd of ['?limit=x', '?limit[]=1', '?before=../x', '?to[]=x'])
        expect(await get(odd)).to.have.length(100);
      expect(await get('?to=dora')).to.deep.equal([]);
    });

    it('keeps hostile HTML in a sandbox without script, forms or requests', async () => {
      const id = await add(
        'Content-Type: text/html',
        '',
        '<script>top.location="https://evil.example"</script><img src="https://evil.example/x"><form action="/mailbox/clear" method="post">',
      );

      const { headers } = await request(app).get(`/mailbox/${id}/html`).expect(200);
      const page = await request(app).get(`/mailbox/${id}`).expect(200);

      expect(headers['content-security-policy']).to.match(
        /^sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:/,
      );
      expect(headers['x-content-type-options']).to.equal('nosniff');
      expect(headers['referrer-policy']).to.equal('no-referrer');
      expect(page.text).to.not.include('evil.example');
    });

    it('makes no link of a script', async () => {
      const id = await add(
        'Subject: <script>alert(1)</script>',
        '',
        'javascript:alert(1) http://a.example/"onclick="x',
      );

      const { text } = await request(app).get(`/mailbox/${id}`).expect(200);

      expect(text).to.not.include('<script').and.not.include('href="javascript');
      expect(text).to.include('href="http://a.example/"').and.include('&quot;onclick&#x3D;&quot;x');
    });

    it('knows only ids', async () => {
      const id = '0'.repeat(22);
      for (const path of [
        '..%2f..%2fpackage.json',
        'x',
        id,
        `${id}.eml`,
        `${id}/html`,
        '..%2fx.eml',
        '%2e%2e/html',
        `${id}%00.eml`,
      ]) {
        await request(app).get(`/mailbox/${path}`).expect(404);
      }
    });

    it('clears on a POST from its own page only', async () => {
      await add('Subject: x', '', '');

      await request(app).post('/mailbox/clear').set('Origin', 'https://evil.example').expect(404);
      await request(app).post('/mailbox/clear').set('Origin', 'null').expect(404);
      await request(app).post('/mailbox/clear').set('Sec-Fetch-Site', 'cross-site').expect(404);
      await request(app).get('/mailbox/clear').expect(404);
      expect(await mailbox.count()).to.equal(1);
      await request(app).post('/mailbox/clear').expect(303).expect('Location', '/mailbox');
      expect(await mailbox.count()).to.equal(0);
    });

    it('does not exist for visitors of a proxy and for foreign host names', async () => {
      const id = await add('Subject: x', '', '');
      const lies = [
        ['X-Forwarded-For', '127.0.0.1'],
        ['Forwarded', 'for=127.0.0.1'],
        ['X-Real-IP', '127.0.0.1'],
        ['Via', '1.1 proxy'],
        ['Host', 'evil.example:3000'],
        ['Host', '127.0.0.1.evil.example'],
      ] as const;

      for (const [name, value] of lies) {
        for (const path of [
          '/mailbox',
          '/mailbox.json',
          `/mailbox/${id}`,
          `/mailbox/${id}.eml`,
          `/mailbox/${id}/html`,
        ]) {
          await request(app).get(path).set(name, value).expect(404);
        }
        await request(app).post('/mailbox/clear').set(name, value).expect(404);
      }
      expect(await mailbox.count()).to.equal(1);
    });

    it('exists for loopback peers only', () => {
      const ask = (remoteAddress: string | undefined, host = 'localhost:3000') =>
        isFromHere({ socket: { remoteAddress }, headers: { host } });

      for (const here of ['127.0.0.1', '127.8.9.1', '::1', '::ffff:127.0.0.1', '::ffff:7f00:1'])
        expect(ask(here)).to.equal(true);
      for (const there of ['10.0.0.1', '128.0.0.1', '::2', '::ffff:10.0.0.1', '::127.0.0.1', '', undefined]) {
        expect(ask(there)).to.equal(false);
      }
      for (const host of ['localhost', '127.0.0.1:3000', '[::1]:3000', 'zgoda.localhost:80']) {
        expect(ask('::1', host)).to.equal(true);
      }
      for (const host of ['', 'zgoda.example', 'localhost.example']) expect(ask('::1', host)).to.equal(false);
    });
  });
});
