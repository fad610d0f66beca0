import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { createCampaign } from '../../server/campaigns/upload.js';
import { releaseCampaign } from '../../server/campaigns/release.js';
import { act } from '../../server/consent/act.js';
import { forgetCatalogue, listBySlug, wordingOf } from '../../server/consent/catalogue.js';
import { consentById } from '../../server/consent/find.js';
import { replayJournal } from '../../server/consent/replay.js';
import { subscribe } from '../../server/consent/subscribe.js';
import { stopAll, withdraw } from '../../server/consent/withdraw.js';
import type { Context } from '../../server/context.js';
import { claim } from '../../server/delivery/claim.js';
import { decideSignUps } from '../../server/delivery/decide.js';
import { queueDeliveries } from '../../server/delivery/queue.js';
import { appendLeaves, frontierRoot } from '../../server/ledger/frontier.js';
import { fsck } from '../../server/ledger/fsck.js';
import { integrate } from '../../server/ledger/integrate.js';
import { leafHash } from '../../server/ledger/merkle.js';
import { latestCheckpoint } from '../../server/ledger/store.js';
import { parseAddress } from '../../server/mail/address.js';
import { addStaff } from '../../server/staff/add-staff.js';
import { firstRunLink } from '../../server/staff/first-run.js';
import { bareCampaign } from '../support/campaigns.js';
import { makeTestContext, type TestContext } from '../support/context.js';
import { addConfirmed, type Person } from '../support/people.js';
import { eventually, startTestService, type TestService } from '../support/service.js';
import { factsOf, oneClickLink, one, settled, stateOf, type PersonFacts } from '../support/state.js';
import { join, linkIn, settingsLink, signUp } from '../support/story.js';
import { boxOf, formOf, get, post, type FormOnPage, type Page } from '../support/web.js';

const DAY_MS = 86_400_000;
const LETTER = '<html><head><title>Books</title></head><body><p>New books came.</p></body></html>';

/*
 * The attacker speaks SQL as the service does, knows schema and code, and holds a mailbox of their own (eve), but no key. What they write is
 * then met by the running service.
 */
describe('Whoever can only write SQL causes no mail and no consent (T6)', function () {
  this.timeout(60_000);
  let service: TestService;
  let ctx: Context;
  let people = 0;

  before(async () => {
    service = await startTestService();
    ctx = service.ctx;
    await join(service, 'ada@gmail.com');
    await join(service, 'ada@gmail.com', 'readings');
  });
  after(async () => {
    await settled(ctx);
    expect((await fsck(ctx)).faults).to.deep.equal([]);
    await service.stop();
  });

  const somebody = (): string => {
    people += 1;
    return `person${people}@gmail.com`;
  };

  const confirmed = async (list = 'news'): Promise<{ email: string; page: Page; facts: PersonFacts }> => {
    const email = somebody();
    const page = await join(service, email, list);
    const facts = await factsOf(ctx, email, list);
    if (!facts) throw new Error('nobody confirmed');
    return { email, page, facts };
  };

  /** Sends a campaign, waits until it is through, and says what became of the mail to somebody. Ada, whom nobody touched, gets hers. */
  const letterTo = async (subscriberId: string, list = 'news'): Promise<string> => {
    const id = await createCampaign(ctx, { list, fileName: 'books.html', source: Buffer.from(LETTER) });
    await releaseCampaign(ctx, id);
    ctx.bell.ring('mail');
    const outcome = async (subscriber: string): Promise<string> =>
      (await one<string | undefined>(
        ctx,
        `select concat_ws(' ', state, reason) from delivery where message_id = $1 and subscriber_id = $2`,
        [id, subscriber],
      )) ?? 'none';
    const ada = (await factsOf(ctx, 'ada@gmail.com'))?.subscriberId ?? '';
    await eventually(async () => {
      const waiting = `select count(*)::int from delivery where message_id = $1 and state in ('queued', 'sending')`;
      expect(await one(ctx, 'select fanned_out_at is not null from campaign where id = $1', [id])).to.equal(true);
      expect(await one(ctx, waiting, [id])).to.equal(0);
      expect(await outcome(ada)).to.equal('sent');
    });
    const result = await outcome(subscriberId);
    // What cannot be read is tried again later: nobody waits for it here.
    await ctx.db.query(`delete from delivery where message_id = $1 and state = 'deferred'`, [id]);
    return result;
  };

  /** Does what an attacker does, wakes everybody, and tells that no mail came to this address and the log did not grow. */
  const comesToNothing = async (victim: string, attack: () => Promise<unknown>): Promise<void> => {
    const now = async (): Promise<object> => ({
      mails: await service.mailsTo(victim),
      leaves: await one(ctx, 'select count(*)::int from log_leaf'),
      sessions: await one(ctx, 'select count(*)::int from session'),
    });
    await settled(ctx);
    const before = await now();
    await attack();
    for (const ring of ['sign-up', 'event', 'mail'] as const) ctx.bell.ring(ring);
    await settled(ctx);
    expect(await now()).to.deep.equal(before);
  };

  describe('by writing a consent:', () => {
    it('a state that was flipped from withdrawn, or from pending, to confirmed is not mailed', async () => {
      const chen = await confirmed();
      await withdraw(ctx, chen.facts.consentId, 'page');
      const boris = somebody();
      await signUp(service, boris);
      await service.mailTo(boris);
      const pending = await factsOf(ctx, boris);
      for (const facts of [chen.facts, pending])
        await ctx.db.query(
          `update consent set state = 'confirmed', basis = 'confirmed', confirmed_at = coalesce(confirmed_at, state_at) where id = $1`,
          [facts?.consentId],
        );

      expect(await letterTo(chen.facts.subscriberId)).to.equal('failed seal');
      expect(await letterTo(pending?.subscriberId ?? '')).to.equal('failed seal');
      expect([await service.mailsTo(chen.email), await service.mailsTo(boris)]).to.deep.equal([1, 1]);
    });

    it('the seal of somebody who is on the list opens nothing in another row', async () => {
      const [eve, chen] = [await confirmed(), await confirmed()];
      await withdraw(ctx, chen.facts.consentId, 'page');
      const own = await rowOf(ctx, 'consent', chen.facts.consentId);
      const stolen = await rowOf(ctx, 'consent', eve.facts.consentId);
      for (const column of ['id', 'subscriber_id', 'unsubscribe_ref', 'preferences_ref', 'mailto_ref'])
        stolen[column] = own[column];
      await putBack(ctx, 'consent', chen.facts.consentId, stolen);

      expect(await letterTo(chen.facts.subscriberId)).to.equal('failed seal');
    });

    it('the row of before, seal and all, opens nothing once the person has left', async () => {
      const chen = await confirmed();
      const before = await rowOf(ctx, 'consent', chen.facts.consentId);
      await withdraw(ctx, chen.facts.consentId, 'page');
      await putBack(ctx, 'consent', chen.facts.consentId, before);

      expect(await stateOf(ctx, chen.email)).to.equal('confirmed');
      expect(await letterTo(chen.facts.subscriberId)).to.equal('failed seal');
    });

    it('nor does it where the row was made unrecognisable while the person left: leaving works, and stands', async () => {
      const chen = await confirmed();
      const before = await rowOf(ctx, 'consent', chen.facts.consentId);
      const letter = await letterTo(chen.facts.subscriberId);
      const link = oneClickLink(await service.mailTo(chen.email, 2));
      await ctx.db.query('update consent set last_event_id = $2 where id = $1', [chen.facts.consentId, randomUUID()]);

      const left = await post(link, { 'List-Unsubscribe': 'One-Click' });
      const state = await stateOf(ctx, chen.email);
      await putBack(ctx, 'consent', chen.facts.consentId, before);

      expect([letter, left.status, state]).to.deep.equal(['sent', 200, 'withdrawn']);
      expect(left.text).to.not.contain('gmail.com');
      expect(await letterTo(chen.facts.subscriberId)).to.equal('failed seal');
    });

    it('is mailed again once the person came back by a button: a chapter that went on is no forgery', async () => {
      const chen = await confirmed();
      await withdraw(ctx, chen.facts.consentId, 'page');
      await join(service, chen.email);

      expect(await letterTo(chen.facts.subscriberId)).to.equal('sent');
    });

    it('a pause that was taken out, or links that were exchanged, are noticed', async () => {
      const [paused, eve] = [await confirmed(), await confirmed()];
      await change(ctx, paused.facts.consentId, { pausedUntil: new Date(Date.now() + DAY_MS) });
      await ctx.db.query('update consent set paused_until = null where id = $1', [paused.facts.consentId]);
      await ctx.db.query('update consent set unsubscribe_ref = $2 where id = $1', [
        eve.facts.consentId,
        randomBytes(16),
      ]);

      expect(await letterTo(paused.facts.subscriberId)).to.equal('failed seal');
      expect(await letterTo(eve.facts.subscriberId)).to.equal('failed seal');
    });

    it('a consent that was moved to another person is not mailed, and its former owner cannot have it sealed anew', async () => {
      const [eve, victim] = [await confirmed('readings'), await confirmed()];
      const page = await get(settingsLink(eve.page));
      const { action } = formOf(page, 'preferences');
      await ctx.db.query('update consent set subscriber_id = $2 where id = $1', [
        eve.facts.consentId,
        victim.facts.subscriberId,
      ]);

      const steered = await post(action, { choice: 'weekly' });
      const shown = await get(settingsLink(eve.page));

      expect(page.text).to.contain('@gmail.com');
      expect(steered.status).to.equal(500);
      expect(shown.text).to.not.contain('@gmail.com');
      expect(await letterTo(victim.facts.subscriberId, 'readings')).to.equal('failed seal');
      // She may leave; what she leaves behind is nobody's, and does not come back by undo.
      const left = await post(action, { choice: 'leave' });
      const undone = await post(`${action}/undo`, { undo: formOf(left, 'undo').fields['undo'] ?? '' });
      expect([left.status, undone.status]).to.deep.equal([200, 500]);
      expect(await letterTo(victim.facts.subscriberId, 'readings')).to.equal('none');
    });

    it("a link from eve's own mailbox does not confirm for somebody else", async () => {
      const [eve, boris] = [somebody(), somebody()];
      const offers: { form: FormOnPage; offer: string }[] = [];
      for (const list of ['news', 'readings']) {
        await signUp(service, eve, list);
        const link = linkIn(await service.mailTo(eve, offers.length + 1), 'c');
        const newest = await one<string>(ctx, 'select id from offer order by created_at desc limit 1');
        offers.push({ form: formOf(await get(link), 'confirm'), offer: newest });
      }
      await signUp(service, boris);
      await service.mailTo(boris);
      const victim = await factsOf(ctx, boris);
      await settled(ctx);
      await ctx.db.query('update offer set consent_id = $2 where id = $1', [offers[0]?.offer, victim?.consentId]);
      await ctx.db.query(
        `update offer o set consent_id = v.consent_id, sign_up_id = v.sign_up_id, event_id = v.event_id from offer v
         where o.id = $1 and v.consent_id = $2 and v.sign_up_id = $3`,
        [offers[1]?.offer, victim?.consentId, victim?.signUpId],
      );

      const pressed = await Promise.all(offers.map(async ({ form }) => post(form.action, form.fields)));

      expect(pressed.map((page) => page.status)).to.deep.equal([410, 410]);
      expect(await stateOf(ctx, boris)).to.equal('pending');
    });

    it('a list that was made to accept other bases gets nobody in who has not confirmed', async () => {
      const noted = await confirmed();
      await change(ctx, noted.facts.consentId, { basis: 'asserted' });
      await ctx.db.query(`update list set accepted_bases = '{confirmed,asserted}' where slug = 'news'`);

      // Within the seconds in which the catalogue is remembered, the list means what it meant.
      const outcome = await letterTo(noted.facts.subscriberId);

      await ctx.db.query(`update list set accepted_bases = '{confirmed}' where slug = 'news'`);
      expect(outcome).to.equal('failed seal');
      expect(await letterTo(noted.facts.subscriberId)).to.equal('skipped basis');
    });

    it('a suppression that cannot be seen any more, because the person was given another hash, still holds', async () => {
      const { email, facts } = await confirmed();
      await ctx.db.query(
        `insert into suppression (organisation_id, hash, reason, created_at)
         select organisation_id, suppression_hash, 'complaint', now() from subscriber where id = $1`,
        [facts.subscriberId],
      );
      await ctx.db.query('update subscriber set suppression_hash = $2 where id = $1', [
        facts.subscriberId,
        randomBytes(32),
      ]);

      expect(await letterTo(facts.subscriberId)).to.equal('deferred unreadable');
      expect(await service.mailsTo(email)).to.equal(1);
    });

    it('an address that was exchanged for the ciphertext of another is not readable', async () => {
      const [eve, victim] = [await confirmed(), await confirmed()];
      await ctx.db.query(
        'update subscriber s set address = v.address, profile_key = v.profile_key from subscriber v where s.id = $1 and v.id = $2',
        [eve.facts.subscriberId, victim.facts.subscriberId],
      );

      expect(await letterTo(eve.facts.subscriberId)).to.equal('deferred unreadable');
      expect([await service.mailsTo(eve.email), await service.mailsTo(victim.email)]).to.deep.equal([1, 2]);
    });

    it('"stop all" stands although its suppression and its states were undone, and the journal puts the suppression back', async () => {
      const { facts } = await confirmed();
      const before = await rowOf(ctx, 'consent', facts.consentId);
      await stopAll(ctx, facts.subscriberId);
      const count = `select count(*)::int from suppression x join subscriber s on s.suppression_hash = x.hash where s.id = $1 and x.reason = 'objection'`;
      await ctx.db.query(
        'delete from suppression x using subscriber s where s.id = $1 and x.hash = s.suppression_hash',
        [facts.subscriberId],
      );
      await putBack(ctx, 'consent', facts.consentId, before);

      expect(await letterTo(facts.subscriberId)).to.equal('failed seal');
      expect(await one(ctx, count, [facts.subscriberId])).to.equal(0);
      expect(await replayJournal(ctx)).to.be.greaterThan(0);
      expect(await one(ctx, count, [facts.subscriberId])).to.equal(1);
    });
  });

  describe('by writing a mail:', () => {
    it('a delivery of their own is not sent, whichever seal it carries', async () => {
      const boris = somebody();
      await signUp(service, boris);
      await service.mailTo(boris);
      const victim = await factsOf(ctx, boris);
      const deliveries = [
        { kind: 'campaign', template: 'campaign', message: randomUUID() },
        { kind: 'notice', template: 'magic', message: randomUUID() },
        { kind: 'transactional', template: 'already', message: victim?.signUpId },
      ];

      await comesToNothing(boris, async () => {
        for (const { kind, template, message } of deliveries)
          await ctx.db.query(
            `insert into delivery (message_id, subscriber_id, kind, template, consent_id, state, due_at, attempts, seal)
             select coalesce($1::uuid, d.message_id), $2, $3, $4, $5, 'queued', now(), 0, d.seal from delivery d where d.subscriber_id <> $2 limit 1
             on conflict (message_id, subscriber_id) do update set kind = excluded.kind, template = excluded.template, state = 'queued'`,
            [message, victim?.subscriberId, kind, template, victim?.consentId],
          );
        // Mails of a campaign that there is not are not looked at.
        await bareCampaign(ctx, deliveries[0]?.message);
      });

      const reasons = await ctx.db.query<{ reason: string }>('select reason from delivery where subscriber_id = $1', [
        victim?.subscriberId,
      ]);
      expect(reasons.map(({ reason }) => reason).sort()).to.deep.equal(['pending', 'seal', 'seal']);
    });

    it('a sign-up row for somebody else, its fields copied, leads to nothing and holds up nobody', async () => {
      const eve = somebody();
      await signUp(service, eve);
      await service.mailTo(eve);
      const victim = await confirmed();

      await comesToNothing(victim.email, async () => {
        const { signUpId } = (await factsOf(ctx, eve)) ?? {};
        await ctx.db.query(
          `insert into sign_up (id, list_id, wording_id, source, language, blind_index, suppression_hash, evidence_key, sealed, requested_commitment, requested_at)
           select $1, u.list_id, u.wording_id, u.source, u.language, s.blind_index, s.suppression_hash, u.evidence_key, u.sealed, u.requested_commitment, '2020-01-01'
           from sign_up u, subscriber s where u.id = $2 and s.id = $3`,
          [randomUUID(), signUpId, victim.facts.subscriberId],
        );
      });

      expect(await one(ctx, `select count(*)::int from sign_up where outcome = 'forged'`)).to.equal(1);
      await join(service, somebody());
    });

    it('a request that was decided is not decided again', async () => {
      const { email, facts } = await confirmed();

      await comesToNothing(email, async () => {
        await ctx.db.query('delete from delivery where message_id = $1', [facts.signUpId]);
        await ctx.db.query('update sign_up set outcome = null where id = $1', [facts.signUpId]);
      });

      expect(await one(ctx, 'select outcome from sign_up where id = $1', [facts.signUpId])).to.equal('forged');
    });

    it('a wish for the settings link is not made for somebody else, nor by a copy', async () => {
      const eve = await confirmed();
      const victim = await confirmed();
      await post(`${service.base}/preferences`, { email: eve.email });
      await service.mailTo(eve.email, 2);

      await comesToNothing(victim.email, async () => {
        await ctx.db.query(
          `insert into magic_request (id, organisation_id, blind_index, language, requested_at, seal)
           select $1, s.organisation_id, s.blind_index, 'en', r.requested_at, r.seal from subscriber s, magic_request r where s.id = $2 and r.decided_at is not null limit 1`,
          [randomUUID(), victim.facts.subscriberId],
        );
        await ctx.db.query(
          `update magic_request r set decided_at = null, blind_index = s.blind_index from subscriber s where s.id = $1 and r.blind_index <> s.blind_index`,
          [victim.facts.subscriberId],
        );
      });
    });

    it('a subscriber who was put where eve is found gets no mail when eve asks for hers', async () => {
      const [eve, victim] = [await confirmed(), await confirmed()];
      await ctx.db.query('update subscriber set blind_index = null where id = $1', [eve.facts.subscriberId]);
      await ctx.db.query('update subscriber set blind_index = $2 where id = $1', [
        victim.facts.subscriberId,
        await one<Buffer>(ctx, 'select blind_index from sign_up where id = $1', [eve.facts.signUpId]),
      ]);
      const mails = await service.mailsTo(victim.email);

      await post(`${service.base}/preferences`, { email: eve.email });
      await signUp(service, eve.email, 'readings');
      await settled(ctx);

      expect(await service.mailsTo(victim.email)).to.equal(mails);
      expect(await one(ctx, 'select outcome from sign_up order by requested_at desc limit 1')).to.equal('forged');
    });

    it('a campaign that was released does not lend its seal, or its deliveries, to another text', async () => {
      const { email, facts } = await confirmed();
      await letterTo(facts.subscriberId);
      const sent = await one<string>(
        ctx,
        `select id from campaign where state in ('sending', 'sent') order by released_at desc limit 1`,
      );
      const source = Buffer.from(LETTER.replace('New books', 'Buy this'));
      const draft = await createCampaign(ctx, { list: 'news', fileName: 'spam.html', source });

      await comesToNothing(email, async () => {
        await ctx.db.query(
          `update campaign d set state = 'sending', released_at = c.released_at, seal = c.seal from campaign c where d.id = $1 and c.id = $2`,
          [draft, sent],
        );
        await ctx.db.query(
          `insert into delivery (message_id, subscriber_id, kind, template, consent_id, state, due_at, attempts, seal)
           select $1, subscriber_id, kind, template, consent_id, 'queued', now(), 0, seal from delivery where message_id = $2`,
          [draft, sent],
        );
      });

      expect(await one(ctx, 'select state from campaign where id = $1', [draft])).to.equal('cancelled');
    });

    it('a request for a link that lies a day back is answered no more, whoever opens it again', async () => {
      const { email } = await confirmed();
      await post(`${service.base}/preferences`, { email });
      await service.mailTo(email, 2);
      service.advance(DAY_MS);

      await comesToNothing(email, async () => {
        await ctx.db.query(`delete from delivery where template = 'magic'`);
        await ctx.db.query('update magic_request set decided_at = null');
      });
    });
  });

  describe('by rewriting what an organisation says:', () => {
    const CHANGES: readonly (readonly [string, string])[] = [
      ['the wording next to the box', `update wording set label = label || ' And from everybody else.'`],
      [
        'the wording and its hash',
        `update wording set label = 'Yes', sha256 = '\\x${createHash('sha256').update('Yes').digest('hex')}'`,
      ],
      ['what the list is about', `update list_text set about = 'Win a car.'`],
      ['the notice', `update notice set body = 'We sell everything.'`],
      ['the sender', `update organisation set from_address = 'eve@evil.example'`],
      ['where links lead', `update organisation set public_url = 'https://evil.example'`],
      ['which sites may post', `update form set allowed_origins = '{https://evil.example}'`],
    ];
    for (const [what, sql] of CHANGES) {
      it(`nobody joins and no mail leaves once ${what} was changed; whoever leaves can`, async () => {
        const chen = await confirmed();
        const saved = await dumpOf(ctx);
        const waiting = somebody();
        const page = await get(`${service.base}/lists/news`);
        const { action, fields } = formOf(page, 'subscribe');
        const consent = boxOf(page);
        await settled(ctx);
        await ctx.db.query(sql);
        forgetCatalogue(ctx);

        const shown = await get(`${service.base}/lists/news`);
        const signedUp = await post(action, { ...fields, email: waiting, consent });
        await post(`${service.base}/preferences`, { email: chen.email });
        await eventually(async () =>
          expect(
            await one(ctx, `select reason from delivery where template = 'magic' and subscriber_id = $1`, [
              chen.facts.subscriberId,
            ]),
          ).to.equal('unreadable'),
        );
        const settings = formOf(await get(settingsLink(chen.page)), 'preferences');
        const left = await post(settings.action, { choice: 'leave' });
        await restore(ctx, saved);

        expect([shown.status, signedUp.status, left.status]).to.deep.equal([404, 404, 200]);
        expect(await stateOf(ctx, chen.email)).to.equal('withdrawn');
        expect([await service.mailsTo(waiting), await service.mailsTo(chen.email)]).to.deep.equal([0, 1]);
        await join(service, waiting);
      });
    }
  });
});

describe('Whoever can only write SQL gets no login (T6)', function () {
  this.timeout(60_000);
  let service: TestService;
  let ctx: Context;
  let eve: { cookie: string; hash: Buffer; subscriberId: string };
  const password = 'the password of eve';

  before(async () => {
    service = await startTestService();
    ctx = service.ctx;
    await join(service, 'ada@gmail.com');
    await join(service, 'eve@gmail.com');
  });
  beforeEach(async () => {
    await ctx.db.query('delete from session');
    const cookie = await openSettings('eve@gmail.com');
    const hash = await one<Buffer>(ctx, 'select hash from session');
    eve = { cookie, hash, subscriberId: (await factsOf(ctx, 'eve@gmail.com'))?.subscriberId ?? '' };
    expect((await get(`${service.base}/settings`, { cookie })).text).to.contain('eve@gmail.com');
  });
  after(async () => service.stop());

  const openSettings = async (email: string): Promise<string> => {
    const mails = await service.mailsTo(email);
    await post(`${service.base}/preferences`, { email });
    const form = formOf(await get(linkIn(await service.mailTo(email, mails + 1), 'm')), 'open');
    return cookieOf(await post(form.action, form.fields));
  };

  it('by a first-run link that was made to last longer', async () => {
    const link = (await firstRunLink(ctx)) ?? '';
    const before = await get(link);
    await ctx.db.query(`update installation set first_run_expires_at = first_run_expires_at + interval '1 year'`);

    const owner = { email: 'eve@gmail.com', password };
    const answers = [await get(link), await post(link, owner)];

    expect([before, ...answers].map((page) => page.status)).to.deep.equal([200, 404, 404]);
    expect(await one(ctx, 'select count(*)::int from staff')).to.equal(0);
  });

  it('by a staff row of their own, with a password hash of their own', async () => {
    const { id } = await addStaff(ctx, { email: 'eve@example.com', role: 'viewer', password });
    const login = async (): Promise<number> =>
      (await post(`${service.base}/admin/login`, { email: 'eve@example.com', password })).status;
    const before = await login();
    const blindIndex = await one<Buffer>(ctx, 'select blind_index from staff where id = $1', [id]);
    await ctx.db.query('update staff set blind_index = $2 where id = $1', [id, randomBytes(32)]);
    await ctx.db.query(
      `insert into staff (id, blind_index, profile_key, address, role, password_hash, created_at, seal)
       select $1, $2, profile_key, address, 'owner', password_hash, created_at, seal from staff where id = $3`,
      [randomUUID(), blindIndex, id],
    );

    expect([before, await login()]).to.deep.equal([303, 401]);
  });

  it('by a role that was raised', async () => {
    await addStaff(ctx, { email: 'eve@example.org', role: 'viewer', password });
    const login = async (): Promise<Page> =>
      post(`${service.base}/admin/login`, { email: 'eve@example.org', password });
    const cookie = cookieOf(await login());
    const before = await get(`${service.base}/admin`, { cookie });
    await ctx.db.query(`update staff set role = 'owner' where role = 'viewer'`);

    expect([before.status, (await login()).status]).to.deep.equal([200, 401]);
    expect((await get(`${service.base}/admin`, { cookie })).status).to.equal(303);
  });

  it('by a session whose secret they know, put into the table', async () => {
    await addStaff(ctx, { email: 'owner@example.org', role: 'owner' });
    const secret = randomBytes(32).toString('base64url');
    for (const hash of [secret, `session\0${secret}`].map((text) => createHash('sha256').update(text).digest()))
      await ctx.db.query(
        `insert into session (hash, staff_id, created_at, expires_at, seal)
         select $1, t.id, s.created_at, s.expires_at, s.seal from staff t, session s where t.role = 'owner' limit 1`,
        [hash],
      );

    const page = await get(`${service.base}/admin`, { cookie: `zgoda_staff=${secret}` });

    expect(page.status).to.equal(303);
  });

  it('by a session of their own that was given to an owner, or to somebody else', async () => {
    const { id } = await addStaff(ctx, { email: 'boris@example.org', role: 'owner' });
    const staffCookie = eve.cookie.replace('zgoda_settings', 'zgoda_staff');

    await ctx.db.query('update session set staff_id = $2, subscriber_id = null where hash = $1', [eve.hash, id]);
    const admin = await get(`${service.base}/admin`, { cookie: staffCookie });
    await ctx.db.query('update session set staff_id = null, subscriber_id = $2 where hash = $1', [
      eve.hash,
      (await factsOf(ctx, 'ada@gmail.com'))?.subscriberId,
    ]);
    const settings = await get(`${service.base}/settings`, { cookie: eve.cookie });

    expect(admin.status).to.equal(303);
    expect(settings.status).to.equal(401);
    expect(settings.text).to.not.contain('ada');
  });

  it('by a session of their own that was made to last longer', async () => {
    await ctx.db.query(`update session set expires_at = expires_at + interval '1 day' where hash = $1`, [eve.hash]);

    expect((await get(`${service.base}/settings`, { cookie: eve.cookie })).status).to.equal(401);
  });

  it("by a settings link of their own that was pointed at somebody else's", async () => {
    await post(`${service.base}/preferences`, { email: 'eve@gmail.com' });
    await settled(ctx);
    const newest = await service.mailTo('eve@gmail.com');
    const form = formOf(await get(linkIn(newest, 'm')), 'open');
    await ctx.db.query('update magic_link set subscriber_id = $1', [
      (await factsOf(ctx, 'ada@gmail.com'))?.subscriberId,
    ]);
    const sessions = await one(ctx, 'select count(*)::int from session');

    const opened = await post(form.action, form.fields);

    expect(opened.status).to.equal(410);
    expect(cookieOf(opened)).to.equal('');
    expect(await one(ctx, 'select count(*)::int from session')).to.equal(sessions);
  });
});

describe('Whoever can only write SQL gets nothing into the log, and nothing out of the queue (T6)', function () {
  this.timeout(60_000);
  let test: TestContext;
  let ctx: Context;

  beforeEach(async () => {
    test = await makeTestContext();
    ctx = test.ctx;
  });
  afterEach(async () => test.drop());

  const leaves = async (): Promise<number> => one(ctx, 'select count(*)::int from log_leaf');
  const ask = async (email: string): Promise<string> => {
    const list = await listBySlug(ctx, 'news');
    const wording = wordingOf(list, 'en');
    const address = parseAddress(email);
    return subscribe(ctx, {
      ...{ list, wording, language: 'en', address, formHost: 'shop.example', source: 'form' },
      ...{ ip: '192.0.2.1', userAgent: 'test' },
    });
  };

  it('an event of their own, or a real one copied, gets no leaf; nor does one that has its leaf get another', async () => {
    const ada = await addConfirmed(ctx, 'ada@example.org');
    await integrate(ctx);
    const before = await leaves();
    const chapter = await one<string>(ctx, 'select sign_up_id from consent where id = $1', [ada.consentId]);
    const copy = 'insert into consent_event (sign_up_id, id, kind, commitment, happened_at, seal)';
    await ctx.db.query(`${copy} values ($1, $2, 'confirmed', $3, now(), $4)`, [
      ...[chapter, randomUUID(), randomBytes(32), randomBytes(17)],
    ]);
    await ctx.db.query(
      `${copy} select sign_up_id, $1, kind, commitment, happened_at, seal from consent_event limit 1`,
      [randomUUID()],
    );
    await ctx.db.query(`${copy} select $1, id, kind, commitment, happened_at, seal from consent_event limit 1`, [
      randomUUID(),
    ]);
    await ctx.db.query(
      'insert into log_queue (event_id, sign_up_id) select event_id, sign_up_id from log_leaf on conflict do nothing',
    );
    await ctx.db.query('insert into log_queue (event_id, sign_up_id) values ($1, $2)', [randomUUID(), chapter]);

    expect(await integrate(ctx)).to.equal(0);
    expect(await leaves()).to.equal(before);
    expect(await one(ctx, 'select count(*)::int from log_queue')).to.equal(0);
    expect((await fsck(ctx)).faults, 'each forged event is named').to.have.length(3);
    // The log goes on for those who are real.
    await addConfirmed(ctx, 'boris@example.org');
    expect(await integrate(ctx)).to.equal(2);
  });

  it('an event cannot be changed, deleted or truncated, in no partition', async () => {
    await addConfirmed(ctx, 'ada@example.org');
    const partition = await one<string>(ctx, 'select tableoid::regclass::text from consent_event limit 1');

    for (const sql of [
      `update consent_event set kind = 'noted'`,
      `update consent_event set previous_id = null`,
      'delete from consent_event',
      `delete from ${partition}`,
      'truncate consent_event',
      `truncate ${partition}`,
    ]) {
      const error: unknown = await ctx.db.query(sql).catch((thrown: unknown) => thrown);
      expect(error, sql).to.include({ code: '23000' });
    }
  });

  it('a tree head with a leaf of their own is never signed on top of', async () => {
    await addConfirmed(ctx, 'ada@example.org');
    await integrate(ctx);
    const last = await latestCheckpoint(ctx.db);
    if (!last) throw new Error('no head');
    const { frontier } = appendLeaves(last.frontier, [leafHash(randomBytes(32))]);
    const forge = 'insert into log_checkpoint (size, root, frontier, note, signed_at) values ($1, $2, $3, $4, now())';
    await ctx.db.query(forge, [frontier.size, frontierRoot(frontier), Buffer.concat(frontier.hashes), last.note]);
    await addConfirmed(ctx, 'boris@example.org');

    const error: unknown = await integrate(ctx).catch((thrown: unknown) => thrown);

    expect(String(error)).to.contain('not ours');
    expect(await one(ctx, 'select max(size)::int from log_checkpoint')).to.equal(frontier.size);
    expect((await fsck(ctx)).faults).to.not.deep.equal([]);
  });

  const REWRITTEN: readonly (readonly [string, string])[] = [
    ['its address', 'blind_index = s.blind_index, suppression_hash = s.suppression_hash'],
    ['who is found by it', 'blind_index = s.blind_index'],
    ['what suppresses it', 'suppression_hash = s.suppression_hash'],
    ['its list', `list_id = (select id from list where slug = 'readings')`],
    ['its wording', 'wording_id = (select id from wording w where w.id <> u.wording_id limit 1)'],
  ];
  for (const [what, set] of REWRITTEN) {
    it(`a waiting sign-up of which ${what} was rewritten asks nobody, and holds up nobody`, async () => {
      const victim = await addConfirmed(ctx, 'ada@example.org');
      const forged = await ask('eve@example.org');
      await ctx.db.query(`update sign_up u set ${set} from subscriber s where u.id = $1 and s.id = $2`, [
        ...[forged, victim.subscriberId],
      ]);
      const real = await ask('boris@example.org');

      while ((await decideSignUps(ctx)) > 0);

      const rows = await ctx.db.query<{ message_id: string }>('select message_id from delivery');
      expect(rows.map((row) => row.message_id)).to.deep.equal([real]);
      expect(await one(ctx, 'select outcome from sign_up where id = $1', [forged])).to.equal('forged');
    });
  }

  describe('what left its trace in the journal', () => {
    let chen: Person;
    let before: Row;
    beforeEach(async () => {
      chen = await addConfirmed(ctx, 'chen@example.org');
      before = await rowOf(ctx, 'consent', chen.consentId);
      await withdraw(ctx, chen.consentId, 'one-click');
    });

    it('is done again at the next start when the row of before was put back', async () => {
      await putBack(ctx, 'consent', chen.consentId, before);

      expect(await replayJournal(ctx)).to.equal(1);
      expect(await one(ctx, 'select state from consent where id = $1', [chen.consentId])).to.equal('withdrawn');
      expect(await replayJournal(ctx)).to.equal(0);
    });

    it('is done again too when the owner of the tables removed the very events', async () => {
      await ctx.db.query('alter table consent_event disable trigger user');
      await ctx.db.query(`delete from consent_event where kind = 'withdrawn'`);
      await putBack(ctx, 'consent', chen.consentId, before);

      expect(await replayJournal(ctx)).to.equal(1);

      await queueDeliveries(ctx.db, ctx, [{ ...letter(chen), messageId: await bareCampaign(ctx) }], ctx.now());
      expect((await claim(ctx, randomUUID(), ['campaign'], 10)).good).to.deep.equal([]);
    });
  });
});

type Row = Record<string, unknown>;

/** A row as it stands. */
async function rowOf(ctx: Context, table: string, id: string): Promise<Row> {
  const [row] = await ctx.db.query<Row>(`select * from ${table} where id = $1`, [id]);
  if (!row) throw new Error(`no such row in ${table}`);
  return row;
}

/** Writes a former row over the one with this id. */
async function putBack(ctx: Context, table: string, id: string, row: Row): Promise<void> {
  const columns = Object.keys(row).map((column, place) => `${column} = $${place + 2}`);
  await ctx.db.query(`update ${table} set ${columns.join(', ')} where id = $1`, [id, ...Object.values(row)]);
}

const SAID = ['organisation', 'wording', 'notice', 'form', 'list_text'];

/** All that organisations say, to be put back after it was rewritten. */
async function dumpOf(ctx: Context): Promise<[string, Row[]][]> {
  return Promise.all(SAID.map(async (table) => [table, await ctx.db.query<Row>(`select * from ${table}`)]));
}

async function restore(ctx: Context, saved: readonly [string, Row[]][]): Promise<void> {
  for (const [table, rows] of saved) {
    for (const row of rows) {
      const columns = Object.keys(row);
      const keys = table === 'list_text' ? ['list_id', 'language'] : ['id'];
      const set = columns.map((column, place) => `${column} = $${place + 1}`);
      const where = keys.map((key) => `${key} = $${columns.indexOf(key) + 1}`);
      await ctx.db.query(`update ${table} set ${set.join(', ')} where ${where.join(' and ')}`, Object.values(row));
    }
  }
  forgetCatalogue(ctx);
}

async function change(ctx: Context, consentId: string, to: Parameters<typeof act>[3]): Promise<void> {
  const found = await consentById(ctx, consentId);
  expect(found && (await act(ctx.db, ctx, found.consent, to, null))).to.equal(true);
}

function letter({ subscriberId, consentId }: Person) {
  return { subscriberId, consentId, kind: 'campaign', template: 'campaign' } as const;
}

function cookieOf(page: Page): string {
  return (page.headers.get('set-cookie') ?? '').split(';')[0] ?? '';
}
