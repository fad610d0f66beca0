import { expect } from 'chai';
import { startTestService, type TestService } from '../support/service.js';
import { join } from '../support/story.js';
import { formOf, get, headingOf, post, type Page } from '../support/web.js';

const HTML = `<html><head><title>June for *|FNAME|*</title></head><body>
<p>Hello *|FNAME|*, {{city_name}}!</p>
*|IF:CITY|*<p>In your city</p>*|END:IF|*
</body></html>`;

describe('the tags of another system', () => {
  let service: TestService;
  let cookie: string;

  before(async () => {
    service = await startTestService();
    const link = /http\S+first-run\S+/.exec(service.service.greeting)?.[0] ?? '';
    const form = formOf(await get(link), 'first-run');
    const page = await post(form.action, { email: 'owner@example.org', password: 'a long password' });
    cookie = (page.headers.get('set-cookie') ?? '').split(';')[0] ?? '';
    await join(service, 'ada@example.org');
  });

  after(async () => service.stop());

  const see = async (path: string): Promise<Page> => get(`${service.base}${path}`, { cookie });

  const upload = async (source: string, name: string, preheader = ''): Promise<string> => {
    const { fields } = formOf(await see('/admin/upload'), 'upload');
    const body = new FormData();
    for (const [field, value] of [
      ['csrf', fields['csrf'] ?? ''],
      ['list', 'news'],
      ['subject', ''],
      ['preheader', preheader],
    ] as const) {
      body.set(field, value);
    }
    body.set('file', new Blob([source]), name);
    const url = `${service.base}/admin/upload`;
    const answer = await fetch(url, {
      method: 'POST',
      body,
      redirect: 'manual',
      headers: { cookie, accept: 'text/html' },
    });
    expect(answer.status, await answer.text()).to.equal(303);
    return answer.headers.get('location') ?? '';
  };

  it('are shown after the upload with what they become, and nothing is sent before somebody accepts that', async () => {
    const tags = await upload(HTML, 'june.html');
    const href = tags.replace(/\/tags$/, '');

    const page = await see(tags);
    const campaign = await see(href);
    const ask = await see(`${href}/send`);
    const check = await see(`${href}/check`);
    const { fields } = formOf(page, 'accept-tags');
    const sent = await post(`${service.base}${href}/send`, { csrf: fields['csrf'] ?? '' }, { cookie });

    expect([page.status, headingOf(page)]).to.deep.equal([200, 'Tags of another mailing system']);
    expect(check.text).to.contain('This mail cannot leave like this.').and.to.contain('tags of another mailing system');
    expect(page.text).to.contain('*|FNAME|*').and.contain('Mailchimp, line 1, 2').and.contain('{{city_name}}');
    expect(fields).to.include({ 'as-0': 'attribute', 'name-0': 'first_name' });
    expect(campaign.text).to.contain('data-act="open-tags"');
    expect([ask.headers.get('location'), sent.headers.get('location')]).to.deep.equal([tags, tags]);
  });

  it('become what was chosen', async () => {
    const tags = await upload(HTML, 'june.html');
    const { action, fields } = formOf(await see(tags), 'accept-tags');
    const city = numberOf(await see(tags), '{{city_name}}');

    const answer = await post(action, { ...fields, [`as-${city}`]: 'text', [`words-${city}`]: 'Łódź' }, { cookie });

    expect(answer.status).to.equal(303);
    const href = answer.headers.get('location') ?? '';
    expect((await see(href)).text)
      .to.contain('June for Ada')
      .and.contain('Łódź!')
      .and.not.contain('data-act="open-tags"');
    expect((await see(`${href}/send`)).status).to.equal(200);
  });

  it('are not taken for something that they cannot become, and the page says why', async () => {
    const tags = await upload(
      HTML.replace('<p>Hello', '<a href="https://example.org/{{city_name}}">x</a><p>Hello'),
      'june.html',
    );
    const page = await see(tags);
    const { action, fields } = formOf(page, 'accept-tags');

    const city = numberOf(page, '{{city_name}}');
    const answer = await post(action, { ...fields, [`as-${city}`]: 'email' }, { cookie });

    expect(answer.status).to.equal(422);
    expect(answer.text).to.contain('Line 2:').and.contain('must not stand in a link');
  });

  const accept = async (tags: string, fields: Record<string, string>, from?: Page): Promise<Page> => {
    const form = formOf(from ?? (await see(tags)), 'accept-tags');
    return post(form.action, { ...form.fields, ...fields }, { cookie });
  };
  const write = async (href: string, fields: Record<string, string>): Promise<void> => {
    const form = formOf(await see(`${href}/text`), 'text');
    const body = new FormData();
    for (const [name, value] of Object.entries({ ...form.fields, ...fields })) body.set(name, value);
    const answer = await fetch(form.action, { method: 'POST', body, redirect: 'manual', headers: { cookie } });
    expect(answer.status).to.equal(303);
  };
  const wordsIn = async (href: string): Promise<{ preheader: string; text: string }> => {
    const page = await see(`${href}/text`);
    const [, text = ''] = /<textarea[^>]*name="text"[^>]*>\n?([^<]*)</.exec(page.text) ?? [];
    return { preheader: formOf(page, 'text').fields['preheader'] ?? '', text };
  };

  it('that become something else undo nothing that was written by hand, unless somebody says so; then the text can be brought back', async () => {
    const tags = await upload(HTML, 'june.html');
    const href = tags.replace(/\/tags$/, '');
    const city = numberOf(await see(tags), '{{city_name}}');
    await accept(tags, {});
    await write(href, { text: 'By hand.\n', preheader: 'Also by hand' });

    const changed = { [`as-${city}`]: 'text', [`words-${city}`]: 'Oslo' };
    const asked = await accept(tags, changed);
    const before = await wordsIn(href);
    const replaced = await accept(tags, { replace: 'on' }, asked);

    expect(asked.status).to.equal(409);
    expect(asked.text)
      .to.match(/was changed by hand[^]*<li>Preview text<\/li>\s*<li>Text part<\/li>/)
      .and.not.contain('<li>Subject</li>');
    expect(before).to.deep.equal({ text: 'By hand.\n', preheader: 'Also by hand' });
    expect(replaced.status).to.equal(303);
    expect((await wordsIn(href)).text).to.contain('Oslo!');
    await write(href, { how: 'former' });
    expect((await wordsIn(href)).text).to.equal('By hand.\n');
  });

  it('are not accepted as they were once somebody else has changed them', async () => {
    const tags = await upload(HTML, 'june.html');
    const early = await see(tags);
    const city = numberOf(early, '{{city_name}}');
    await accept(tags, { [`as-${city}`]: 'text', [`words-${city}`]: 'Oslo' });

    const late = await accept(tags, { [`as-${city}`]: 'nothing' }, early);

    expect(late.status).to.equal(409);
    expect(late.text).to.contain('Somebody else changed this at the same time');
    expect((await see(tags.replace(/\/tags$/, ''))).text).to.contain('Oslo!');
  });

  it('can be many', async () => {
    const many = Array.from({ length: 120 }, (_, i) => `<p>Words {{tag_${i}}}</p>`).join('\n');
    const tags = await upload(`<title>Many</title>${many}`, 'many.html');

    const answer = await accept(tags, { 'as-119': 'text', 'words-119': 'ż'.repeat(500) });

    expect(answer.status).to.equal(303);
  });

  it('in words for the inbox become the same, whenever the mail is made anew', async () => {
    const tags = await upload(HTML, 'june.html', 'Only *|LNAME|* in {{city_name}}');
    const page = await see(tags);

    const [city, name] = ['{{city_name}}', '*|LNAME|*'].map((tag) => numberOf(page, tag));
    await accept(tags, {
      ...{ [`as-${city}`]: 'text', [`words-${city}`]: 'Oslo' },
      ...{ [`as-${name}`]: 'text', [`words-${name}`]: 'you' },
    });

    expect((await wordsIn(tags.replace(/\/tags$/, ''))).preheader).to.equal('Only you in Oslo');
  });

  it('speak Polish too', async () => {
    const tags = await upload(HTML, 'june.html');

    const page = await get(`${service.base}${tags}?lang=pl`, { cookie });

    expect(headingOf(page)).to.equal('Znaczniki innego systemu wysyłki');
  });

  it('do not come between when there are none', async () => {
    expect(await upload('# Hello\n\nWords', 'june.md')).to.match(/^\/admin\/campaigns\/[0-9a-f-]{36}$/);
  });
});

/** Of the choice for a tag. */
function numberOf(page: Page, tag: string): string {
  const after = page.text.slice(page.text.indexOf(`<code>${tag}</code>`));
  return /name="as-(\d+)"/.exec(after)?.[1] ?? '';
}
