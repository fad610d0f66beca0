import { expect } from 'chai';
import { checkLedger, startTestService, type TestService } from '../support/service.js';
import { join, linkIn, pressConfirm, settingsLink, signUp } from '../support/story.js';
import { formOf, get, headingOf, linksOf, post } from '../support/web.js';
import { verifyReceipt } from '../../server/verify/verify.js';
import { logVkey } from '../../server/ledger/store.js';

describe('the story of a subscriber', () => {
  let service: TestService;
  before(async () => {
    service = await startTestService();
  });
  after(async () => {
    await checkLedger(service.ctx);
    await service.stop();
  });

  it('asks for the box and changes nothing without it', async () => {
    const page = await get(`${service.base}/lists/news`);
    const form = formOf(page, 'subscribe');

    const answer = await post(form.action, { ...form.fields, email: 'boris@gmail.com' });

    expect(answer.status).to.equal(422);
    expect(answer.text).to.contain('tick the box');
    expect(await service.mailsTo('boris@gmail.com')).to.equal(0);
  });

  it('mails a link whose page asks, and whose button confirms with a receipt that verifies offline', async () => {
    const answer = await signUp(service, 'ada@gmail.com');
    expect(answer.status).to.equal(200);
    const link = linkIn(await service.mailTo('ada@gmail.com'), 'c');

    const page = await get(link);
    const confirmed = await pressConfirm(link);

    expect(headingOf(page)).to.equal('Do you want this e-mail?');
    expect(headingOf(confirmed)).to.contain('Confirmed');
    const receipt = await get(linksOf(confirmed, '/receipts/')[0] ?? '');
    expect(receipt.headers.get('content-disposition')).to.match(/^attachment/);
    expect(verifyReceipt(receipt.text, { vkeys: [logVkey(service.ctx)] }).exitCode).to.equal(0);
    expect(verifyReceipt(receipt.text, { vkeys: [] }).exitCode).to.equal(2);
  });

  it('shows the same page at a second press, adds nothing and mints no receipt', async () => {
    const link = linkIn(await service.mailTo('ada@gmail.com'), 'c');
    const before = await countEvents(service);

    const again = await post(link, {});

    expect(headingOf(again)).to.contain('Confirmed');
    expect(linksOf(again, '/receipts/')).to.deep.equal([]);
    expect(await countEvents(service)).to.equal(before);
  });

  it('tells a confirmed address that it is on the list already, and adds two leaves as for everybody', async () => {
    const before = await countEvents(service);

    await signUp(service, 'ada@gmail.com');
    const mail = await service.mailTo('ada@gmail.com', 2);

    expect(linkIn(mail, 'p')).to.contain('/p/');
    expect(mail.parsed.text).to.not.contain('/c/');
    expect(await countEvents(service)).to.equal(before + 2);
  });

  it('answers in the language that the page was read in, whatever the sign-up was in', async () => {
    const settings = settingsLink(await join(service, 'dora@gmail.com'));
    const page = await get(`${settings}?lang=pl`);
    const form = formOf(page, 'preferences');

    const saved = await post(form.action, { ...form.fields, choice: 'weekly' });
    const undo = formOf(saved, 'undo');
    const undone = await post(undo.action, undo.fields);

    expect(saved.text).to.contain('<html lang="pl"');
    expect(undone.text).to.contain('<html lang="pl"');
    expect((await get(settings)).text).to.contain('<html lang="en"');
  });

  it('unsubscribes by one click, again and again, without redirect or cookie', async () => {
    const confirmed = await join(service, 'chen@gmail.com');
    expect(headingOf(confirmed)).to.contain('Confirmed');
    const settings = await get(settingsLink(confirmed));
    const form = formOf(settings, 'preferences');

    const left = await post(form.action, { ...form.fields, choice: 'leave' });
    const undo = formOf(left, 'undo');
    const undone = await post(undo.action, undo.fields);
    const again = await post(form.action, { ...form.fields, choice: 'leave' });

    expect(left.text).to.contain('unsubscribed');
    expect(undone.text).to.contain('active');
    expect(again.status).to.equal(200);
  });
});

async function countEvents(service: TestService): Promise<number> {
  const [row] = await service.ctx.db.query<{ n: number }>('select count(*)::int as n from consent_event');
  return row?.n ?? 0;
}
