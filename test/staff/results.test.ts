import { expect } from 'chai';
import { campaignResults } from '../../server/campaigns/results-cli.js';
import { releaseCampaign } from '../../server/campaigns/release.js';
import { progress } from '../../server/campaigns/progress.js';
import { createCampaign } from '../../server/campaigns/upload.js';
import { takeOutcome } from '../../server/delivery/take-outcome.js';
import { withdraw } from '../../server/consent/withdraw.js';
import { startTestService, type TestService } from '../support/service.js';
import { staffBrowser, wordsOf, type StaffBrowser } from '../support/staff.js';
import { factsOf, sendCampaign, settled } from '../support/state.js';
import { join } from '../support/story.js';

describe('the results of a campaign', () => {
  let service: TestService;
  let marketer: StaffBrowser;
  let viewer: StaffBrowser;
  let id: string;
  let here: string;
  const names = ['ada', 'boris', 'chen', '=dora', 'emil'];

  before(async () => {
    service = await startTestService();
    for (const name of names) await join(service, `${name}@example.org`);
    marketer = await staffBrowser(service, 'marketer');
    viewer = await staffBrowser(service, 'viewer');
    id = await createCampaign(service.ctx, {
      list: 'news',
      fileName: 'june.html',
      source: Buffer.from('<title>June</title><p>Hello</p>'),
    });
    here = `/admin/campaigns/${id}/results`;
    await releaseCampaign(service.ctx, id);
    await settled(service.ctx);
    await meetFates();
  });

  after(async () => service.stop());

  const subscriber = async (name: string): Promise<string> =>
    (await factsOf(service.ctx, `${name}@example.org`))?.subscriberId ?? '';

  /** Boris's mail comes back, Chen calls his spam, Dora's connection broke, Emil leaves. */
  const meetFates = async (): Promise<void> => {
    const verdict = { kind: 'bounce', action: 'hard', reason: 'user-unknown', status: '5.1.1' } as const;
    await takeOutcome(service.ctx, { of: { messageId: id, subscriberId: await subscriber('boris') }, verdict });
    await takeOutcome(service.ctx, {
      of: { messageId: id, subscriberId: await subscriber('chen') },
      verdict: { ...verdict, kind: 'complaint' },
    });
    await service.ctx.db.query(
      `update delivery set state = 'unknown', due_at = 'infinity', reply = '=cmd|calc' where message_id = $1 and subscriber_id = $2`,
      [id, await subscriber('=dora')],
    );
    const [consent] = await service.ctx.db.query<{ id: string }>(
      `select consent_id as id from delivery where message_id = $1 and subscriber_id = $2`,
      [id, await subscriber('emil')],
    );
    await withdraw(service.ctx, consent?.id ?? '', 'page');
  };

  const csv = async (path: string): Promise<string[]> =>
    (await marketer.see(path)).text.trimEnd().split('\r\n').slice(1);

  it('count everybody once, so that the parts add up to the whole', async () => {
    const now = await progress(service.ctx, id);
    const page = wordsOf(await viewer.see(here));

    const parts = now.waiting + now.sending + now.sent + now.failed + now.deferred + now.unknown;
    expect(now.queued).to.equal(parts).and.to.equal(names.length);
    expect(page).to.contain('People 5').and.to.contain('Sent 3').and.to.contain('Failed 1').and.to.contain('Unknown 1');
    expect(page).to.contain('Came back 1').and.to.contain('Reported as spam 1');
  });

  it('agree with a count of every mail, whatever happens to the mails', async () => {
    const [told] = await service.ctx.db.query<{ wrong: number }>(
      `select count(*)::int as wrong from (
         select message_id, campaign_count(state, reason, settled_at) as kind, count(*) as n from delivery where kind = 'campaign' group by 1, 2) d
       full join (select campaign_id, kind, sum(change) as n from campaign_tally group by 1, 2 having sum(change) <> 0) t
         on t.campaign_id = d.message_id and t.kind = d.kind
       where d.n is distinct from t.n`,
    );

    expect(told?.wrong).to.equal(0);
  });

  it('show nobody by name, and lead to each person', async () => {
    const page = await viewer.see(here);

    expect(page.text).not.to.contain('boris@').and.not.to.contain('=dora');
    expect(wordsOf(page)).to.contain('it came back').and.to.contain('There is no such mailbox.');
    const [, href = ''] = /href="(\/admin\/people\/[\w-]+)"/.exec(page.text) ?? [];
    expect((await viewer.see(href)).status).to.equal(200);
  });

  it('keep what is asked for in the address of the page, and find one person without their address in it', async () => {
    const failed = wordsOf(await viewer.see(`${here}?outcome=failed`));
    const answer = await viewer.send(here, 'find', { email: 'Boris@example.org' });
    const found = wordsOf(await viewer.follow(answer));
    const none = wordsOf(await viewer.follow(await viewer.send(here, 'find', { email: 'nobody@example.org' })));
    const wrong = await viewer.send(here, 'find', { email: 'boris' });

    expect(failed).to.contain('Failed : it came back').and.not.to.contain('Sent 3 ●');
    expect(answer.headers.get('location')).not.to.contain('boris');
    expect(found).to.contain('Failed : it came back');
    expect(none).to.contain('This campaign has no mail to that address.');
    expect(wrong.status).to.equal(422);
    expect(wrong.text).to.contain('aria-describedby="address-mistake"').and.to.contain('id="address-mistake"');
  });

  it('tell what happened over time, with a table behind each plot', async () => {
    const page = await viewer.see(here);

    expect(page.text.match(/<svg /g)).to.have.length(2);
    expect(page.text).not.to.match(/\sstyle=/);
    const words = wordsOf(page);
    expect(words).to.contain('Delivered: 3, of which 100% in the first hour');
    expect(words).to.contain('Left: 1, came back: 1, reported as spam: 1');
    expect(words).to.contain('Hour 0 1 1 1');
  });

  it('explain what "unknown" means and what can be done', async () => {
    const page = wordsOf(await viewer.see(here));

    expect(page).to.contain('1 mail may have arrived or not').and.to.contain('Do not send the campaign again');
  });

  it('come as a file with masked addresses, in which no cell is a formula', async () => {
    const rows = await csv(`${here}.csv`);
    const failed = await csv(`${here}.csv?outcome=failed`);

    expect(rows).to.have.length(names.length);
    expect(failed).to.have.length(1);
    expect(rows.join('\n')).not.to.contain('boris@');
    expect(rows.join('\n')).to.contain(`"'=cmd|calc"`);
  });

  it('come with whole addresses only for a reason, which is written down and shown', async () => {
    const none = await marketer.send(here, 'export', { reason: '' });
    const file = await marketer.send(here, 'export', { reason: 'The court asks, case 12' });
    const page = await viewer.see(here);
    const refused = await fetch(new URL(`${here}.csv`, service.base), {
      method: 'POST',
      headers: { cookie: viewer.cookie, 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ csrf: /name="csrf" value="([^"]+)"/.exec(page.text)?.[1] ?? '', reason: 'curious' }),
    });

    expect(none.status).to.equal(422);
    expect(file.text).to.contain('boris@example.org').and.to.contain(`"'=dora@example.org"`);
    expect(wordsOf(page)).to.contain('marketer@workshop.example: The court asks, case 12');
    expect(page.text).not.to.contain('data-act="export"');
    expect(refused.status).to.equal(403);
  });

  it('are told on the command line: sums, or a line for each person', async () => {
    const run = async (format: 'sum' | 'csv' | 'json', campaign = id, addresses = false): Promise<string> => {
      let text = '';
      const output = { write: (more: string) => (text += more) };
      const code = await campaignResults(service.ctx, { id: campaign, format, addresses, out: output, err: output });
      return `${code} ${text}`;
    };

    expect(await run('sum')).to.match(/^0 queued +5\n/);
    expect(await run('csv')).not.to.contain('boris@');
    expect(await run('csv', id, true)).to.contain('boris@example.org,failed,bounced,');
    const lines = (await run('json')).slice(2).trimEnd().split('\n');
    expect(lines.map((line) => (JSON.parse(line) as { outcome: string }).outcome).sort()).to.deep.equal([
      ...['failed', 'sent', 'sent', 'sent', 'unknown'],
    ]);
    expect(await run('sum', 'x')).to.equal('1 There is no such campaign.\n');
  });

  it('tell by the day who leaves weeks later, unless another mail of the list came between', async () => {
    service.advance(20 * 86_400_000);
    const later = await staffBrowser(service, 'viewer', 'en', 'later@workshop.example');
    const consentOf = async (name: string): Promise<string> =>
      (await factsOf(service.ctx, `${name}@example.org`))?.consentId ?? '';
    await withdraw(service.ctx, await consentOf('ada'), 'page');
    const weeksLater = wordsOf(await later.see(here));
    await sendCampaign(service);
    await withdraw(service.ctx, await consentOf('=dora'), 'page');

    const page = await later.see(here);

    expect(weeksLater).to.contain('Left: 2, came back: 1').and.to.contain('Day 20 1 0 0');
    expect(wordsOf(page), 'by the later mail').to.contain('Left: 2, came back: 1');
    expect(page.text).to.contain('<line class="border"');
  });

  it('speak Polish', async () => {
    const polish = await staffBrowser(service, 'owner', 'pl');

    const page = wordsOf(await polish.see(here));

    expect(page).to.contain('Wyniki: June').and.to.contain('Nie wiadomo, czy doszła 1 wiadomość');
  });
});
