import { expect } from 'chai';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { progress } from '../../server/campaigns/progress.js';
import { TEST_DATABASE_URL } from '../support/database.js';
import { addMany } from '../support/people.js';
import { makeHome, type Home, type RunningService } from '../support/process.js';
import { checkLedger, eventually } from '../support/service.js';
import { startSink, type Sink, type SunkMail } from '../support/sink.js';
import { factsOf, settled } from '../support/state.js';
import { linkIn, signUp } from '../support/story.js';
import { formOf, get, headingOf, post, type FormOnPage } from '../support/web.js';

/** Mails in flight: a fifth of them confirmations. */
const SEND_WINDOW = 20;
/** Sending resumes within a minute: a dead worker's leases last half of one. */
const RESUMED_MS = 60_000;

describe('kill -9 (promise 2)', function () {
  this.timeout(240_000);
  let sink: Sink;
  let home: Home;
  /** Runs while a mail has come and is not answered yet. */
  let onMail: (mail: SunkMail) => Promise<void>;

  beforeEach(async () => {
    onMail = async () => Promise.resolve();
    // In this process, so that what was sent outlives the service.
    sink = await startSink({ onMail: async (mail) => onMail(mail) });
    home = await makeHome({ SMTP_URL: sink.url, SEND_WINDOW: String(SEND_WINDOW) });
  });
  afterEach(async () => {
    await home.drop();
    await sink.stop();
  });

  it('loses no sign-up that was answered, and each leads to its mail', async () => {
    const answered: string[] = [];
    const kills = TEST_DATABASE_URL ? [1, 9, 20] : [9];
    let service = await home.start();

    for (const [round, moment] of kills.entries()) {
      const addresses = Array.from({ length: 36 }, (_, i) => `person${i}@round${round}.example`);
      const before = answered.length;
      await killAt(service, addresses, async (address) => {
        expect((await signUp(service, address)).status).to.equal(200);
        answered.push(address);
        return answered.length - before >= moment;
      });
      expect(answered.length - before, 'some were answered, some were not')
        .to.be.at.least(moment)
        .and.to.be.below(addresses.length);
      service = await home.start();
    }

    await eventually(async () => {
      const waiting = answered.filter((address) => copiesOf(sink, address).length === 0);
      return Promise.resolve(expect(waiting, 'answered, but without a mail').to.deep.equal([]));
    }, RESUMED_MS);
    for (const address of answered) {
      const page = await get(await confirmLink(sink, copiesOf(sink, address).at(-1)));
      expect(page.status, address).to.equal(200);
    }
    checkCopies(sink, kills.length);
    await home.look(async (ctx) => {
      await settled(ctx);
      await checkLedger(ctx);
    });
  });

  it('sends a confirmation again that was on its way, with the same Message-ID; both links confirm one consent', async () => {
    const service = await home.start();
    onMail = async (mail) => {
      // Whole here, but never answered.
      if (mail.to === 'ada@example.org' && copiesOf(sink, mail.to).length === 0) await service.kill();
    };
    expect((await signUp(service, 'ada@example.org')).status).to.equal(200);
    await service.exited;

    await home.start();

    await eventually(async () => Promise.resolve(expect(copiesOf(sink, 'ada@example.org')).to.have.length(2)), 60_000);
    const [first, second] = copiesOf(sink, 'ada@example.org');
    expect(second?.messageId)
      .to.equal(first?.messageId)
      .and.to.match(/^<\w+@/);
    const forms = await Promise.all([first, second].map(async (mail) => confirmForm(await confirmLink(sink, mail))));
    expect(forms[0]?.action).to.not.equal(forms[1]?.action);
    for (const form of forms) expect(headingOf(await post(form.action, form.fields))).to.match(/confirmed/i);
    await home.look(async (ctx) => {
      expect((await factsOf(ctx, 'ada@example.org'))?.state).to.equal('confirmed');
      await checkLedger(ctx);
      expect(await eventCounts(ctx)).to.deep.include({ offered: 2, confirmed: 1 });
    });
  });

  it('loses no confirmation that was answered', async () => {
    const addresses = Array.from({ length: 60 }, (_, i) => `person${i}@example.org`);
    let service = await home.start();
    await inTurns(addresses, 4, async (address) => {
      expect((await signUp(service, address)).status).to.equal(200);
    });
    await eventually(async () => {
      for (const address of addresses) expect(copiesOf(sink, address), address).to.have.length(1);
      return Promise.resolve();
    }, 30_000);
    const forms = new Map<string, FormOnPage>();
    for (const address of addresses)
      forms.set(address, await confirmForm(await confirmLink(sink, copiesOf(sink, address)[0])));
    const press = async (address: string): Promise<void> => {
      const { action, fields } = forms.get(address) ?? { action: '', fields: {} };
      const page = await post(action, fields);
      expect(page.status, address).to.equal(200);
      expect(headingOf(page), address).to.contain('Confirmed');
    };

    const answered: string[] = [];
    for (const moment of TEST_DATABASE_URL ? [1, 8, 25] : [8]) {
      const before = answered.length;
      const unanswered = addresses.filter((address) => !answered.includes(address));
      await killAt(service, unanswered, async (address) => {
        await press(address);
        answered.push(address);
        return answered.length - before >= moment;
      });
      expect(answered.length, 'some were answered, some were not').to.be.below(addresses.length);
      service = await home.start();
      const known = await home.look(async (ctx) =>
        Promise.all(answered.map(async (address) => (await factsOf(ctx, address))?.state)),
      );
      expect(known, 'what was answered').to.deep.equal(answered.map(() => 'confirmed'));
    }

    // A press that was not answered may have been taken all the same: pressing again ends well either way.
    await inTurns(addresses, 4, async (address) => {
      const { action, fields } = forms.get(address) ?? { action: '', fields: {} };
      expect(headingOf(await post(action, fields)), address).to.match(/confirmed/i);
    });
    await home.look(async (ctx) => {
      await checkLedger(ctx);
      expect(await eventCounts(ctx)).to.deep.equal({
        ...{ requested: addresses.length, offered: addresses.length, confirmed: addresses.length },
      });
    });
  });

  it('loses nobody of a campaign, and sends twice only what was in flight', async () => {
    await home.start().then(async (first) => first.stop());
    const people = await home.look(async (ctx) => addMany(ctx, 240));
    const kills = [1, 60, 150];
    let service = await home.start();
    let killed = 0;
    let isQueued = (): void => undefined;
    // Mails wait for the command that queues them, and later for a service that starts again.
    let ready = new Promise<void>((resolve) => (isQueued = resolve));
    onMail = async () => {
      await ready;
      if (killed === kills.length || sink.mails.length < (kills[killed] ?? 0) - 1) return;
      killed += 1;
      const dying = service;
      dying.signal('SIGKILL');
      ready = dying.exited.then(async () => {
        service = await home.start();
      });
      await dying.exited;
    };

    const campaign = await sendCampaign(home);
    isQueued();

    await eventually(async () => {
      expect(killed).to.equal(kills.length);
      await ready;
      const waiting = people.filter(({ address }) => copiesOf(sink, address).length === 0);
      expect(waiting.length, 'people without their mail').to.equal(0);
    }, 3 * RESUMED_MS);
    await home.look(async (ctx) => {
      await settled(ctx);
      const done = await progress(ctx, campaign);
      const skipped = Object.values(done.skipped).reduce((sum, n) => sum + n, 0);
      expect(done).to.include({ state: 'sent', queued: people.length, waiting: 0, sending: 0 });
      expect(done.sent + done.failed + skipped + done.deferred + done.unknown).to.equal(done.queued);
      expect(done.sent).to.equal(people.length);
      await checkLedger(ctx);
    });
    // The mails that the kills came in the middle of were whole, and went again.
    expect(checkCopies(sink, kills.length)).to.be.at.least(kills.length);
  });
});

/** Sends to all, four at a time, until one says that it is time; then kills the service in the middle of the others. */
async function killAt<T>(
  service: RunningService,
  all: readonly T[],
  send: (one: T) => Promise<boolean>,
): Promise<void> {
  let isDead = false;
  await inTurns(all, 4, async (one) => {
    if (isDead) return;
    try {
      if (!(await send(one))) return;
      isDead = true;
      service.signal('SIGKILL');
    } catch (error) {
      // Not answered: nothing was promised.
      if (!(error instanceof TypeError)) throw error;
      expect(isDead, `the service was gone too soon: ${service.err()}`).to.equal(true);
    }
  });
  await service.exited;
}

/** Runs through all, so many at a time. */
async function inTurns<T>(all: readonly T[], width: number, work: (one: T) => Promise<void>): Promise<void> {
  const waiting = [...all];
  await Promise.all(
    Array.from({ length: width }, async () => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await work(next);
    }),
  );
}

/** Mails went more than once only while in flight, and can be told as the same; returns how many went once too often. */
function checkCopies(sink: Sink, kills: number): number {
  const people = new Set(sink.mails.map((mail) => mail.to));
  const messages = new Set(sink.mails.map((mail) => `${mail.messageId} ${mail.to}`));
  expect(messages.size, 'Message-IDs, one for each person').to.equal(people.size);
  const extra = sink.mails.length - people.size;
  expect(extra, 'mails that went again').to.be.at.most(kills * SEND_WINDOW);
  return extra;
}

function copiesOf(sink: Sink, address: string): SunkMail[] {
  return sink.mails.filter((mail) => mail.to === address);
}

async function confirmLink(sink: Sink, mail: SunkMail | undefined): Promise<string> {
  return linkIn({ id: '', raw: mail?.raw ?? Buffer.alloc(0), parsed: await sink.parsed(mail) }, 'c');
}

async function confirmForm(link: string): Promise<FormOnPage> {
  return formOf(await get(link), 'confirm');
}

async function eventCounts(ctx: Parameters<typeof settled>[0]): Promise<Record<string, number>> {
  const rows = await ctx.db.query<{ kind: string; n: number }>(
    'select kind, count(*)::int as n from consent_event group by 1',
  );
  return Object.fromEntries(rows.map(({ kind, n }) => [kind, n]));
}

async function sendCampaign(home: Home): Promise<string> {
  const file = join(home.dataDir, 'letter.html');
  await writeFile(file, '<html><head><title>Hello</title></head><body><p>Hello</p></body></html>');
  const sent = await home.zgoda(['campaign', 'send', file, '--list', 'news', '--json']);
  expect(sent.code, sent.err).to.equal(0);
  return (JSON.parse(sent.out) as { campaign: string }).campaign;
}
