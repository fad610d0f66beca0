import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { startTestService, type TestService } from '../support/service.js';
import { itWithShared } from '../support/shared.js';
import { staffBrowser, wordsOf, type StaffBrowser } from '../support/staff.js';
import { headingOf, type Page } from '../support/web.js';

const HEAD = 'From: Shop <shop@bookshop.example>\r\nBcc: eve@example.org\r\nSubject: June\r\nMIME-Version: 1.0\r\n';
const PICTURE = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhf\r\n'.repeat(400);
const NEWSLETTER = [
  `${HEAD}Content-Type: multipart/mixed; boundary=m\r\n`,
  '--m\r\nContent-Type: multipart/alternative; boundary=a\r\n',
  '--a\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nHello Ada\r\n',
  '--a\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n',
  '<html><body><p style=3D"color:red">Hello <script>alert(1)</script>Ada</p></body></html>',
  '--a--\r\n--m\r\nContent-Type: image/png; name=a.png\r\nContent-Transfer-Encoding: base64\r\n',
  `${PICTURE}--m--\r\n`,
].join('\r\n');
const SIGNED = `${HEAD}Content-Type: multipart/signed; boundary=s\r\n\r\n--s\r\n\r\nHello\r\n--s--\r\n`;

const OVERLAID = '<body><p>Hi</p></body><div style="position:fixed;inset:0;z-index:2147483647">Hi</div>';

describe('the preview of a message', () => {
  let service: TestService;
  let owner: StaffBrowser;

  before(async () => {
    service = await startTestService();
    owner = await staffBrowser(service, 'owner');
  });
  after(async () => service.stop());

  const drop = async (
    mail: string | Buffer,
    fields: Record<string, string> = {},
    name = 'mail.eml',
    by = owner,
  ): Promise<Page> => by.send('/admin/preview', 'preview', fields, { field: 'file', name, bytes: Buffer.from(mail) });

  /** As a browser does it: the file is there, and empty. */
  const paste = async (mail: string, fields: Record<string, string> = {}): Promise<Page> =>
    drop('', { mail, ...fields }, '');

  it('says in words what happens, and marks each line of the header, each footer and each byte that is added or taken out', async () => {
    const page = await drop(NEWSLETTER, { list: 'news', footer: 'en' });

    expect([page.status, headingOf(page)]).to.deep.equal([200, 'The footer goes into the text']);
    expect(wordsOf(page)).to.contain('Subject June');
    const added = marked(page, 'ins');
    expect(added.filter((text) => text.includes('Unsubscribe from'))).to.have.length(4);
    expect(added.filter((text) => /List-Unsubscribe: &lt;http\S+\/u\//.test(text))).to.have.length(2);
    const removed = marked(page, 'del').map((text) => text.replace(/\[.*?: |\r\n|End.*/g, '').trim());
    expect(removed.slice(0, 3)).to.deep.equal(['taken out', 'Bcc: eve@example.org', 'Bcc: eve@example.org']);
    expect(added.some((text) => text.includes('[Added:') && text.includes('End of what was added]'))).to.equal(true);
  });

  it('changes the header as the gateway does, and says when the gateway would refuse it', async () => {
    const more = 'DKIM-Signature: v=1; d=elsewhere.example\r\nX-Zgoda-List: news\r\nList-Id: <old.example>\r\n';
    const good = await drop(`${more}${HEAD}\r\nHello`);
    const bad = await drop(HEAD.replace('shop@bookshop.example', 'eve@elsewhere.example') + '\r\nHello');
    const none = await drop('Subject: x\r\n\r\nHello');

    expect(marked(good, 'del').join('\n'))
      .to.contain('DKIM-Signature')
      .and.contain('X-Zgoda')
      .and.contain('old.example');
    expect(marked(good, 'ins').join('\n')).to.contain('List-Id:').and.contain('Feedback-ID:');
    expect(wordsOf(good)).not.to.contain('would refuse it');
    expect(wordsOf(bad)).to.contain('But the gateway would refuse it: From must be at bookshop.example');
    expect(wordsOf(none)).to.contain('But the gateway would refuse it: From must be exactly one address.');
  });

  it('warns of HTML so long that Gmail hides its end', async () => {
    const html = (words: number): string => `${HEAD}Content-Type: text/html\r\n\r\n<p>${'long '.repeat(words)}</p>\r\n`;

    const [short, long] = [await drop(html(17_000)), await drop(html(18_000))];

    expect(wordsOf(short)).not.to.contain('Gmail hides');
    expect(wordsOf(long)).to.contain('with the footer: Gmail hides what lies beyond 102 kB, and the footer with it.');
  });

  it('shows each text as it is read: HTML in a sandbox without scripts, on a phone and on a desktop', async () => {
    const page = await drop(NEWSLETTER, { footer: 'pl' });

    const frames = [...page.text.matchAll(/<iframe sandbox title="([^"]+)" srcdoc="([^"]*)">/g)];
    expect(frames.map(([, title]) => title)).to.deep.equal(['Phone, 360 pixels (1.2)', 'Desktop, 640 pixels (1.2)']);
    for (const [, , html = ''] of frames) {
      // Links in it lead nowhere.
      expect(html).to.match(/^&lt;base target&#x3D;&quot;_blank&quot;&gt;/);
      expect(html)
        .to.contain('style&#x3D;&quot;color:red&quot;')
        .and.contain('Wypisz mnie z listy')
        .and.to.match(/\/u\/[\w-]{20}/);
    }
    expect(page.text).not.to.contain('<script>alert');
    expect(page.text).to.match(/<pre tabindex="0" aria-labelledby="plain-1.1">Hello Ada\r\n\r\n____/);
    const policy = page.headers.get('content-security-policy') ?? '';
    expect(policy).to.contain("default-src 'none'").and.to.contain("img-src 'self' data:");
    expect(policy).not.to.match(/https?:/);
  });

  it('folds what is long and unchanged, a picture to one line', async () => {
    const page = await drop(NEWSLETTER);

    expect(page.text).to.match(/<p class="fold quiet">396 lines, 26\s?kB, unchanged<\/p>/u);
    expect(page.text).to.contain('name&#x3D;a.png');
    expect(page.text.split('iVBORw0KGgo')).to.have.length(5);
  });

  it('puts the footer beside what is signed, only adds headers, or refuses it, as chosen; and tells the way out', async () => {
    const pages = [];
    for (const policy of ['wrap', 'headers-only', 'refuse']) pages.push(await drop(SIGNED, { policy }));

    expect(pages.map(headingOf)).to.deep.equal([
      'The footer goes beside the message',
      'Only headers are added',
      'Refused: this would not leave',
    ]);
    expect(wordsOf(pages[0]!)).to.contain('Why: It is signed or encrypted').and.to.contain(': the footer itself');
    expect(wordsOf(pages[2]!)).to.contain('What to do: Let the sending program leave the signature out');
    expect(pages[2]!.text).not.to.contain('<ins>');
  });

  for (const [what, mail, words] of [
    ['no mail', 'hello', 'Paste the whole message from its first header line on'],
    ['a picture', Buffer.from('\x89PNG\r\n\x1a\n\0\0\0\rIHDR', 'latin1'), 'It contains a NUL byte'],
    [
      'a message with an AMP part',
      `${HEAD}Content-Type: multipart/alternative; boundary=a\r\n\r\n--a\r\nContent-Type: text/x-amp-html\r\n\r\n<p>x</p>\r\n--a--\r\n`,
      'Switch AMP off in the sending program',
    ],
    ['MJML with a mistake', '<mjml><mj-body><mj-wrong/></mj-body></mjml>', 'mj-wrong'],
    ['HTML in which the footer would not be seen', '<p>Hi</p><!-- never closed', 'a comment before it is not closed'],
  ] as const) {
    it(`refuses ${what} with its reason`, async () => {
      const page = await drop(mail);

      expect([page.status, headingOf(page)]).to.deep.equal([200, 'Refused: this would not leave']);
      expect(wordsOf(page)).to.contain(words);
    });
  }

  it('says in Polish too why the footer would not be seen', async () => {
    const anna = await staffBrowser(service, 'owner', 'pl', 'anna@workshop.example');
    for (const [html, words] of [
      ['<p>Hi</p><!-- never closed', 'komentarz przed nią nie jest zamknięty (&lt;!-- bez --&gt;)'],
      ['<div style="display:none"><p>Hi', 'ukrywa ją styl „display: none” elementu &lt;div&gt;'],
      ['<style>body{display:none}</style><p>Hi</p>', 'ukrywa ją styl „display: none” elementu &lt;body&gt;'],
      [OVERLAID, 'może ją zasłonić element &lt;div&gt;, który stoi po niej'],
      ['<textarea><p>Hi</p>', '&lt;textarea&gt; przed nią nie jest zamknięty'],
    ] as const)
      expect(wordsOf(await drop(html, {}, 'a.html', anna)), html).to.contain(`Stopki nie byłoby widać: ${words}.`);
  });

  it('fetches pictures from elsewhere only when that is wanted', async () => {
    const html = `${HEAD}Content-Type: text/html\r\n\r\n<img src="https://pictures.example/a.png"><p>Hi</p>\r\n`;

    const [without, wanted] = [await drop(html), await drop(html, { pictures: 'on' })];

    const allowed = ({ headers }: Page) => /img-src[^;]*/.exec(headers.get('content-security-policy') ?? '')?.[0];
    expect([allowed(without), allowed(wanted)]).to.deep.equal([
      "img-src 'self' data:",
      "img-src 'self' data: https: http:",
    ]);
    expect(without.text).not.to.contain('value="on" checked');
    expect(wanted.text).to.contain('value="on" checked');
  });

  it('says over which limit a message is', async () => {
    const page = await drop(`${HEAD}X: ${'x'.repeat(300_000)}\r\n\r\nHi`);

    expect(wordsOf(page)).to.contain('It is over a limit: a header has more than 256 kB.');
  });

  it('takes a template too, HTML or MJML, and says when its own placeholders show both links', async () => {
    const own = '<p><a href="{{unsubscribe_url}}">Leave</a> <a href="{{preferences_url}}">Choose</a></p>';
    const html = await drop(`<html><body>${own}</body></html>`, {}, 'a.html');
    const mjml = await paste(
      '<mjml><mj-body><mj-section><mj-column><mj-text>Hi</mj-text></mj-column></mj-section></mj-body></mjml>',
    );

    expect(wordsOf(html)).to.contain('HTML: placeholders filled, both links are there');
    expect(marked(html, 'del').filter((text) => text.includes('{{unsubscribe_url}}'))).to.have.length(1);
    expect(wordsOf(mjml)).to.contain('The MJML was compiled to HTML first').and.to.contain('HTML: footer added');
  });

  itWithShared('has words for whatever it is given', ['corpus', 'mime'], async (folder) => {
    const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((one) => one.isFile());
    for (const file of files.filter((_, place) => place % 25 === 0)) {
      const page = await drop(readFileSync(join(file.parentPath, file.name)));

      expect(page.status, file.name).to.equal(200);
      expect(headingOf(page), file.name).to.match(/^(The footer goes|Refused)/);
      expect(wordsOf(page), file.name).not.to.match(/Why: [a-z]/);
    }
  });

  it('takes what is pasted, and leaves it in the form for another try', async () => {
    const page = await paste(`${HEAD}\r\nHello & <goodbye>`, { policy: 'refuse' });

    expect(headingOf(page)).to.equal('The footer goes into the text');
    expect(page.text).to.contain('Hello &amp; &lt;goodbye&gt;</textarea>');
    expect(page.text).to.contain('<option value="refuse" selected>');
  });

  for (const [lang, none, large, refused] of [
    ['en', 'Choose a file, or paste a message.', 'larger than 10 MB', 'Refused: this would not leave'],
    ['pl', 'Wybierz plik albo wklej wiadomość.', 'ponad 10 MB', 'Odrzucona: taka wiadomość nie wyjdzie'],
  ] as const) {
    it(`says in ${lang} that nothing came, or too much`, async () => {
      const by = await staffBrowser(service, 'viewer', lang, `${lang}@workshop.example`);

      const empty = await drop('', {}, '', by);
      const tooLarge = await drop(Buffer.alloc(10_000_001, 'a'), {}, 'a.eml', by);

      expect([empty.status, tooLarge.status]).to.deep.equal([422, 422]);
      expect(wordsOf(empty)).to.contain(none);
      expect(wordsOf(tooLarge)).to.contain(large);
      expect(headingOf(await drop('hello', {}, 'a.eml', by))).to.equal(refused);
    });
  }

  it('lets any login look, keeps and sends nothing, and takes no form of another site', async () => {
    const viewer = await staffBrowser(service, 'viewer');
    const before = await counts();

    const page = await drop(NEWSLETTER, {}, 'mail.eml', viewer);

    expect(page.status).to.equal(200);
    expect(await counts()).to.deep.equal(before);
    const url = `${service.base}/admin/preview`;
    const post = { method: 'POST', body: new FormData(), redirect: 'manual' as const };
    const strange = await fetch(url, { ...post, headers: { cookie: owner.cookie, origin: 'https://evil.example' } });
    const nobody = await fetch(url, post);
    expect([strange.status, nobody.status]).to.deep.equal([403, 303]);
    expect((await fetch(url, { ...post, headers: { cookie: owner.cookie } })).status).to.equal(403);
  });

  const counts = async (): Promise<unknown> =>
    service.ctx.db.query(
      'select (select count(*) from delivery) d, (select count(*) from campaign) c, (select count(*) from access_log) a',
    );
});

/** What stands in all elements of a name, without the tags in them. */
function marked(page: Page, tag: 'ins' | 'del'): string[] {
  return [...page.text.matchAll(new RegExp(`<${tag}>(.*?)</${tag}>`, 'gs'))].map(([, inside = '']) =>
    inside.replace(/<[^>]+>/g, ''),
  );
}
