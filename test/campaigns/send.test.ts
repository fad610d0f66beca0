import { expect } from 'chai';
import { authenticate } from 'mailauth';
import { simpleParser, type ParsedMail } from 'mailparser';
import { audienceOf } from '../../server/campaigns/audience.js';
import { campaignBuilder } from '../../server/campaigns/builder.js';
import { fanOut, finishCampaigns } from '../../server/campaigns/fan-out.js';
import { progress, skippedCount } from '../../server/campaigns/progress.js';
import { releaseCampaign } from '../../server/campaigns/release.js';
import { createCampaign } from '../../server/campaigns/upload.js';
import { claim, type Claimed } from '../../server/delivery/claim.js';
import type { BuiltMail } from '../../server/delivery/built-mail.js';
import { settle } from '../../server/delivery/settle.js';
import { signersOf } from '../../server/delivery/signing.js';
import { dkimRecord } from '../../server/mail/dkim-record.js';
import { listBySlug } from '../../server/consent/catalogue.js';
import { openAddressToken, openLink } from '../../server/links/token.js';
import { addPeople, addPerson, makeFresh, type Fresh } from './fresh.js';

const WORKER = '11111111-1111-4111-8111-111111111111';
const SOURCE = Buffer.from(
  '<html><head><title>Hello</title></head><body><p>Żółw od {{organisation}}</p></body></html>',
);

describe('sending a campaign', () => {
  let fresh: Fresh;

  before(async () => {
    fresh = await makeFresh({ inboundDomain: 'in.example.org' });
  });

  afterEach(async () => fresh.clear());

  after(async () => fresh.drop());

  const draft = async (): Promise<string> =>
    createCampaign(fresh.ctx, { list: 'news', fileName: 'a.html', source: SOURCE });

  const queueAll = async (): Promise<void> => {
    while ((await fanOut(fresh.ctx)) > 0);
  };

  const claimAll = async (): Promise<Claimed[]> => (await claim(fresh.ctx, WORKER, ['campaign'], 1000)).good;

  const queued = async (): Promise<number> => {
    const [row] = await fresh.ctx.db.query<{ n: number }>('select count(*)::int as n from delivery');
    return row?.n ?? 0;
  };

  it('releases once, however often it is pressed', async () => {
    const id = await draft();

    const answers = await Promise.all([releaseCampaign(fresh.ctx, id), releaseCampaign(fresh.ctx, id)]);

    expect(answers.sort()).to.deep.equal([false, true]);
    expect(await releaseCampaign(fresh.ctx, id)).to.equal(false);
  });

  it('queues everybody once, though the fan-out crashes in the middle and two run at once', async () => {
    await addPeople(fresh, 1_050);
    const id = await draft();
    await releaseCampaign(fresh.ctx, id);
    await fanOut(fresh.ctx);
    await crash();

    await Promise.all([queueAll(), queueAll()]);

    expect(await queued()).to.equal(1_050);
    expect(await progress(fresh.ctx, id)).to.include({ queued: 1_050, waiting: 1_050, isFannedOut: true });
  });

  it('goes to nobody who joined after the release, and to nobody who left before the mail', async () => {
    const boris = await addPerson(fresh, 'boris@example.com', { state: 'pending' });
    await addPerson(fresh, 'chen@example.com', { state: 'withdrawn' });
    await addPerson(fresh, 'ada@example.com');
    const id = await draft();
    await releaseCampaign(fresh.ctx, id);
    await addPerson(fresh, 'dora@example.com', { confirmedAt: new Date(Date.now() + 60_000) });

    await queueAll();

    const mails = await claimAll();
    expect(mails.map((mail) => mail.address)).to.deep.equal(['ada@example.com']);
    expect(mails.some((mail) => mail.subscriberId === boris.subscriberId)).to.equal(false);
  });

  it('builds whole mails: text and HTML, both links, every header of the list, the same Message-ID at every try', async () => {
    await addPerson(fresh, 'ada@example.com');
    const [mail, again] = await buildTwice();

    const parsed = await simpleParser(await bytesOf(mail));
    const [u, p] = [linkIn(parsed, 'u'), linkIn(parsed, 'p')];
    const header = (name: string) => parsed.headerLines.find((line) => line.key === name)?.line ?? '';
    expect(openLink(fresh.ctx.keyring, fresh.ctx.audiences, 'u', u.token, new Date()).purpose).to.equal('u');
    expect(openLink(fresh.ctx.keyring, fresh.ctx.audiences, 'p', p.token, new Date()).purpose).to.equal('p');
    for (const part of [parsed.html || '', parsed.text ?? '']) {
      expect(part).to.contain(u.url).and.to.contain(p.url).and.to.contain('garnia sp. z o.o.');
      expect(part).not.to.match(/[\ufdd0\ufdd1]|\{\{/);
    }
    expect(unfold(header('list-unsubscribe'))).to.contain(`<${u.url}>, <mailto:u+`);
    const token = /u\+([a-z2-7]{32})@in\.example\.org\?subject=unsubscribe/.exec(header('list-unsubscribe'))?.[1];
    expect(openAddressToken(fresh.ctx.keyring, 'x', token ?? '')).to.have.length(10);
    expect(header('list-unsubscribe-post')).to.equal('List-Unsubscribe-Post: List-Unsubscribe=One-Click');
    expect(header('list-id')).to.equal('List-Id: Book news <news.example.org>');
    expect(unfold(header('feedback-id'))).to.match(/^Feedback-ID: [0-9a-f-]{36}:news:campaign:demo-mail$/);
    expect(header('precedence')).to.equal('Precedence: bulk');
    expect(parsed.subject).to.equal('Hello');
    expect(parsed.messageId).to.match(/^<[0-9a-f]{40}@example\.org>$/);
    expect((await simpleParser(await bytesOf(again))).messageId).to.equal(parsed.messageId);
  });

  it('writes the footer in the language of the subscriber, with the day of the confirmation', async () => {
    await addPerson(fresh, 'ada@example.com', { language: 'pl', confirmedAt: new Date('2026-03-02T23:30:00Z') });
    const [mail] = await buildTwice();

    const { text = '', html } = await simpleParser(await bytesOf(mail));

    const why = 'Otrzymujesz tę wiadomość, bo 3 marca 2026 potwierdzono zapis tego adresu na listę „Nowości”.';
    expect(text).to.contain(why).and.to.contain('Wypisz mnie z listy „Nowości”\n<https://');
    expect(html).to.contain('Otrzymujesz t&#281; wiadomo&#347;&#263;, bo').and.to.contain('lang="pl"');
  });

  it('signs with DKIM so that both unsubscribe headers cannot be changed', async () => {
    await addPerson(fresh, 'ada@example.com');
    const [mail] = await buildTwice();
    const list = await listBySlug(fresh.ctx, 'news');
    const records = (await signersOf(fresh.ctx, list.organisation)).map(dkimRecord);
    const resolver = async (name: string): Promise<string[][]> => {
      const record = records.find((one) => one.name === name);
      if (!record) return Promise.reject(Object.assign(new Error('none'), { code: 'ENOTFOUND' }));
      return Promise.resolve([[record.text]]);
    };

    const { dkim } = await authenticate(await bytesOf(mail), { resolver, trustReceived: false });

    const found = dkim.results.map(({ selector, status }) => [selector, status.result, status.aligned]);
    expect(found).to.deep.equal([
      ['zgoda1', 'pass', 'example.org'],
      ['zgoda1e', 'pass', 'example.org'],
    ]);
    const signature = unfold(/^DKIM-Signature:[\s\S]*?\r\n(?!\s)/.exec((await bytesOf(mail)).toString())?.[0] ?? '');
    const signed = /h=([^;]+)/.exec(signature)?.[1]?.replace(/\s/g, '').split(':') ?? [];
    expect(signed).to.include.members(['list-unsubscribe', 'list-unsubscribe-post', 'feedback-id', 'list-id']);
  });

  it('does not queue a campaign that was released by SQL', async () => {
    await addPerson(fresh, 'ada@example.com');
    const id = await draft();
    await fresh.ctx.db.query(`update campaign set state = 'sending', released_at = now() where id = $1`, [id]);

    await queueAll();

    expect(await queued()).to.equal(0);
    expect((await progress(fresh.ctx, id)).state).to.equal('cancelled');
  });

  it('does not send a campaign whose text was changed by SQL after its release', async () => {
    await addPerson(fresh, 'ada@example.com');
    const id = await draft();
    await releaseCampaign(fresh.ctx, id);
    await queueAll();
    await fresh.ctx.db.query(`update campaign set html = replace(html, 'Żółw', 'Pay here') where id = $1`, [id]);
    const restarted = { ...fresh.ctx };

    const built = await campaignBuilder(restarted, await claimAll());

    expect(built[0]).to.include({ cannot: 'seal' });
  });

  it('does not release a draft that was changed by SQL', async () => {
    const id = await draft();
    await fresh.ctx.db.query(`update campaign set subject = 'Pay here' where id = $1`, [id]);

    const error: unknown = await releaseCampaign(fresh.ctx, id).catch((thrown: unknown) => thrown);

    expect(error).to.include({ code: 'campaign-state' });
  });

  it('is done when every mail has its outcome, and counts them by reason', async () => {
    await addPerson(fresh, 'ada@example.com');
    await addPerson(fresh, 'boris@example.com');
    const left = await addPerson(fresh, 'chen@example.com');
    const id = await draft();
    await releaseCampaign(fresh.ctx, id);
    await queueAll();
    await fresh.ctx.db.query(`update subscriber set restricted_at = now() where id = $1`, [left.subscriberId]);
    const mails = await claimAll();
    expect(await finishCampaigns(fresh.ctx)).to.equal(0);

    const outcome = (delivery: Claimed) =>
      ({ delivery, state: 'sent', reason: null, reply: '250', dueAt: null, counts: true }) as const;
    await settle(fresh.ctx, WORKER, mails.map(outcome));

    expect(await finishCampaigns(fresh.ctx)).to.equal(1);
    const now = await progress(fresh.ctx, id);
    expect(now).to.include({ state: 'sent', queued: 3, sent: 2, waiting: 0, sending: 0 });
    expect(now.skipped).to.deep.equal({ restricted: 1 });
    expect(skippedCount(now)).to.equal(1);
  });

  it('leaves a mail alone of which it stays unknown whether it arrived', async () => {
    await addPerson(fresh, 'ada@example.com');
    const id = await draft();
    await releaseCampaign(fresh.ctx, id);
    await queueAll();
    const mails = await claimAll();
    await settle(
      fresh.ctx,
      WORKER,
      mails.map((delivery) => ({
        delivery,
        state: 'unknown',
        reason: 'unknown',
        reply: null,
        dueAt: null,
        counts: true,
      })),
    );

    expect(await claimAll()).to.have.length(0);
    expect(await progress(fresh.ctx, id)).to.include({ unknown: 1, waiting: 0 });
    expect(await finishCampaigns(fresh.ctx)).to.equal(1);
  });

  it('says beforehand who will get it, and who not and why', async () => {
    await addPerson(fresh, 'ada@example.com');
    await addPerson(fresh, 'boris@example.com', { state: 'pending' });
    await addPerson(fresh, 'chen@example.com', { state: 'withdrawn' });

    expect(await audienceOf(fresh.ctx, fresh.listId)).to.deep.equal({
      reached: 1,
      left: { pending: 1, withdrawn: 1 },
      isNarrowed: false,
    });
  });

  async function buildTwice(): Promise<[BuiltMail, BuiltMail]> {
    const id = await draft();
    await releaseCampaign(fresh.ctx, id);
    await queueAll();
    const mails = await claimAll();
    const [first] = await campaignBuilder(fresh.ctx, mails);
    const [second] = await campaignBuilder({ ...fresh.ctx }, mails);
    return [first as BuiltMail, second as BuiltMail];
  }

  // A crash between two statements: what the transaction had done is undone.
  async function crash(): Promise<void> {
    const ctx = {
      ...fresh.ctx,
      db: {
        ...fresh.ctx.db,
        transaction: async <T>(work: Parameters<typeof fresh.ctx.db.transaction<T>>[0]) =>
          fresh.ctx.db.transaction<T>(async (tx) => {
            await work(tx);
            throw new Error('killed');
          }),
      },
    };
    const error: unknown = await fanOut(ctx).catch((thrown: unknown) => thrown);
    expect(error).to.include({ message: 'killed' });
  }
});

function linkIn(mail: ParsedMail, purpose: 'u' | 'p'): { url: string; token: string } {
  const found = new RegExp(`https://consent\\.example\\.org/${purpose}/([\\w-]+)`).exec(mail.text ?? '');
  return { url: found?.[0] ?? '', token: found?.[1] ?? '' };
}

function unfold(header: string): string {
  return header.replace(/\r\n\s/g, ' ').trim();
}

async function bytesOf({ message }: BuiltMail): Promise<Buffer> {
  const made = typeof message === 'function' ? await message() : await message;
  if (!('message' in made)) throw new Error('no message was built');
  return Buffer.concat([made.message].flat());
}
