import { expect } from 'chai';
import { progress } from '../../server/campaigns/progress.js';
import { steerCampaign } from '../../server/campaigns/steer.js';
import { addStaff } from '../../server/staff/add-staff.js';
import { eventually, startTestService, type TestService } from '../support/service.js';
import { wordsOf } from '../support/staff.js';
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
  /** A form with room for a file. */
  const sendForm = async (page: Page, act: string, more: Record<string, string>): Promise<Page> => {
    const { action, fields } = formOf(page, act);
    const body = new FormData();
    for (const [name, value] of Object.entries({ ...fields, ...more })) body.set(name, value);
    const answer = await fetch(action, {
      method: 'POST',
      body,
      redirect: 'manual',
      headers: { cookie: marketer, accept: 'text/html' },
    });
    return { status: answer.status, headers: answer.headers, text: await answer.text(), url: action };
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

  it('says before it is released that it starts later, and shows the plan on the draft', async () => {
    const href = await uploaded();
    expect(wordsOf(await see(`${href}/send`)))
      .to.contain('Send it now?')
      .and.to.contain('Sending starts at once.');
    await press(await see(`${href}/plan`), 'plan', { when: 'at', at: '2099-03-01T09:00' });

    const asked = wordsOf(await see(`${href}/send`));

    expect(asked).to.contain('It starts on 1 March 2099').and.to.contain('09:00');
    expect(asked).not.to.contain('at once').and.not.to.contain('Send it now?');
    expect(wordsOf(await see(href))).to.match(/When it starts 1 March 2099.* Clicks Not counted/);
  });

  it('shows no numbers, and nothing as sent, of a campaign that waits for its time', async () => {
    const href = await uploaded();
    await press(await see(`${href}/plan`), 'plan', { when: 'at', at: '2099-03-01T09:00' });
    await press(await see(`${href}/send`), 'send');

    const words = wordsOf(await see(href));

    expect(words).to.contain('It starts on 1 March 2099').and.to.contain('As it will arrive');
    expect(words).not.to.contain('0%').and.not.to.contain('As it was sent').and.not.to.contain('Results:');
    const ask = await see(`${href}/cancel`);
    expect(wordsOf(ask)).to.contain('It has not started, so nobody has got it.').and.not.to.contain('0 mails');
    await press(ask, 'cancel');
    await eventually(async () => expect(wordsOf(await see(href))).to.contain('Finished on'));
    const cancelled = await see(href);
    expect(wordsOf(cancelled)).not.to.contain('Started on').and.not.to.contain('As it was sent');
    // Nobody got it, so there is no page of it either.
    expect(cancelled.text).not.to.contain('/w/');
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

  it('does not drop a time that was typed while another start was ticked', async () => {
    const href = await uploaded();

    const page = await press(await see(`${href}/plan`), 'plan', { when: 'now', at: '2099-03-01T09:00' });

    expect(page.status).to.equal(422);
    expect(wordsOf(page)).to.contain('A time stands here, but it is to start as soon as it is released.');
    await press(await see(`${href}/plan`), 'plan', { when: 'at', at: '2099-03-01T09:00' });
    expect((await press(await see(`${href}/plan`), 'plan', { when: 'now' })).status).to.equal(303);
    expect(wordsOf(await see(`${href}/send`))).to.contain('Sending starts at once.');
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
    const running = await see(href);
    await Promise.all([press(running, 'pause'), press(running, 'pause')]);
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

  describe('when two people change the draft at once', () => {
    it('keeps what both chose, where they chose different things', async () => {
      const href = await uploaded();
      const [plan, text] = [await see(`${href}/plan`), await see(`${href}/text`)];
      const audience = await see(`${href}/audience?language=pl`);

      const answers = await Promise.all([
        press(plan, 'plan', { perSecond: '7' }),
        press(audience, 'audience'),
        post(
          `${service.base}${href}/results/tracking`,
          { ...formOf(plan, 'plan').fields, seen: '', tracking: 'aggregate' },
          { cookie: marketer },
        ),
        sendForm(text, 'text', { subject: 'July', text: 'Hello in July' }),
      ]);

      expect(answers.map(({ status }) => status)).to.deep.equal([303, 303, 303, 303]);
      const [row] = await service.ctx.db.query<{ subject: string; text: string; settings: object }>(
        'select subject, text, settings from campaign where id = $1',
        [href.split('/').pop()],
      );
      expect(row).to.deep.equal({
        ...{ subject: 'July', text: 'Hello in July\n' },
        settings: {
          audience: { languages: ['pl'] },
          sending: { onUnknown: 'again', perSecond: 7 },
          tracking: 'aggregate',
        },
      });
    });

    it('takes one plan of two, shows the other person both, and replaces it only when they say so', async () => {
      const href = await uploaded();
      const page = await see(`${href}/plan`);
      const pace = async (): Promise<string> => formOf(await see(`${href}/plan`), 'plan').fields['perSecond'] ?? '';

      const answers = await Promise.all(
        ['1111', '2222'].map(async (perSecond) => press(page, 'plan', { perSecond, tryForHours: '5' })),
      );

      expect(answers.map(({ status }) => status).sort()).to.deep.equal([303, 409]);
      const [stands, lost] = answers[0]?.status === 303 ? ['1111', '2222'] : ['2222', '1111'];
      expect(await pace()).to.equal(stands);
      const conflict = answers.find(({ status }) => status === 409) as Page;
      expect(wordsOf(conflict))
        .to.contain('Somebody else changed this at the same time')
        .and.contain(
          `Mails a second, at most Stands there now ${Number(stands).toLocaleString('en')} What you chose ${Number(lost).toLocaleString('en')}`,
        )
        .and.not.contain('Hours for which mail is tried again');
      await press(conflict, 'replace');
      expect(await pace()).to.equal(lost);
      // Who looks at a page of before all that is told as well, in their language; the same choice once more is no quarrel.
      const { fields, action } = formOf(page, 'plan');
      const late = await post(action, { ...fields, warmUp: '9' }, { cookie: `${marketer}; zgoda_language=pl` });
      expect([late.status, headingOf(late)]).to.deep.equal([409, 'June']);
      expect(late.text).to.contain('Ktoś inny zmienił to w tym samym czasie');
      expect(
        (await post(action, { ...fields, perSecond: lost, tryForHours: '5' }, { cookie: marketer })).status,
      ).to.equal(303);
    });

    it('tells whom it goes to and what it says, before and after, and the text can be put together there', async () => {
      const href = await uploaded();
      const [polish, english] = [await see(`${href}/audience?language=pl`), await see(`${href}/audience?language=en`)];
      const text = await see(`${href}/text`);
      await press(polish, 'audience');
      await sendForm(text, 'text', { text: 'Theirs <b>' });

      const [whom, words] = [await press(english, 'audience'), await sendForm(text, 'text', { text: 'Mine' })];

      expect([whom.status, words.status]).to.deep.equal([409, 409]);
      expect(wordsOf(whom)).to.match(/Stands there now .*Polski What you chose .*English/);
      expect(words.text).to.contain('Theirs &lt;b&gt;');
      await sendForm(words, 'replace', { text: 'Theirs and mine' });
      expect((await see(`${href}/text`)).text).to.contain('Theirs and mine');
    });
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
  const [, table = ''] = /<h2 id="history-title">[\s\S]+?<tbody[^>]*>([\s\S]+?)<\/tbody>/.exec(text) ?? [];
  const row = /<td class="when"[^>]*>[^<]+<\/td><td[^>]*>([^<]+)<\/td><td[^>]*>(.+?)<\/td>/g;
  return [...table.matchAll(row)].map(([, what = '', who = '']) => `${what}, ${who.replace(/<\/?bdi>/g, '')}`);
}
