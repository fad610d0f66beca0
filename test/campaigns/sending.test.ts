import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { campaignBuilder } from '../../server/campaigns/builder.js';
import { changeDraft } from '../../server/campaigns/draft.js';
import { fanOut, finishCampaigns } from '../../server/campaigns/fan-out.js';
import { progress } from '../../server/campaigns/progress.js';
import { releaseCampaign } from '../../server/campaigns/release.js';
import type { SendingPlan } from '../../server/campaigns/settings.js';
import { skipCancelled } from '../../server/campaigns/skip-cancelled.js';
import { steerCampaign } from '../../server/campaigns/steer.js';
import { unscheduleCampaign } from '../../server/campaigns/unschedule.js';
import { createCampaign } from '../../server/campaigns/upload.js';
import { act } from '../../server/consent/act.js';
import { consentById } from '../../server/consent/find.js';
import { claim, type Claimed } from '../../server/delivery/claim.js';
import { freeLeases } from '../../server/delivery/leases.js';
import { refusedUs, toOutcome } from '../../server/delivery/outcome.js';
import { settle } from '../../server/delivery/settle.js';
import { Refusal } from '../../server/errors.js';
import type { SmtpOutcome } from '../../server/mail/smtp.js';
import { addPeople, addPerson, makeFresh, type Fresh } from './fresh.js';

const SOURCE = Buffer.from('<html><head><title>Hello</title></head><body><p>Hello</p></body></html>');
const SECOND = 1_000;
const DAY = 86_400_000;
const HOUR = DAY / 24;

describe('A campaign under way', () => {
  let fresh: Fresh;

  before(async () => {
    fresh = await makeFresh();
  });
  afterEach(async () => fresh.clear());
  after(async () => fresh.drop());

  const released = async (sending: SendingPlan = {}): Promise<string> => {
    const id = await createCampaign(fresh.ctx, { list: 'news', fileName: 'a.html', source: SOURCE });
    await changeDraft(fresh.ctx, id, { settings: { sending } });
    await releaseCampaign(fresh.ctx, id);
    await queueAll();
    return id;
  };
  const queueAll = async (): Promise<void> => {
    while ((await fanOut(fresh.ctx)) > 0);
  };
  const take = async (most = 1_000, worker: string = randomUUID()): Promise<Claimed[]> =>
    (await claim(fresh.ctx, worker, ['campaign', 'gateway'], most)).good;
  const stateOf = async (id: string) => (await progress(fresh.ctx, id)).state;
  const fromNow = (ms: number): Date => new Date(fresh.ctx.now().getTime() + ms);

  describe('at a time', () => {
    it('waits for it, and goes to those who are on the list then', async () => {
      await addPerson(fresh, 'ada@example.com');
      const id = await released({ at: fromNow(2 * HOUR).toISOString() });
      expect(await stateOf(id)).to.equal('scheduled');
      expect(await take()).to.have.length(0);

      fresh.advance(HOUR);
      await addPerson(fresh, 'boris@example.com');
      await queueAll();
      expect(await stateOf(id), 'an hour before').to.equal('scheduled');
      fresh.advance(HOUR + SECOND);
      await queueAll();

      expect(await stateOf(id)).to.equal('sending');
      expect((await take()).map(({ address }) => address).sort()).to.deep.equal([
        'ada@example.com',
        'boris@example.com',
      ]);
    });

    it('starts at once when that has passed', async () => {
      expect(await stateOf(await released({ at: fromNow(-HOUR).toISOString() }))).to.equal('sending');
    });

    it('can be made a draft again before it, changed, and released anew', async () => {
      await addPerson(fresh, 'ada@example.com');
      const id = await released({ at: fromNow(HOUR).toISOString(), perSecond: 1 });

      await unscheduleCampaign(fresh.ctx, id, null);
      await changeDraft(fresh.ctx, id, { subject: 'Later', settings: { sending: {} } });
      await releaseCampaign(fresh.ctx, id);
      await queueAll();

      expect(await stateOf(id)).to.equal('sending');
      expect(await take()).to.have.length(1);
      expect(await codeOf(unscheduleCampaign(fresh.ctx, id, null))).to.equal('campaign-state');
    });

    it('does not start earlier because somebody wrote so into the database (T6)', async () => {
      await addPerson(fresh, 'ada@example.com');
      const id = await released({ at: fromNow(HOUR).toISOString() });

      await fresh.ctx.db.query(`update campaign set state = 'sending' where id = $1`, [id]);
      await queueAll();

      expect(await take()).to.have.length(0);
      expect(await stateOf(id)).to.equal('cancelled');
      const other = await released({ at: fromNow(HOUR).toISOString() });
      await fresh.ctx.db.query(`update campaign set released_at = now() where id = $1`, [other]);
      await queueAll();
      expect(await take()).to.have.length(0);
    });
  });

  describe('when it is stopped', () => {
    it('lets none of its mails be taken up, and all of them after it goes on', async () => {
      await addPeople(fresh, 30);
      const id = await released();
      expect(await take(5)).to.have.length(5);

      expect(await steerCampaign(fresh.ctx, id, 'pause', null)).to.equal(true);
      expect(await steerCampaign(fresh.ctx, id, 'pause', null), 'pressed again').to.equal(false);
      expect(await take()).to.have.length(0);
      expect(await finishCampaigns(fresh.ctx)).to.equal(0);
      await steerCampaign(fresh.ctx, id, 'resume', null);

      expect(await take()).to.have.length(25);
    });

    it('is not read on while it is paused, and reads its list to the end after', async () => {
      await addPeople(fresh, 1_020);
      const id = await createCampaign(fresh.ctx, { list: 'news', fileName: 'a.html', source: SOURCE });
      await releaseCampaign(fresh.ctx, id);
      await fanOut(fresh.ctx);
      await steerCampaign(fresh.ctx, id, 'pause', null);

      await queueAll();
      expect((await progress(fresh.ctx, id)).queued).to.equal(1_000);
      await steerCampaign(fresh.ctx, id, 'resume', null);
      await queueAll();

      expect((await progress(fresh.ctx, id)).queued).to.equal(1_020);
    });

    it('leaves mails alone that were claimed but not built yet: they are put back, not failed', async () => {
      await addPerson(fresh, 'ada@example.com');
      const id = await released();
      const mails = await take();
      await steerCampaign(fresh.ctx, id, 'pause', null);

      const built = await campaignBuilder({ ...fresh.ctx }, mails);

      expect(built).to.deep.equal([{ delivery: mails[0], isHeld: true }]);
    });

    it('skips whoever has not got it when it is cancelled, for good, and says so', async () => {
      await addPeople(fresh, 1_030);
      const id = await released();
      const worker = randomUUID();
      const inFlight = await take(10, worker);
      await steerCampaign(fresh.ctx, id, 'cancel', null);

      while ((await skipCancelled(fresh.ctx)) > 0);
      expect((await progress(fresh.ctx, id)).finishedAt, 'mails are in flight').to.equal(null);
      await answer(worker, inFlight, SENT);
      await skipCancelled(fresh.ctx);

      const now = await progress(fresh.ctx, id);
      expect(now).to.include({ state: 'cancelled', queued: 1_030, sent: 10, waiting: 0, sending: 0 });
      expect(now.skipped).to.deep.equal({ cancelled: 1_020 });
      expect(now.finishedAt).to.be.an.instanceOf(Date);
      expect(await codeOf(steerCampaign(fresh.ctx, id, 'resume', null))).to.equal('campaign-state');
    });

    it('keeps as unknown what is unknown', async () => {
      await addPerson(fresh, 'ada@example.com');
      const id = await released();
      const worker = randomUUID();
      await answer(worker, await take(1, worker), { kind: 'unknown', reply: 'lost' });
      await steerCampaign(fresh.ctx, id, 'cancel', null);

      while ((await skipCancelled(fresh.ctx)) > 0);

      expect(await progress(fresh.ctx, id)).to.include({ unknown: 1, waiting: 0 });
      fresh.advance(DAY);
      expect(await take()).to.have.length(0);
    });

    it('is no campaign that was never released, and none that there is not', async () => {
      const draft = await createCampaign(fresh.ctx, { list: 'news', fileName: 'a.html', source: SOURCE });

      expect(await codeOf(steerCampaign(fresh.ctx, draft, 'pause', null))).to.equal('campaign-state');
      expect(await codeOf(steerCampaign(fresh.ctx, randomUUID(), 'cancel', null))).to.equal('not-found');
      expect(await codeOf(unscheduleCampaign(fresh.ctx, randomUUID(), null))).to.equal('not-found');
    });
  });

  describe('at its pace', () => {
    it('gives so many mails a second, to however many workers', async () => {
      await addPeople(fresh, 150);
      await released({ perSecond: 5 });
      await take();
      const start = fresh.ctx.now().getTime();
      let taken = 0;

      for (let tick = 0; tick < 20; tick += 1) {
        fresh.advance(SECOND / 2);
        const both = await Promise.all([take(), take()]);
        taken += both.flat().length;
      }

      // What the machine itself took counts as well.
      const due = (5 * (fresh.ctx.now().getTime() - start)) / SECOND;
      expect(taken).to.be.within(Math.floor(due) - 3, Math.ceil(due) + 2);
    });

    it('does not hold up another campaign', async () => {
      await addPeople(fresh, 20);
      const slow = await released({ perSecond: 1 });
      const fast = await released();

      const mails = [...(await take()), ...(await take())];

      const of = (id: string): number => mails.filter(({ messageId }) => messageId === id).length;
      expect(of(fast)).to.equal(20);
      expect(of(slow)).to.be.within(1, 6);
    });

    it('warms up: twice as many each day', async () => {
      await addPeople(fresh, 100);
      await released({ warmUp: 10 });
      const taken: number[] = [];

      for (let day = 0; day < 4; day += 1) {
        taken.push((await take()).length + (await take()).length);
        fresh.advance(DAY);
      }

      expect(taken).to.deep.equal([10, 20, 40, 30]);
    });
  });

  describe('with mails that do not arrive at once', () => {
    it('tries a mail once more of which it is unknown whether it arrived, or leaves it, as was chosen', async () => {
      for (const [onUnknown, again] of [
        ['again', 1],
        ['leave', 0],
      ] as const) {
        await addPerson(fresh, 'ada@example.com');
        const id = await released({ onUnknown });
        const worker = randomUUID();
        const first = await take(1, worker);
        const [built] = await campaignBuilder(fresh.ctx, first);
        const tries = built && 'tries' in built ? built.tries : {};
        await answer(worker, first, { kind: 'unknown', reply: 'lost' }, tries);

        fresh.advance(5 * SECOND);
        expect(await take(), onUnknown).to.have.length(again);
        expect(await progress(fresh.ctx, id)).to.include({ unknown: 1 - again, sending: again });
        await fresh.clear();
      }
    });

    it('gives up after the hours that were chosen', async () => {
      await addPerson(fresh, 'ada@example.com');
      const id = await released({ tryForHours: 1 });
      let tries = 0;

      for (let minute = 0; minute < 300; minute += 1) {
        const worker = randomUUID();
        const mails = await take(1, worker);
        tries += mails.length;
        await answer(worker, mails, { kind: 'deferred', code: 450, reply: '450 later' }, { tryForHours: 1 });
        fresh.advance(60 * SECOND);
      }

      expect(tries).to.equal(4);
      expect(await progress(fresh.ctx, id)).to.include({ failed: 1, deferred: 0 });
    });

    it('gives up after those hours also while a provider refuses us', async () => {
      await addPerson(fresh, 'ada@example.com');
      await released({ tryForHours: 1 });
      const [mail] = await take();
      if (!mail) throw new Error('nothing was taken');
      const answered = { ...toOutcome(fresh.ctx, mail, SENT), reply: '550 5.7.1 not you' };
      const last = { ...mail, attempts: 6 };

      const states = [{ tryForHours: 1 }, {}].map((tries) => refusedUs(fresh.ctx, last, answered, tries).state);

      expect(states).to.deep.equal(['failed', 'deferred']);
    });

    it('loses none when a worker dies: another one has them within a minute, and the dead one has no say', async () => {
      await addPeople(fresh, 10);
      await released();
      const dead = randomUUID();
      const lost = await take(10, dead);
      await freeLeases(fresh.ctx);
      expect(await take(), 'it may live').to.have.length(0);

      fresh.advance(31 * SECOND);
      await freeLeases(fresh.ctx);
      const worker = randomUUID();
      const found = await take(10, worker);
      await answer(dead, lost, { kind: 'refused', code: 550, reply: '550 no', command: 'RCPT' });
      await answer(worker, found, SENT);

      const rows = await fresh.ctx.db.query('select state, attempts, count(*)::int as n from delivery group by 1, 2');
      expect(rows).to.deep.equal([{ state: 'sent', attempts: 2, n: 10 }]);
    });
  });

  it('goes to nobody of two campaigns at once who wants one mail a week, nor to those who paused', async () => {
    const weekly = await Promise.all(
      Array.from({ length: 12 }, async (_, i) => addPerson(fresh, `weekly${i}@example.com`)),
    );
    const paused = await addPerson(fresh, 'paused@example.com');
    for (const { consentId } of weekly) await change(consentId, { frequency: 'weekly' });
    await change(paused.consentId, { pausedUntil: fromNow(10 * DAY) });
    const [one, two] = [await released(), await released()];

    // Six workers at once, a few mails each.
    const claims: Claimed[] = [];
    const worker = randomUUID();
    const dip = async (): Promise<void> => {
      for (let mails = await take(2, worker); mails.length > 0; mails = await take(2, worker)) claims.push(...mails);
    };
    await Promise.all(Array.from({ length: 6 }, dip));
    await dip();

    expect(new Set(claims.map(({ subscriberId }) => subscriberId)).size).to.equal(12);
    expect(claims).to.have.length(12);
    await answer(worker, claims, SENT);
    const skipped = [await progress(fresh.ctx, one), await progress(fresh.ctx, two)].map((now) => now.skipped);
    expect((skipped[0]?.['frequency'] ?? 0) + (skipped[1]?.['frequency'] ?? 0)).to.equal(12);
    expect(skipped.map((why) => why['paused'])).to.deep.equal([1, 1]);

    fresh.advance(6 * DAY);
    await released();
    expect(await take(), 'within the week').to.have.length(0);
    fresh.advance(2 * DAY);
    await released();
    expect(await take(), 'a week later').to.have.length(12);
  });

  const SENT: SmtpOutcome = { kind: 'sent', reply: '250 ok', at: new Date(), takenBy: 'sink' };

  async function answer(worker: string, mails: Claimed[], outcome: SmtpOutcome, tries = {}): Promise<void> {
    if (mails.length === 0) return;
    await settle(
      fresh.ctx,
      worker,
      mails.map((mail) => toOutcome(fresh.ctx, mail, outcome, tries)),
    );
  }

  async function change(consentId: string, to: Parameters<typeof act>[3]): Promise<void> {
    const found = await consentById(fresh.ctx, consentId);
    expect(found && (await act(fresh.ctx.db, fresh.ctx, found.consent, to, null))).to.equal(true);
  }
});

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return 'nothing';
  } catch (error) {
    return error instanceof Refusal ? error.code : String(error);
  }
}
