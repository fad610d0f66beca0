import { expect } from 'chai';
import { organisationById } from '../../server/consent/catalogue.js';
import { sendingDomains } from '../../server/delivery/sending-domains.js';
import { startDns, type TestDns } from '../support/dns.js';
import { startTestService, type TestService } from '../support/service.js';
import { staffBrowser, wordsOf, type StaffBrowser } from '../support/staff.js';
import { one } from '../support/state.js';
import { formOf, headingOf, linksOf, post, type Page } from '../support/web.js';

const AT = '/admin/sending';

describe('the screen of further domains', () => {
  let dns: TestDns;
  let service: TestService;
  let owner: StaffBrowser;
  let marketer: StaffBrowser;

  before(async () => {
    dns = await startDns();
    service = await startTestService({ settings: { DNS_SERVER: dns.server } });
    owner = await staffBrowser(service, 'owner');
    marketer = await staffBrowser(service, 'marketer');
  });
  after(async () => {
    await service.stop();
    await dns.stop();
  });

  const domains = async (): Promise<readonly string[]> => {
    const id = await one<string>(service.ctx, 'select id from organisation');
    const organisation = await organisationById(service.ctx, id);
    return sendingDomains(service.ctx, organisation);
  };
  const add = async (domain: string, by = owner): Promise<Page> => by.send(AT, 'add-domain', { domain });

  it('adds one, shows the records to publish, and lets it send once the DNS shows them', async () => {
    const waiting = await owner.follow(await add(' News.Example. '));
    const early = await owner.follow(await owner.send(AT, 'check-domains', {}));
    const before = await domains();
    const record = /zgoda1\._domainkey\.news\.example/.exec(waiting.text)?.[0] ?? '';
    const [, text = ''] = /news\.example<\/code><\/dd><\/div>\s*<div>.*?>(v[^<]+)<\/code>/s.exec(waiting.text) ?? [];
    dns.records.set(record, [text.replace(/&#x3D;/g, '=')]);
    const checked = await owner.follow(await owner.send(AT, 'check-domains', {}));

    expect(wordsOf(waiting)).to.contain('news.example A further domain: mail may leave from it once the DNS shows');
    expect(wordsOf(early)).to.contain('The DNS was asked just now.').and.to.contain('once the DNS shows');
    expect(before).to.deep.equal(['bookshop.example']);
    expect(wordsOf(checked)).to.contain('news.example A further domain: mail may leave from it. Remove');
    expect(await domains()).to.deep.equal(['bookshop.example', 'news.example']);
  });

  it('asks once before it removes one', async () => {
    await add('gone.example');
    const href = linksOf(await owner.see(AT), `${AT}/remove`).find((link) => link.includes('gone')) ?? '';

    const question = await owner.see(href);
    const still = wordsOf(await owner.see(AT));
    const form = formOf(question, 'remove-domain');
    const after = await owner.follow(await post(form.action, form.fields, { cookie: owner.cookie }));

    expect(headingOf(question)).to.equal('Remove gone.example?');
    expect(wordsOf(question)).to.contain('is refused from then on');
    expect(still).to.contain('gone.example');
    expect(wordsOf(after)).not.to.contain('gone.example');
    expect((await post(form.action, form.fields, { cookie: owner.cookie })).status).to.equal(404);
  });

  it('says what is wrong with a domain, beside the field, and keeps what was typed', async () => {
    for (const typed of ['nothing', 'bookshop.example', '<b>.example', '']) {
      const page = await add(typed);

      expect(page.status, typed).to.equal(422);
      expect(wordsOf(page)).to.contain('Enter a domain, such as news.example.org');
      expect(page.text)
        .to.contain(`value="${typed.replace('<b>', '&lt;b&gt;')}"`)
        .and.to.contain('aria-invalid');
    }
  });

  it('is changed by owners only, who sent the form that we made', async () => {
    const form = formOf(await owner.see(AT), 'add-domain');
    const page = await marketer.see(AT);

    expect(page.text).not.to.contain('data-act="add-domain"').and.not.to.contain(`${AT}/remove`);
    const fields = { ...form.fields, domain: 'eve.example' };
    for (const [by, more] of [
      [marketer, {}],
      [owner, { csrf: 'x' }],
      [owner, { organisation: 'nobody' }],
    ] as const) {
      const answer = await post(form.action, { ...fields, ...more }, { cookie: by.cookie });
      expect(answer.status).to.be.within(400, 404);
    }
    expect((await marketer.see(`${AT}/remove?organisation=demo&domain=news.example`)).status).to.equal(403);
    expect((await owner.see(`${AT}/remove?organisation=demo&domain=bookshop.example`)).status).to.equal(404);
    expect(await one(service.ctx, `select count(*)::int from sending_domain where domain = 'eve.example'`)).to.equal(0);
  });

  it('speaks Polish too', async () => {
    const anna = await staffBrowser(service, 'owner', 'pl', 'anna@workshop.example');

    expect(wordsOf(await anna.see(AT)))
      .to.contain('Dodatkowa domena')
      .and.to.contain('Sprawdź teraz w DNS');
  });
});
