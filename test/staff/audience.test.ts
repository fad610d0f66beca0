import { expect } from 'chai';
import { createCampaign } from '../../server/campaigns/upload.js';
import { loadCampaign } from '../../server/staff/campaign.js';
import { addStaff } from '../../server/staff/add-staff.js';
import { startTestService, type TestService } from '../support/service.js';
import { join } from '../support/story.js';
import { formOf, get, headingOf, linksOf, post, type Page } from '../support/web.js';

const SOURCE = Buffer.from('<html><head><title>June</title></head><body><p>Hello</p></body></html>');

describe('the screen on which an audience is chosen', () => {
  let service: TestService;
  let cookie: string;
  let id: string;

  before(async () => {
    service = await startTestService();
    cookie = await logIn('owner');
    for (let place = 0; place < 12; place += 1) await join(service, `person${place}@example.org`);
  });

  after(async () => service.stop());

  beforeEach(async () => {
    id = await createCampaign(service.ctx, { list: 'news', fileName: 'june.html', source: SOURCE });
  });

  async function logIn(role: 'owner' | 'viewer'): Promise<string> {
    await addStaff(service.ctx, { email: `${role}@example.org`, role, password: 'a long password' });
    const page = await post(`${service.base}/admin/login`, {
      email: `${role}@example.org`,
      password: 'a long password',
    });
    return (page.headers.get('set-cookie') ?? '').split(';')[0] ?? '';
  }

  const see = async (path: string, as = cookie): Promise<Page> => get(`${service.base}${path}`, { cookie: as });

  const press = async (page: Page, act: string, more: Record<string, string> = {}): Promise<Page> => {
    const { action, fields } = formOf(page, act);
    return post(new URL(action, service.base).href, { ...fields, ...more }, { cookie });
  };

  const settings = async (): Promise<unknown> => (await loadCampaign(service.ctx, id)).settings;

  it('counts what its address asks for, and gives it to the campaign by a button, without any script', async () => {
    const page = await see(`/admin/campaigns/${id}/audience?language=en&after=2020-01-01&before=`);

    expect(page.status).to.equal(200);
    expect(page.text).to.contain('12 people will get it.').and.to.contain('On the list since 1 January 2020');
    const pressed = await press(page, 'audience');

    expect([pressed.status, pressed.headers.get('location')]).to.deep.equal([303, `/admin/campaigns/${id}`]);
    expect(await settings()).to.deep.equal({
      // Midnight in Warsaw.
      audience: { languages: ['en'], joinedAfter: '2019-12-31T23:00:00.000Z' },
    });
    expect((await see(`/admin/campaigns/${id}`)).text).to.contain('Language: English');
    expect((await see(`/admin/campaigns/${id}/send`)).text).to.contain('12 people');
  });

  it('goes back to the whole list when everything is emptied', async () => {
    await press(await see(`/admin/campaigns/${id}/audience?language=en`), 'audience');
    const chosen = await see(`/admin/campaigns/${id}/audience`);
    expect(chosen.text).to.match(/value="en" checked/);

    await press(await see(`/admin/campaigns/${id}/audience?after=&before=`), 'audience');

    expect(await settings()).to.deep.equal({});
  });

  it('tells of a small part only that it is small (T11), here and before sending', async () => {
    const page = await see(`/admin/campaigns/${id}/audience?language=pl`);
    await press(page, 'audience');
    const pages = [page, await see(`/admin/campaigns/${id}`), await see(`/admin/campaigns/${id}/send`)];

    expect(page.text).to.contain('Fewer than 10 people will get it.').and.not.to.contain('<svg');
    for (const one of pages) expect(one.text).not.to.match(/\b(0|10|12) (people|person)\b(?! will get it)/);
    expect(pages[2]?.text).to.contain('goes to a small part of the list');
  });

  it('says what cannot be asked, and counts nothing', async () => {
    for (const query of [
      'topic=none-of-this-list',
      'is.email=ada@example.org',
      'after=2026-05-01&before=2026-04-01',
      'after=yesterday',
      `language=${'x'.repeat(101)}`,
      'language=%00',
    ]) {
      const page = await see(`/admin/campaigns/${id}/audience?${query}`);

      expect([query, page.status]).to.deep.equal([query, 422]);
      expect(page.text).to.contain('Nothing was counted.').and.not.to.contain('data-act="audience"');
    }
  });

  it('keeps what was typed where it cannot be asked', async () => {
    const page = await see(`/admin/campaigns/${id}/audience?language=en&after=2026-05-01&before=2026-04-01`);

    expect(page.text).to.match(/value="en" checked/);
    expect(page.text).to.contain('type="date" value="2026-05-01"').and.to.contain('type="date" value="2026-04-01"');
  });

  it('keeps a part under a name, for other campaigns of the list; what becomes of it changes no campaign', async () => {
    const page = await see(`/admin/campaigns/${id}/audience?language=en&before=2030-01-01`);
    const wrong = await press(page, 'segment', { name: ' ' });
    const kept = await press(page, 'segment', { name: 'English, early' });
    expect([wrong.status, kept.status]).to.deep.equal([422, 303]);
    expect(wrong.text)
      .to.match(/<title>Error:/)
      .and.to.contain('<a href="#name">');

    const other = await createCampaign(service.ctx, { list: 'news', fileName: 'july.html', source: SOURCE });
    const choose = await see(`/admin/campaigns/${other}/audience`);
    const href = linksOf(choose, '/admin/campaigns').find((link) => link.includes('before=2030-01-01')) ?? '';
    await press(await get(new URL(href, service.base).href, { cookie }), 'audience');
    const expected = { audience: { languages: ['en'], joinedBefore: '2029-12-31T23:00:00.000Z' } };
    expect((await loadCampaign(service.ctx, other)).settings).to.deep.equal(expected);

    const list = await see('/admin/segments');
    expect([headingOf(list), list.text.includes('English, early')]).to.deep.equal(['Segments', true]);
    expect((await press(list, 'rename', { name: '' })).status).to.equal(422);
    await press(list, 'rename', { name: 'Early birds' });
    expect((await see('/admin/segments')).text)
      .to.contain('Early birds')
      .and.not.to.contain('English, early');
    await press(await see('/admin/segments'), 'delete');

    expect((await see('/admin/segments')).text).to.contain('There is no segment yet.');
    expect((await loadCampaign(service.ctx, other)).settings).to.deep.equal(expected);
  });

  it('lets viewers count, and change nothing', async () => {
    const viewer = await logIn('viewer');
    const page = await see(`/admin/campaigns/${id}/audience?language=en`, viewer);
    const { fields } = formOf(await see(`/admin/campaigns/${id}/audience?language=en`), 'audience');

    const answers = await Promise.all(
      ['audience?language=en', 'segments?language=en'].map(async (path) =>
        post(`${service.base}/admin/campaigns/${id}/${path}`, { ...fields, name: 'x' }, { cookie: viewer }),
      ),
    );

    expect(page.text)
      .to.contain('12 people will get it.')
      .and.not.to.contain('<form method="post" action="/admin/campaigns');
    expect(answers.map(({ status }) => status)).to.deep.equal([403, 403]);
    expect(await settings()).to.deep.equal({});
  });

  it('is closed once the campaign was released', async () => {
    await press(await see(`/admin/campaigns/${id}/send`), 'send');

    const page = await see(`/admin/campaigns/${id}/audience`);

    expect([page.status, page.headers.get('location')]).to.deep.equal([303, `/admin/campaigns/${id}`]);
  });
});
