import { expect } from 'chai';
import { expirePending, purgeUnconfirmed } from '../../server/rights/retention.js';
import { fsck } from '../../server/ledger/fsck.js';
import { checkLedger, startTestService, type TestService } from '../support/service.js';
import { campaignMailTo, changesNothing, dump, one, settled, stateOf } from '../support/state.js';
import { join, linkIn, pressConfirm, signUp } from '../support/story.js';
import { formOf, get, headingOf, post, type Page } from '../support/web.js';

const DAY_MS = 86_400_000;

describe('"this was not me", and requests that nobody answers', () => {
  let service: TestService;
  before(async () => {
    service = await startTestService();
  });
  after(async () => {
    await checkLedger(service.ctx);
    await service.stop();
  });

  it('keeps nothing that names the person after the purge', async () => {
    await signUp(service, 'boris@gmail.com');
    await pressNotMe(linkIn(await service.mailTo('boris@gmail.com'), 'n'));
    await settled(service.ctx);

    await purgeUnconfirmed(service.ctx);
    await settled(service.ctx);

    // What is left to read is the word that the three were erased.
    const report = await fsck(service.ctx);
    expect(report).to.deep.include({ faults: [], records: 1, erased: 3, leaves: 4 });
    expect(await one(service.ctx, 'select count(*)::int from event_body')).to.equal(1);
    expect(await one(service.ctx, 'select count(*)::int from offer')).to.equal(0);
    expect(await namesOf(service)).to.equal(0);
    expect(JSON.stringify(await dump(service.ctx))).to.not.contain('boris');
  });

  it('says so and changes nothing once the request was confirmed: a subscriber is not silently muted', async () => {
    await signUp(service, 'ada@gmail.com');
    const mail = await service.mailTo('ada@gmail.com');
    await pressConfirm(linkIn(mail, 'c'));

    await changesNothing(service.ctx, async () => {
      expect((await get(linkIn(mail, 'n'))).status).to.equal(410);
      expect((await post(linkIn(mail, 'n'), {})).status).to.equal(410);
    });

    const campaign = await campaignMailTo(service, 'ada@gmail.com');
    expect(campaign.parsed.subject).to.equal('New books');
  });

  it('leaves the lists alone that the person did confirm', async () => {
    await join(service, 'chen@gmail.com');
    await signUp(service, 'chen@gmail.com', 'readings');

    await pressNotMe(linkIn(await service.mailTo('chen@gmail.com', 2), 'n'));

    expect(await stateOf(service.ctx, 'chen@gmail.com', 'readings')).to.equal('refused');
    expect((await campaignMailTo(service, 'chen@gmail.com')).parsed.subject).to.equal('New books');
  });

  it('does not let a POST of the confirmation page that was open all the while win', async () => {
    await signUp(service, 'scan1@gmail.com');
    const mail = await service.mailTo('scan1@gmail.com');
    const open = formOf(await get(linkIn(mail, 'c')), 'confirm');
    await pressNotMe(linkIn(mail, 'n'));

    const late = await post(open.action, open.fields);

    expect(late.status).to.equal(410);
    expect(await stateOf(service.ctx, 'scan1@gmail.com')).to.equal('refused');
  });

  it('deletes the request, blocks the address for 90 days, and shows the next sign-up the same page', async () => {
    const first = await signUp(service, 'scan2@gmail.com');
    const mail = await service.mailTo('scan2@gmail.com');

    const done = await pressNotMe(linkIn(mail, 'n'));
    const second = await signUp(service, 'scan2@gmail.com');
    await settled(service.ctx);

    expect(headingOf(done)).to.contain('Request deleted');
    expect(await stateOf(service.ctx, 'scan2@gmail.com')).to.equal('refused');
    expect((await get(linkIn(mail, 'c'))).status).to.equal(410);
    expect(headingOf(second)).to.equal(headingOf(first));
    expect(await service.mailsTo('scan2@gmail.com')).to.equal(1);

    service.advance(89 * DAY_MS);
    await signUp(service, 'scan2@gmail.com');
    await settled(service.ctx);
    expect(await service.mailsTo('scan2@gmail.com')).to.equal(1);

    service.advance(2 * DAY_MS);
    const again = await join(service, 'scan2@gmail.com');
    expect(headingOf(again)).to.contain('Confirmed');
  });

  it('ends an unanswered request after 7 days, with a page that helps, and purges it after 14', async () => {
    await signUp(service, 'scan3@gmail.com');
    const mail = await service.mailTo('scan3@gmail.com');
    await settled(service.ctx);

    service.advance(7 * DAY_MS + 1000);
    await expirePending(service.ctx);
    const expired = await get(linkIn(mail, 'c'));
    expect(expired.status).to.equal(410);
    expect(headingOf(expired)).to.match(/no longer works|has expired/);
    expect(expired.text).to.contain('<form method="post"');
    expect(await stateOf(service.ctx, 'scan3@gmail.com')).to.equal('expired');

    service.advance(7 * DAY_MS);
    await settled(service.ctx);
    await purgeUnconfirmed(service.ctx);
    expect((await get(linkIn(mail, 'c'))).status).to.equal(410);
    expect((await get(linkIn(mail, 'n'))).status).to.equal(410);
    expect((await post(linkIn(mail, 'n'), {})).status).to.equal(410);
    expect(await stateOf(service.ctx, 'scan3@gmail.com')).to.equal(null);
    expect((await fsck(service.ctx)).faults).to.deep.equal([]);

    expect(headingOf(await join(service, 'scan3@gmail.com'))).to.contain('Confirmed');
  });
});

async function pressNotMe(link: string): Promise<Page> {
  const form = formOf(await get(link), 'not-me');
  return post(form.action, form.fields);
}

/** How many rows still hold a key, an index or a ciphertext of a person. */
async function namesOf(service: TestService): Promise<number> {
  return one(
    service.ctx,
    `select (select count(*) from sign_up where coalesce(blind_index, suppression_hash, evidence_key, sealed) is not null)::int
       + (select count(*) from subscriber where coalesce(blind_index, suppression_hash, profile_key, address) is not null)::int`,
  );
}
