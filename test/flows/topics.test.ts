import { expect } from 'chai';
import { audienceOf } from '../../server/campaigns/audience.js';
import { chooseAudience } from '../../server/campaigns/choose-audience.js';
import { changeDraft } from '../../server/campaigns/draft.js';
import { fanOut } from '../../server/campaigns/fan-out.js';
import { progress } from '../../server/campaigns/progress.js';
import { releaseCampaign } from '../../server/campaigns/release.js';
import { resultsCsv } from '../../server/campaigns/results-file.js';
import type { AudienceFilter } from '../../server/campaigns/settings.js';
import { steerCampaign } from '../../server/campaigns/steer.js';
import { createCampaign } from '../../server/campaigns/upload.js';
import { attributesOf } from '../../server/consent/attributes.js';
import { listBySlug } from '../../server/consent/catalogue.js';
import { setup } from '../../server/consent/setup.js';
import { Refusal } from '../../server/errors.js';
import { reasonsFor } from '../../server/staff/access-log.js';
import { openProfileKey } from '../../server/staff/unmask.js';
import { erase } from '../../server/rights/erase.js';
import { DEMO } from '../../server/tour/demo.js';
import { checkLedger, eventually, startTestService, type TestService } from '../support/service.js';
import { factsOf, one, settled } from '../support/state.js';
import { staffBrowser, wordsOf } from '../support/staff.js';
import { linkIn, pressConfirm, settingsLink, signUp } from '../support/story.js';
import { boxOf, formOf, get, post, type Page } from '../support/web.js';

const SOURCE = Buffer.from('<html><head><title>Films</title></head><body><p>Hello</p></body></html>');

const TOPICS = [
  { slug: 'books', names: { en: 'New books', pl: 'Nowe książki' } },
  { slug: 'films', names: { en: 'Films' } },
  { slug: 'games', names: { en: 'Board games' } },
];
const ATTRIBUTES = [
  { name: 'first_name', labels: { en: 'First name', pl: 'Imię' } },
  { name: 'city', labels: { en: 'City' }, filter: true },
  { name: 'illness', labels: { en: 'Illness' }, sensitive: true },
];
const ASKING = {
  ...DEMO,
  organisation: { ...DEMO.organisation, attributes: ATTRIBUTES },
  lists: DEMO.lists.map((list) => (list.slug === 'news' ? { ...list, topics: TOPICS } : list)),
};

let service: TestService;
let people = 0;

describe('Topics and attributes', function () {
  this.timeout(60_000);

  before(async () => {
    service = await startTestService();
    await setup(service.ctx, ASKING);
  });

  after(async () => {
    await settled(service.ctx);
    await checkLedger(service.ctx);
    await service.stop();
  });

  /** Somebody new, who told this in the form: the preference page that their mails lead to. */
  async function reader(told: Record<string, string> = {}): Promise<{ email: string; link: string }> {
    people += 1;
    const email = `ada${people}@example.org`;
    const page = await get(`${service.base}/lists/news`);
    const { action, fields } = formOf(page, 'subscribe');
    await post(action, { ...fields, ...told, email, consent: boxOf(page) });
    const confirmed = await pressConfirm(linkIn(await service.mailTo(email, 1), 'c'));
    return { email, link: settingsLink(confirmed) };
  }

  async function choose(link: string, untick: readonly string[], more: Record<string, string> = {}): Promise<Page> {
    const { action, fields } = formOf(await get(link), 'preferences');
    const left = Object.entries(fields).filter(([name]) => !untick.includes(name));
    return post(action, { ...(Object.fromEntries(left) as Record<string, string>), ...more });
  }

  const topicsOf = async (email: string): Promise<string[]> => {
    const facts = await factsOf(service.ctx, email);
    return one<string[]>(service.ctx, 'select topics from consent where id = $1', [facts?.consentId]);
  };

  /** To whom a campaign about something goes. */
  async function sendTo(filter: AudienceFilter): Promise<string> {
    const { ctx } = service;
    const id = await createCampaign(ctx, { list: 'news', fileName: 'a.html', source: SOURCE });
    await chooseAudience(ctx, id, filter);
    await releaseCampaign(ctx, id);
    while ((await fanOut(ctx)) > 0);
    return id;
  }

  const stateOfMail = async (campaign: string, email: string): Promise<string | null> => {
    const facts = await factsOf(service.ctx, email);
    const [row] = await service.ctx.db.query<{ state: string; reason: string | null }>(
      'select state, reason from delivery where message_id = $1 and subscriber_id = $2',
      [campaign, facts?.subscriberId],
    );
    return row ? (row.reason ?? row.state) : null;
  };

  it('are offered by the sign-up form as boxes that nobody ticked, and are kept once confirmed', async () => {
    const form = formOf(await get(`${service.base}/lists/news`), 'subscribe');
    expect(Object.keys(form.fields)).to.not.include('topic-films');

    const some = await reader({ 'topic-films': 'yes', 'topic-none': 'yes' });
    const silent = await reader();

    expect(await topicsOf(some.email)).to.deep.equal(['films']);
    expect(await topicsOf(silent.email)).to.deep.equal([]);
  });

  it('decide which mails somebody gets; who chose none gets all', async () => {
    const [films, books, all] = [
      await reader({ 'topic-films': 'yes' }),
      await reader({ 'topic-books': 'yes' }),
      await reader(),
    ];

    const campaign = await sendTo({ topics: ['films'] });

    await eventually(async () => expect(await stateOfMail(campaign, films.email)).to.equal('sent'));
    await eventually(async () => expect(await stateOfMail(campaign, all.email)).to.equal('sent'));
    expect(await stateOfMail(campaign, books.email)).to.equal(null);
  });

  it('are asked for again right before a mail leaves: who left the topic while it waited does not get it', async () => {
    const { ctx } = service;
    const waiting = new Map<string, string>();
    for (const { email, link } of [
      await reader({ 'topic-games': 'yes', 'topic-books': 'yes' }),
      await reader({ 'topic-games': 'yes', 'topic-books': 'yes' }),
    ])
      waiting.set(email, link);
    const id = await createCampaign(ctx, { list: 'news', fileName: 'a.html', source: SOURCE });
    await changeDraft(ctx, id, { settings: { audience: { topics: ['games'] }, sending: { warmUp: 1 } } });
    await releaseCampaign(ctx, id);
    await eventually(async () => expect((await progress(ctx, id)).queued).to.be.greaterThan(1));
    await steerCampaign(ctx, id, 'pause', null);
    for (const email of waiting.keys()) if ((await stateOfMail(id, email)) !== 'queued') waiting.delete(email);
    const [[email, link] = ['', '']] = waiting;
    await choose(link, ['topic-games']);

    await ctx.db.query('update campaign_pace set warm_up = null where campaign_id = $1', [id]);
    await steerCampaign(ctx, id, 'resume', null);

    await eventually(async () => expect(await stateOfMail(id, email)).to.equal('topic'));
    const rows: string[] = [];
    for await (const some of resultsCsv(ctx, id, { outcome: 'skipped' }, false)) rows.push(some);
    expect(rows.join('')).to.contain(`${email},skipped,topic,`);
  });

  it('can be left from a footer link and not be added there; more needs the link that is mailed (promise 10)', async () => {
    const { email, link } = await reader();

    const saved = await choose(link, ['topic-games']);
    expect(saved.text).to.contain('Only these topics: New books, Films.');
    expect(await topicsOf(email)).to.deep.equal(['books', 'films']);

    await choose(link, ['topic-books'], { 'topic-games': 'yes' });
    expect(await topicsOf(email), 'games would be more').to.deep.equal(['books', 'films']);
    await choose(link, [], { 'topic-games': 'yes' });
    expect(await topicsOf(email), 'all would be more').to.deep.equal(['books', 'films']);
    expect((await get(link)).text).to.not.contain('Board games');

    const { send } = await session(email);
    await send({ 'topic-books': 'yes', 'topic-games': 'yes' });
    expect(await topicsOf(email), 'all, and those that will come').to.deep.equal([]);
  });

  it('are never none: whoever unticks all is told to leave the list instead, and nothing changes', async () => {
    const { email, link } = await reader();

    const page = await choose(link, ['topic-books', 'topic-films', 'topic-games'], { choice: 'weekly' });

    expect(page.status).to.equal(422);
    expect(page.text).to.contain('Choose at least one topic, or leave the list.');
    expect([await topicsOf(email), (await factsOf(service.ctx, email))?.frequency]).to.deep.equal([[], 'all']);
  });

  it('come back by the undo button, with the frequency that was changed along', async () => {
    const { email, link } = await reader();

    const saved = await choose(link, ['topic-books'], { choice: 'monthly' });
    expect([await topicsOf(email), (await factsOf(service.ctx, email))?.frequency]).to.deep.equal([
      ['films', 'games'],
      'monthly',
    ]);
    const undo = formOf(saved, 'undo');
    await post(undo.action, undo.fields);

    expect([await topicsOf(email), (await factsOf(service.ctx, email))?.frequency]).to.deep.equal([[], 'all']);
  });

  it('that somebody wrote into the database bring no mail (T6)', async () => {
    const { email } = await reader({ 'topic-books': 'yes' });
    const facts = await factsOf(service.ctx, email);
    await service.ctx.db.query(`update consent set topics = '{}' where id = $1`, [facts?.consentId]);

    const campaign = await sendTo({ topics: ['films'] });

    await eventually(async () => expect(await stateOfMail(campaign, email)).to.equal('seal'));
  });

  it('take of a form only what the organisation asks for, encrypted, and find it again by an exact value', async () => {
    const { ctx } = service;
    const { id } = await listBySlug(ctx, 'news');
    const before = (await audienceOf(ctx, id, { attributes: { city: 'Łódź' } })).reached;
    const { email } = await reader({ first_name: ' Ada\u202e\tLovelace ', city: 'Łódź', illness: 'flu', shoe: '38' });
    const facts = await factsOf(ctx, email);
    const subscriberId = facts?.subscriberId ?? '';

    expect(await attributesOf(ctx, ctx.db, subscriberId)).to.deep.equal({
      ...{ first_name: 'Ada  Lovelace', city: 'Łódź', illness: 'flu' },
    });
    const [row] = await ctx.db.query<{ attributes: Buffer }>('select attributes from subscriber where id = $1', [
      subscriberId,
    ]);
    expect(row?.attributes.includes('Ada')).to.equal(false);
    expect((await audienceOf(ctx, id, { attributes: { city: ' łódź' } })).reached).to.equal(before + 1);
    expect((await audienceOf(ctx, id, { attributes: { city: 'Łód' } })).reached).to.equal(0);
  });

  for (const name of ['illness', 'first_name', 'shoe']) {
    it(`let nobody be chosen by ${name}: sensitive, not meant for it, or unknown (T11)`, async () => {
      const id = await createCampaign(service.ctx, { list: 'news', fileName: 'a.html', source: SOURCE });

      const error: unknown = await chooseAudience(service.ctx, id, { attributes: { [name]: 'flu' } }).catch(
        (thrown: unknown) => thrown,
      );

      expect(error instanceof Refusal && error.code).to.equal('body-invalid');
      expect(await one(service.ctx, 'select settings from campaign where id = $1', [id])).to.deep.equal({});
    });
  }

  it('cannot be declared as sensitive and a filter at once, nor under the name of a field that every form has', async () => {
    for (const attribute of [
      { name: 'illness', labels: {}, sensitive: true, filter: true },
      { name: 'email', labels: {} },
      { name: 'Name', labels: {} },
    ]) {
      const set = { ...ASKING, organisation: { ...ASKING.organisation, attributes: [attribute] } };
      const error: unknown = await setup(service.ctx, set).catch((thrown: unknown) => thrown);

      expect(error instanceof Refusal && error.code).to.equal('body-invalid');
    }
  });

  it('are shown to the person and corrected there, and a stranger who signs them up again changes nothing', async () => {
    const { ctx } = service;
    const { email } = await reader({ first_name: 'Ada', city: 'Kraków' });
    const subscriberId = (await factsOf(ctx, email))?.subscriberId ?? '';
    const { cookie } = await session(email);
    const about = formOf(await get(`${service.base}/settings`, { cookie }), 'about');
    expect(about.fields).to.include({ first_name: 'Ada', city: 'Kraków', illness: '' });

    await post(about.action, { ...about.fields, first_name: 'Ada "<b>"', city: '' }, { cookie });
    await signUp(service, email);
    await settled(ctx);

    expect(await attributesOf(ctx, ctx.db, subscriberId)).to.deep.equal({ first_name: 'Ada "<b>"' });
    expect((await get(`${service.base}/settings`, { cookie })).text).to.contain('value="Ada &quot;&lt;b&gt;&quot;"');
    const marks = 'select count(*)::int from attribute_mark where subscriber_id = $1';
    expect(await one(ctx, marks, [subscriberId])).to.equal(0);
  });

  it('are masked on the page of a person and corrected there by staff, for a reason that is written down', async () => {
    const { ctx } = service;
    const { email } = await reader({ first_name: 'Adda', city: 'Wrocław' });
    const subscriberId = (await factsOf(ctx, email))?.subscriberId ?? '';
    const [marketer, viewer] = [
      await staffBrowser(service, 'marketer', 'en', 'mia@workshop.example'),
      await staffBrowser(service, 'viewer', 'pl', 'vera@workshop.example'),
    ];
    const find = async (by: typeof marketer): Promise<Page> =>
      by.follow(await by.send('/admin/people', 'find', { email }));
    const page = await find(marketer);
    expect(page.text).to.contain('First name').and.not.contain('Adda').and.not.contain('Wrocław');
    const { action, fields } = formOf(page, 'correct');
    const send = async (more: Record<string, string>, by = marketer): Promise<Page> =>
      post(action, { ...fields, ...more }, { cookie: by.cookie });

    const shown = await post(
      formOf(page, 'unmask').action,
      { ...formOf(page, 'unmask').fields, field: 'attribute/first_name', reason: 'Ticket 12: she says it is wrong' },
      { cookie: marketer.cookie },
    );
    expect(shown.text).to.contain('<p class="shown">Adda</p>');
    for (const [more, words] of [
      [{ name: 'first_name', value: 'Ada', reason: 'no' }, 'Say in a few words why'],
      [{ name: 'first_name', value: 'A'.repeat(101), reason: 'Ticket 12' }, 'at most 100 characters'],
      [{ name: 'shoe_size', value: '39', reason: 'Ticket 12' }, 'Choose what is to be corrected'],
    ] as const) {
      const wrong = await send(more);
      expect([wrong.status, wordsOf(wrong).includes(words)], words).to.deep.equal([422, true]);
    }
    expect((await send({ name: 'city', value: 'Opole', reason: 'Ticket 12' }, viewer)).status).to.equal(403);
    expect(await attributesOf(ctx, ctx.db, subscriberId)).to.deep.equal({ first_name: 'Adda', city: 'Wrocław' });

    for (const [name, value] of [
      ['first_name', ' Ada\u202e '],
      ['city', 'Opole'],
      ['illness', ''],
    ] as const)
      expect((await send({ name, value, reason: 'Ticket 12: by phone' })).status).to.equal(303);

    expect(await attributesOf(ctx, ctx.db, subscriberId)).to.deep.equal({ first_name: 'Ada', city: 'Opole' });
    const chosen = async (city: string): Promise<number> =>
      (await audienceOf(ctx, (await listBySlug(ctx, 'news')).id, { attributes: { city } })).reached;
    expect([await chosen('opole'), await chosen('Wrocław')]).to.deep.equal([1, 0]);
    const profileKey = await one<Buffer>(ctx, 'select profile_key from subscriber where id = $1', [subscriberId]);
    const reasons = await reasonsFor(ctx, subscriberId, openProfileKey(ctx, { id: subscriberId, profileKey }));
    expect(reasons.map(({ field, reason }) => `${field}: ${reason}`)).to.deep.equal([
      'attribute first_name: Ticket 12: she says it is wrong',
      ...['first_name', 'city', 'illness'].map((name) => `attribute ${name}: Ticket 12: by phone`),
    ]);
    expect(reasons.every(({ staffId }) => staffId === marketer.id)).to.equal(true);
    const seen = await find(viewer);
    expect(wordsOf(seen)).to.contain('Sprostowano 3 pola.').and.contain('Imię: zakryte');
    expect(seen.text).to.not.contain('data-act="correct"').and.not.contain('Opole');
  });

  it('are gone with the person', async () => {
    const { ctx } = service;
    const { email } = await reader({ first_name: 'Dora', city: 'Gdynia' });
    const subscriberId = (await factsOf(ctx, email))?.subscriberId ?? '';

    await erase(ctx, { subscriberId, cause: 'person' });

    expect(await attributesOf(ctx, ctx.db, subscriberId)).to.deep.equal({});
    expect(await one(ctx, 'select attributes from subscriber where id = $1', [subscriberId])).to.equal(null);
    expect(
      await one(ctx, 'select count(*)::int from attribute_mark where subscriber_id = $1', [subscriberId]),
    ).to.equal(0);
  });

  /** The settings opened by a mailed link. */
  async function session(
    email: string,
  ): Promise<{ cookie: string; send: (fields: Record<string, string>) => Promise<Page> }> {
    const mails = await service.mailsTo(email);
    await post(`${service.base}/preferences`, { email });
    const open = formOf(await get(linkIn(await service.mailTo(email, mails + 1), 'm')), 'open');
    const opened = await post(open.action, open.fields);
    const cookie = (opened.headers.get('set-cookie') ?? '').split(';')[0] ?? '';
    const send = async (fields: Record<string, string>): Promise<Page> => {
      const form = formOf(await get(`${service.base}/settings`, { cookie }), 'preferences');
      return post(form.action, { ...form.fields, ...fields }, { cookie });
    };
    return { cookie, send };
  }
});
