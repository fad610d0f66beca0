import { expect } from 'chai';
import { withdraw } from '../../server/consent/withdraw.js';
import { addReaders, letter, mailer, startGatewayTest, type GatewayTest } from '../support/gateway.js';
import { eventually } from '../support/service.js';
import { staffBrowser, wordsOf, type StaffBrowser } from '../support/staff.js';
import { one, settled } from '../support/state.js';
import { get, headingOf, linksOf } from '../support/web.js';

const [ADA, BEA, CHEN] = ['ada@gmail.com', 'bea@readers.example', 'chen@readers.example'] as const;
const AT = '/admin/gateway';

describe('the screen of what came in at the gateway', function () {
  this.timeout(60_000);
  let test: GatewayTest;
  let owner: StaffBrowser;
  let viewer: StaffBrowser;

  before(async () => {
    test = await startGatewayTest();
    const { ctx } = test.service;
    const [, , chen] = await addReaders(ctx, [ADA, BEA, CHEN]);
    await withdraw(ctx, chen?.consentId ?? '', 'page');
    owner = await staffBrowser(test.service, 'owner');
    viewer = await staffBrowser(test.service, 'viewer');
  });
  after(async () => test.stop());

  const send = async (wanted: Parameters<GatewayTest['login']>[0], to: readonly string[], raw = letter()) => {
    const client = mailer(test.port, await test.login({ name: 'Vtiger', ...wanted }));
    try {
      await client.sendMail({ envelope: { from: 'crm@bookshop.example', to: [...to] }, raw });
    } finally {
      client.close();
    }
  };

  it('says what became of each recipient, with masked addresses', async () => {
    await send({ policy: 'skip' }, [ADA, BEA, CHEN]);
    await eventually(async () => Promise.resolve(expect(test.mailsTo(BEA)).to.have.length(1)));
    await settled(test.service.ctx);

    const page = await viewer.see(AT);

    expect([page.status, headingOf(page)]).to.deep.equal([200, 'Gateway']);
    const words = wordsOf(page);
    expect(words).to.contain('Vtiger , Bookshop news,').and.to.contain('Sent: 2').and.to.contain('Refused: 1');
    expect(words).to.contain('a…@gmail.com : Sent').and.to.contain('b…@r….example : Sent');
    expect(words).to.contain('c…@r….example : Refused (Unsubscribed)');
    for (const address of [ADA, BEA, CHEN]) expect(page.text).not.to.contain(address);
  });

  it('leads to the page of a recipient, where the look is written down', async () => {
    const looks = async (): Promise<number> =>
      one(test.service.ctx, `select count(*)::int from access_log where what = 'view'`);
    const [href = ''] = linksOf(await viewer.see(AT), '/admin/people/').filter((link) => link.length > 100);
    const before = await looks();

    const person = await viewer.see(href);

    expect(person.status).to.equal(200);
    expect(headingOf(person)).to.match(/^starting with|…@/);
    expect(await looks()).to.equal(before + 1);
    // It belongs to the login that it was made for.
    expect((await owner.see(href)).status).to.equal(404);
  });

  it('shows a mail that was turned away, and what the program was told', async () => {
    await send({}, [ADA], letter().replace('letters@bookshop.example', 'eve@elsewhere.example')).catch(() => undefined);

    const words = wordsOf(await owner.see(AT));

    expect(words).to.contain('Refused. The program was told: 5.7.1 From must be at bookshop.example');
  });

  it('warns of HTML so long that Gmail hides its end', async () => {
    const long = letter()
      .replace('text/plain', 'text/html')
      .replace('Dear reader', `<p>${'long\r\n'.repeat(16_000)}`);
    expect(wordsOf(await owner.see(AT))).not.to.contain('Gmail hides');
    const before = test.mailsTo(BEA).length;

    await send({}, [BEA], long);
    await eventually(async () => Promise.resolve(expect(test.mailsTo(BEA)).to.have.length(before + 1)));
    await settled(test.service.ctx);

    expect(wordsOf(await owner.see(AT))).to.contain('Gmail hides what lies beyond 102 kB, and the footer with it.');
  });

  it('moves by itself while somebody looks, and ends with the login', async () => {
    const leave = new AbortController();
    const headers = { cookie: viewer.cookie, accept: 'text/event-stream' };
    const live = await fetch(`${test.service.base}${AT}/events`, { headers, signal: leave.signal });
    const reader = live.body?.pipeThrough(new TextDecoderStream()).getReader();
    let seen = '';
    const wait = async (words: string): Promise<void> => {
      while (!seen.includes(words)) seen += (await reader?.read())?.value ?? '';
    };
    await wait('event: progress');

    await send({ name: 'Old maps' }, [ADA]);
    await wait('Old maps');

    leave.abort();
    expect(seen).not.to.contain(ADA);
    expect((await get(`${test.service.base}${AT}/events`)).status).to.equal(303);
  });

  it('goes back to older mails, which do not move', async () => {
    const page = await owner.see(`${AT}?before=${Date.now() - 3_600_000}`);

    expect(page.text).not.to.contain('data-live=');
    expect(wordsOf(page)).to.contain('What came in before To the newest');
    expect((await owner.see(`${AT}?before=x&organisation=nobody`)).status).to.equal(200);
  });

  it('speaks Polish too', async () => {
    const anna = await staffBrowser(test.service, 'marketer', 'pl', 'anna@workshop.example');

    expect(wordsOf(await anna.see(AT)))
      .to.contain('Co przyszło')
      .and.to.contain('Odrzucono (Wypis z listy)');
  });
});
