import { expect } from 'chai';
import { logIn } from '../../server/gateway/credential.js';
import { startTestService, type TestService } from '../support/service.js';
import { staffBrowser, wordsOf, type StaffBrowser } from '../support/staff.js';
import { formOf, headingOf, linksOf, post, type Page } from '../support/web.js';

const AT = '/admin/gateway/credentials';

describe('credentials of the gateway', () => {
  let service: TestService;
  let owner: StaffBrowser;
  let marketer: StaffBrowser;
  let viewer: StaffBrowser;

  before(async () => {
    service = await startTestService();
    owner = await staffBrowser(service, 'owner');
    marketer = await staffBrowser(service, 'marketer');
    viewer = await staffBrowser(service, 'viewer');
  });
  after(async () => service.stop());

  /** The list news is ticked: it is the one that the demo has, or the first. */
  const make = async (fields: Record<string, string>, by = owner): Promise<Page> => {
    const form = formOf(await by.see(`${AT}/new`), 'credential');
    return post(`${service.base}${AT}/new`, { ...form.fields, ...fields }, { cookie: by.cookie });
  };

  const made = async (
    fields: Record<string, string>,
    by = owner,
  ): Promise<{ page: Page; user: string; password: string }> => {
    const page = await make({ 'list-news': 'on', ...fields }, by);
    const [user = '', password = ''] = [...page.text.matchAll(/<code class="record"[^>]*>([^<]+)</g)].map(
      ([, text = '']) => text,
    );
    return { page, user, password };
  };

  it('say what to do while there are none', async () => {
    const page = await viewer.see(AT);

    expect(headingOf(page)).to.equal('Credentials 0');
    expect(wordsOf(page)).to.contain('No credential yet.');
    expect(linksOf(page, `${AT}/new`)).to.have.length(0);
    expect(wordsOf(await owner.see('/admin/gateway'))).to.contain('Nothing came in yet.');
  });

  it('are made with a password that is shown once, with settings to copy, and log in', async () => {
    const { page, user, password } = await made({ name: 'Vtiger', policy: 'skip', cap: '500' });

    expect(page.status).to.equal(200);
    expect(wordsOf(page)).to.contain('Made. Copy the password now');
    const credential = await logIn(service.ctx, user, password);
    expect(credential).to.include({ name: 'Vtiger', policy: 'skip', dailyCap: 500, madeBy: `staff:${owner.id}` });
    const later = await viewer.see(`${AT}/${user}`);
    for (const [shown, secret] of [
      [page, password],
      [later, '********'],
    ] as const) {
      const port = service.ctx.config.gatewayPort;
      const words = wordsOf(shown);
      expect(words).to.contain(`Server Name: localhost:${port} User Name: ${user} Password: ${secret}`);
      expect(words).to.contain(`define( 'WPMS_SMTP_PASS', '${secret}' );`);
      expect(words).to.contain(`auth: { user: '${user}', pass: '${secret}' }`);
      expect(words).to.contain(`[localhost]:${port} ${user}:${secret}`);
    }
    expect(later.text).not.to.contain(password);
    expect(wordsOf(later)).to.contain(`By ${owner.email}.`);
    expect(wordsOf(await viewer.see(AT)))
      .to.contain('Vtiger')
      .and.to.contain('Not used yet');
  });

  it('for transactional mail are made and revoked by owners only', async () => {
    const fields = { name: 'Shop', kind: 'transactional' };
    const refused = await make(fields, marketer);
    const { page, user } = await made(fields);

    expect([refused.status, page.status]).to.deep.equal([403, 200]);
    expect((await marketer.see(`${AT}/new`)).text).not.to.contain('value="transactional"');
    expect((await marketer.see(`${AT}/${user}`)).text).not.to.contain('/revoke');
    const csrf = formOf(await marketer.see(`${AT}/new`), 'credential').fields['csrf'] ?? '';
    const revoked = await post(`${service.base}${AT}/${user}/revoke`, { csrf }, { cookie: marketer.cookie });
    expect(revoked.status).to.equal(403);
  });

  it('are refused with what is missing at its field, and nothing is made', async () => {
    const count = async (): Promise<unknown> => service.ctx.db.query('select count(*) from gateway_credential');
    const before = await count();

    for (const [fields, words] of [
      [{ name: '' }, 'Enter a name.'],
      [{ name: 'x'.repeat(101) }, 'A name has at most 100 characters'],
      [{ name: 'Shop', cap: '0' }, 'Enter a number from 1 to 10,000,000'],
      [{ name: 'Shop', cap: 'many' }, 'Enter a number from 1 to 10,000,000'],
    ] as const) {
      const page = await make({ 'list-news': 'on', ...fields });
      expect(page.status, words).to.equal(422);
      expect(wordsOf(page).split(words), words).to.have.length(3);
    }
    const csrf = formOf(await owner.see(`${AT}/new`), 'credential').fields['csrf'] ?? '';
    const none = await post(`${service.base}${AT}/new`, { csrf, name: 'Shop' }, { cookie: owner.cookie });
    expect([none.status, wordsOf(none).includes('Tick at least one list.')]).to.deep.equal([422, true]);
    expect(await count()).to.deep.equal(before);
  });

  it('are revoked after one question, for good, and say when and by whom', async () => {
    const { user, password } = await made({ name: 'Old shop' }, marketer);
    const asked = await marketer.see(`${AT}/${user}/revoke`);
    expect(headingOf(asked)).to.equal('Revoke "Old shop"?');
    expect(await logIn(service.ctx, user, password)).not.to.equal(null);

    const page = await marketer.follow(await marketer.send(`${AT}/${user}/revoke`, 'revoke', {}));

    expect(wordsOf(page)).to.contain('Revoked. Nobody logs in with it any more.');
    expect(wordsOf(page)).to.match(/Revoked \d+ \w+ \d{4} at \d+:\d+\. By marketer@workshop\.example/);
    expect(await logIn(service.ctx, user, password)).to.equal(null);
    expect((await marketer.see(`${AT}/${user}/revoke`)).status).to.equal(303);
    expect((await marketer.see(`${AT}/${user}`)).text).not.to.contain(`${user}/revoke"`);
  });

  it('are looked at by viewers, who change nothing; and no form of another site counts', async () => {
    const { user } = await made({ name: 'Newsletter' });
    const csrf = formOf(await owner.see(`${AT}/new`), 'credential').fields['csrf'] ?? '';
    const send = async (path: string, headers: Record<string, string>, fields = { csrf }): Promise<number> =>
      (await post(`${service.base}${AT}${path}`, fields, headers)).status;

    expect((await viewer.see(`${AT}/${user}`)).status).to.equal(200);
    expect((await viewer.see(`${AT}/new`)).status).to.equal(403);
    expect((await viewer.see(`${AT}/${user}/revoke`)).status).to.equal(403);
    for (const path of ['/new', `/${user}/revoke`]) {
      expect(await send(path, { cookie: viewer.cookie })).to.equal(403);
      expect(await send(path, { cookie: owner.cookie, origin: 'https://evil.example' })).to.equal(403);
      expect(await send(path, { cookie: owner.cookie }, { csrf: 'a' })).to.equal(403);
      expect(await send(path, {})).to.equal(303);
    }
    expect((await owner.see(`${AT}/zg-0000000000000000`)).status).to.equal(404);
    expect((await owner.see(`${AT}/'`)).status).to.equal(404);
  });

  it('are told in Polish too', async () => {
    const anna = await staffBrowser(service, 'owner', 'pl', 'anna@workshop.example');
    const { page } = await made({ name: 'Sklep' }, anna);

    expect(wordsOf(page)).to.contain('Utworzono. Skopiuj hasło teraz').and.to.contain('Ustawienia Twojego programu');
  });
});
