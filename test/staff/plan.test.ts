import { expect } from 'chai';
import { progress } from '../../server/campaigns/progress.js';
import { steerCampaign } from '../../server/campaigns/steer.js';
import { addStaff } from '../../server/staff/add-staff.js';
import { startTestService, type TestService } from '../support/service.js';
import { join } from '../support/story.js';
import { formOf, get, headingOf, post, type Page } from '../support/web.js';

const HTML = '<html><head><title>June</title></head><body><p>Hello</p></body></html>';

describe('The plan of a campaign', () => {
  let service: TestService;
  let marketer: string;
  let viewer: string;

  before(async () => {
    service = await startTestService();
    const login = async (role: 'marketer' | 'viewer'): Promise<string> => {
      const email = `${role}@example.org`;
      await addStaff(service.ctx, { email, role, password: 'a long password' });
      const page = await post(`${service.base}/admin/login`, { email, password: 'a long password' });
      return (page.headers.get('set-cookie') ?? '').split(';')[0] ?? '';
    };
    marketer = await login('marketer');
    viewer = await login('viewer');
    await join(service, 'ada@example.org');
  });
  after(async () => service.stop());

  const see = async (path: string, cookie = marketer): Promise<Page> => get(`${service.base}${path}`, { cookie });
  const press = async (
    page: Page,
    act: string,
    more: Record<string, string> = {},
    cookie = marketer,
  ): Promise<Page> => {
    const { action, fields } = formOf(page, act);
    return post(action, { ...fields, ...more }, { cookie });
  };
  const uploaded = async (): Promise<string> => {
    const { fields } = formOf(await see('/admin/upload'), 'upload');
    const body = new FormData();
    for (const [name, value] of Object.entries({ csrf: fields['csrf'] ?? '', list: 'news', subject: '' }))
      body.set(name, value);
    body.set('file', new Blob([HTML]), 'june.html');
    const headers = { cookie: marketer, accept: 'text/html' };
    const answer = await fetch(`${service.base}/admin/upload`, { method: 'POST', body, redirect: 'manual', headers });
    return answer.headers.get('location') ?? '';
  };
  const stateOf = async (href: string): Promise<string> =>
    (await progress(service.ctx, href.split('/').pop() ?? '')).state;

  it('is linked from the draft, keeps what was chosen, and says when it will start and how many go on which day', async () => {
    const href = await uploaded();
    expect((await see(href)).text).to.contain(`href="${href}/plan"`);

    const answer = await press(await see(`${href}/plan`), 'plan', {
      ...{ when: 'at', at: '2027-12-01T09:00', perSecond: '50', warmUp: '1', tryForHours: '24', onUnknown: 'leave' },
    });
    expect(answer.status).to.equal(303);
    const page = await see(answer.headers.get('location') ?? '');

    expect(page.text).to.contain('Saved.').and.to.contain('1 December 2027 at 09:00:00');
    expect(formOf(page, 'plan').fields).to.include({
      at: '2027-12-01T09:00',
      perSecond: '50',
      warmUp: '1',
      tryForHours: '24',
    });
    expect(page.text).to.match(/name="onUnknown" value="leave" checked/);
    expect(page.text).to.contain('Day by day');
  });

  it('waits for its time, can be made a draft again, and cannot be changed meanwhile', async () => {
    const href = await uploaded();
    await press(await see(`${href}/plan`), 'plan', { when: 'at', at: '2027-12-01T09:00' });
    await press(await see(`${href}/send`), 'send');

    const page = await see(href);
    expect(page.text).to.contain('Waits for its time').and.to.contain('It starts on 1 December 2027 at 09:00:00');
    expect((await see(`${href}/plan`)).text).not.to.contain('data-act="plan"');
    await press(page, 'unschedule');

    expect(await see(href).then(({ text }) => text.includes('data-act="ask-send"'))).to.equal(true);
  });

  for (const [lang, wrong] of [
    [
      'en',
      {
        '2027-03-28T02:30': 'skip this time. Choose another one, such as 03:30',
        '2020-01-01T09:00': 'has passed',
        '': 'Choose a date',
      },
    ],
    ['pl', { '2027-03-28T02:30': 'pomijają tę godzinę. Wybierz inną, na przykład 03:30' }],
  ] as const)
    it(`says in ${lang} what is wrong with a time, at the field and above, and keeps what was typed`, async () => {
      const href = await uploaded();
      for (const [at, words] of Object.entries(wrong)) {
        const { fields, action } = formOf(await see(`${href}/plan?lang=${lang}`), 'plan');
        const headers = { cookie: `${marketer}; zgoda_language=${lang}` };
        const page = await post(action, { ...fields, when: 'at', at, perSecond: '7' }, headers);

        expect(page.status).to.equal(422);
        expect(page.text.split(words).length - 1, words).to.equal(2);
        expect(formOf(page, 'plan').fields).to.include({ at, perSecond: '7' });
      }
    });

  it('says of a time that comes twice which one counts', async () => {
    const href = await uploaded();

    await press(await see(`${href}/plan`), 'plan', { when: 'at', at: '2027-10-31T02:30' });

    expect((await see(`${href}/plan`)).text).to.contain('show this time twice: the first one counts');
  });

  it('refuses numbers that are none', async () => {
    const href = await uploaded();

    const page = await press(await see(`${href}/plan`), 'plan', { perSecond: 'many', warmUp: '0', tryForHours: '999' });

    expect(page.status).to.equal(422);
    for (const field of ['perSecond', 'warmUp', 'tryForHours']) expect(page.text).to.contain(`href="#${field}"`);
  });

  it('lets marketers pause, go on and cancel, and asks once before the last', async () => {
    const href = await uploaded();
    await press(await see(`${href}/plan`), 'plan', { warmUp: '1' });
    // So that it does not end under our hands.
    await join(service, 'boris@example.org');
    await press(await see(`${href}/send`), 'send');

    await press(await see(href), 'pause');
    expect(await stateOf(href)).to.equal('paused');
    await press(await see(href), 'resume');
    expect(await stateOf(href)).to.equal('sending');
    const ask = await see(`${href}/cancel`);
    expect(headingOf(ask)).to.equal('Cancel this campaign?');
    expect(ask.text).to.contain('To stop for a while only, pause instead');
    await press(ask, 'cancel');

    expect(await stateOf(href)).to.equal('cancelled');
    expect((await see(href)).text).not.to.contain('data-act="pause"');
    expect((await see(`${href}/cancel`)).status).to.equal(303);
  });

  it('keeps who scheduled, paused, resumed and cancelled it, and tells it in the language of whoever looks', async () => {
    const href = await uploaded();
    const id = href.split('/').pop() ?? '';
    await press(await see(`${href}/plan`), 'plan', { when: 'at', at: '2027-12-01T09:00' });
    await press(await see(`${href}/send`), 'send');
    await press(await see(href), 'unschedule');
    await press(await see(`${href}/plan`), 'plan', { when: 'now', warmUp: '1' });
    await press(await see(`${href}/send`), 'send');
    await Promise.all([press(await see(href), 'pause'), press(await see(href), 'pause')]);
    await steerCampaign(service.ctx, id, 'resume', null);
    await press(await see(`${href}/cancel`), 'cancel');
    await service.ctx.db.query(
      `insert into campaign_act (campaign_id, number, what, happened_at, seal) values ($1, 99, 'paused', now(), 'forged')`,
      [id],
    );

    const [english, polish] = [await see(href, viewer), await see(`${href}?lang=pl`, viewer)];

    expect(historyOf(english)).to.deep.equal([
      'Released, to start at its time, marketer@example.org',
      'Made a draft again, marketer@example.org',
      'Released, to start at once, marketer@example.org',
      'Paused, marketer@example.org',
      'Resumed, The operator, on the command line',
      'Cancelled, marketer@example.org',
    ]);
    expect(historyOf(polish).slice(-2)).to.deep.equal([
      'Wznowienie, Operator, z wiersza poleceń',
      'Anulowanie, marketer@example.org',
    ]);
  });

  it('shows viewers when and how fast, and lets them change nothing', async () => {
    const href = await uploaded();
    const { fields, action } = formOf(await see(`${href}/plan`), 'plan');

    const page = await see(`${href}/plan`, viewer);

    expect(page.status).to.equal(200);
    expect(page.text).not.to.contain('<button class="button">Save');
    expect((await post(action, fields, { cookie: viewer })).status).to.equal(403);
    for (const step of ['pause', 'resume', 'cancel', 'unschedule'])
      expect((await post(`${service.base}${href}/${step}`, fields, { cookie: viewer })).status, step).to.equal(403);
  });
});

/** What was done with a campaign and who did it, without when. */
function historyOf({ text }: Page): string[] {
  const [, table = ''] = /<h2 id="history-title">[\s\S]+?<tbody>([\s\S]+?)<\/tbody>/.exec(text) ?? [];
  return [...table.matchAll(/<tr><td>[^<]+<\/td><td>([^<]+)<\/td><td>(.+?)<\/td><\/tr>/g)].map(
    ([, what = '', who = '']) => `${what}, ${who.replace(/<\/?bdi>/g, '')}`,
  );
}
