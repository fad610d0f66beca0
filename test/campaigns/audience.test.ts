import { expect } from 'chai';
import fc from 'fast-check';
import { audienceOf } from '../../server/campaigns/audience.js';
import { changeDraft } from '../../server/campaigns/draft.js';
import { fanOut } from '../../server/campaigns/fan-out.js';
import { releaseCampaign } from '../../server/campaigns/release.js';
import type { AudienceFilter } from '../../server/campaigns/settings.js';
import { createCampaign } from '../../server/campaigns/upload.js';
import { act } from '../../server/consent/act.js';
import { writeAttributes } from '../../server/consent/attributes.js';
import { listById } from '../../server/consent/catalogue.js';
import { consentById } from '../../server/consent/find.js';
import { claim } from '../../server/delivery/claim.js';
import { addPerson, makeFresh, type Fresh } from './fresh.js';
import { askFor } from './asking.js';

const SOURCE = Buffer.from('<html><head><title>Hello</title></head><body><p>Hello</p></body></html>');
const WORKER = '22222222-2222-4222-8222-222222222222';
const DAY_MS = 86_400_000;

/** Somebody as the test makes them up. */
interface MadeUp {
  readonly language: 'en' | 'pl';
  readonly state: 'confirmed' | 'pending' | 'withdrawn';
  readonly basis: 'confirmed' | 'asserted';
  readonly topics: string[];
  readonly frequency: 'all' | 'weekly';
  readonly daysPaused: number;
  readonly daysOnList: number;
  readonly city: 'Kraków' | 'Łódź' | '';
  readonly held: 'restricted' | 'bounce' | 'complaint' | 'objection' | 'not-me' | '';
}

const somebody: fc.Arbitrary<MadeUp> = fc.record({
  language: fc.constantFrom('en', 'pl'),
  state: fc.constantFrom('confirmed', 'confirmed', 'confirmed', 'pending', 'withdrawn'),
  basis: fc.constantFrom('confirmed', 'confirmed', 'asserted'),
  topics: fc.subarray(['books', 'films']),
  frequency: fc.constantFrom('all', 'all', 'weekly'),
  daysPaused: fc.constantFrom(0, 0, -2, 2),
  daysOnList: fc.integer({ min: 1, max: 5 }),
  city: fc.constantFrom('Kraków', 'Łódź', ''),
  held: fc.constantFrom('', '', '', 'restricted', 'bounce', 'complaint', 'objection', 'not-me'),
});

interface Asked {
  readonly languages: string[];
  readonly topics: string[];
  readonly after: number;
  readonly before: number;
  readonly city: string;
}

const asking: fc.Arbitrary<Asked> = fc.record({
  languages: fc.subarray(['en', 'pl']),
  topics: fc.subarray(['books', 'films']),
  after: fc.integer({ min: 0, max: 5 }),
  before: fc.integer({ min: 0, max: 4 }),
  city: fc.constantFrom('', '', 'Kraków', ' ŁÓDŹ'),
});

describe('An audience', () => {
  let fresh: Fresh;
  before(async () => {
    fresh = await makeFresh();
    await askFor(fresh, { topics: ['books', 'films'], attributes: ['city'] });
  });
  afterEach(async () => fresh.clear());
  after(async () => fresh.drop());

  it('is counted as the fan-out queues it and the claim judges it, whoever the people are and whatever is asked for', async function () {
    this.timeout(120_000);
    await fc.assert(
      fc.asyncProperty(
        fc.array(somebody, { minLength: 1, maxLength: 12 }),
        fc.array(asking, { minLength: 3, maxLength: 3 }),
        async (people, asked) => {
          const ids = new Map<string, MadeUp>();
          for (const [place, one] of people.entries()) ids.set(await add(place, one), one);

          for (const one of asked) {
            const filter = filterOf(one);
            const counted = await audienceOf(fresh.ctx, fresh.listId, filter);
            const { queued, sent, skipped } = await sendTo(filter);

            const expected = [...ids].filter(([, who]) => who.state === 'confirmed' && lies(who, one));
            expect(queued.sort()).to.deep.equal(expected.map(([id]) => id).sort());
            expect(counted.reached).to.equal(sent);
            const { pending = 0, withdrawn = 0, ...left } = counted.left;
            // Restriction is said first, whatever the state.
            expect(withoutRestricted(left)).to.deep.equal(withoutRestricted(skipped));
            expect(counted.reached + pending + withdrawn + sumOf(left)).to.equal(
              [...ids].filter(([, who]) => lies(who, one)).length,
            );
            await fresh.ctx.db.query('truncate delivery, campaign, campaign_pace, campaign_picture');
          }
          await fresh.clear();
        },
      ),
      { numRuns: 12 },
    );
  });

  it('is judged again at the claim: who left its topic, city or language meanwhile is skipped, and it is said why', async () => {
    const { ctx } = fresh;
    const base: MadeUp = {
      ...{ language: 'en', state: 'confirmed', basis: 'confirmed', topics: ['films', 'books'], frequency: 'all' },
      ...{ daysPaused: 0, daysOnList: 3, city: 'Łódź', held: '' },
    };
    const [stays, moves, speaks, leaves, wantsAll, isPaused] = await Promise.all(
      [0, 1, 2, 3, 4, 5].map(async (place) => add(place, base)),
    );
    const id = await createCampaign(ctx, { list: 'news', fileName: 'a.html', source: SOURCE });
    const audience = { topics: ['films'], languages: ['en'], attributes: { city: 'łódź' } };
    await changeDraft(ctx, id, { settings: { audience } });
    await releaseCampaign(ctx, id);
    while ((await fanOut(ctx)) > 0);
    const changes = async (subscriberId: string | undefined, change: Parameters<typeof act>[3]): Promise<void> => {
      const [row] = await ctx.db.query<{ id: string }>('select id from consent where subscriber_id = $1', [
        subscriberId,
      ]);
      const found = await consentById(ctx, row?.id ?? '');
      if (found) await act(ctx.db, ctx, found.consent, change, null);
    };
    await changes(leaves, { topics: ['books'] });
    await changes(wantsAll, { topics: [] });
    await changes(isPaused, { topics: ['books'], pausedUntil: new Date(ctx.now().getTime() + DAY_MS) });
    await ctx.db.query(`update consent set language = 'pl' where subscriber_id = $1`, [speaks]);
    const { organisation } = await listById(ctx, fresh.listId);
    await writeAttributes(ctx.db, ctx, { subscriberId: moves ?? '', organisation, values: { city: 'Kraków' } });

    const { good } = await claim(ctx, WORKER, ['campaign'], 100);

    expect(good.map(({ subscriberId }) => subscriberId).sort()).to.deep.equal([stays, wantsAll].sort());
    const skipped = await ctx.db.query<{ id: string; reason: string }>(
      `select subscriber_id as id, reason from delivery where message_id = $1 and state = 'skipped'`,
      [id],
    );
    expect(Object.fromEntries(skipped.map((row) => [row.id, row.reason]))).to.deep.equal({
      ...{ [leaves ?? '']: 'topic', [isPaused ?? '']: 'topic' },
      ...{ [moves ?? '']: 'narrowed', [speaks ?? '']: 'narrowed' },
    });
    // Another campaign, to the whole list, asks for nothing of that.
    expect(await sendTo({})).to.deep.include({ sent: 5, skipped: { paused: 1 } });
  });

  async function add(place: number, who: MadeUp): Promise<string> {
    const { ctx } = fresh;
    const { subscriberId, consentId } = await addPerson(fresh, `person${place}@example.com`, {
      ...{ language: who.language, state: who.state },
      confirmedAt: new Date(ctx.now().getTime() - who.daysOnList * DAY_MS),
    });
    const found = await consentById(ctx, consentId);
    if (!found) throw new Error('nobody was added');
    if (who.state === 'confirmed') {
      const pausedUntil = who.daysPaused === 0 ? null : new Date(ctx.now().getTime() + who.daysPaused * DAY_MS);
      const { basis, topics, frequency } = who;
      await act(ctx.db, ctx, found.consent, { basis, topics, frequency, pausedUntil }, null);
    }
    const { organisation } = await listById(ctx, fresh.listId);
    await ctx.db.transaction(async (tx) =>
      writeAttributes(tx, ctx, { subscriberId, organisation, values: { city: who.city } }),
    );
    if (who.held === 'restricted')
      await ctx.db.query('update subscriber set restricted_at = $2 where id = $1', [subscriberId, ctx.now()]);
    else if (who.held !== '')
      await ctx.db.query(
        `insert into suppression (organisation_id, hash, reason, created_at) select organisation_id, suppression_hash, $2, $3 from subscriber where id = $1`,
        [subscriberId, who.held, ctx.now()],
      );
    return subscriberId;
  }

  function filterOf({ languages, topics, after, before, city }: Asked): AudienceFilter {
    const daysAgo = (days: number): string =>
      new Date(fresh.ctx.now().getTime() - days * DAY_MS - DAY_MS / 2).toISOString();
    return {
      ...(languages.length > 0 ? { languages } : {}),
      ...(topics.length > 0 ? { topics } : {}),
      ...(after > 0 ? { joinedAfter: daysAgo(after) } : {}),
      ...(before > 0 ? { joinedBefore: daysAgo(before) } : {}),
      ...(city !== '' ? { attributes: { city } } : {}),
    };
  }

  async function sendTo(
    audience: AudienceFilter,
  ): Promise<{ queued: string[]; sent: number; skipped: Record<string, number> }> {
    const { ctx } = fresh;
    const id = await createCampaign(ctx, { list: 'news', fileName: 'a.html', source: SOURCE });
    await changeDraft(ctx, id, { settings: { audience } });
    await releaseCampaign(ctx, id);
    while ((await fanOut(ctx)) > 0);
    const queued = await ctx.db.query<{ id: string }>(
      'select subscriber_id as id from delivery where message_id = $1',
      [id],
    );
    const { good, forged, unreadable } = await claim(ctx, WORKER, ['campaign'], 1000);
    expect([forged, unreadable]).to.deep.equal([[], []]);
    const skipped = await ctx.db.query<{ reason: string; n: number }>(
      `select reason, count(*)::int as n from delivery where message_id = $1 and state = 'skipped' group by 1`,
      [id],
    );
    return {
      queued: queued.map((row) => row.id),
      sent: good.length,
      skipped: Object.fromEntries(skipped.map(({ reason, n }) => [reason, n])),
    };
  }
});

/** The model: does somebody lie in what is asked for? */
function lies(who: MadeUp, { languages, topics, after, before, city }: Asked): boolean {
  // Who has not confirmed is on the list since now.
  const days = who.state === 'pending' ? 0 : who.daysOnList;
  const chosen = who.state === 'confirmed' ? who.topics : [];
  return (
    (languages.length === 0 || languages.includes(who.language)) &&
    (topics.length === 0 || chosen.length === 0 || chosen.some((topic) => topics.includes(topic))) &&
    (after === 0 || days <= after) &&
    (before === 0 || days > before) &&
    (city === '' || who.city.toLowerCase() === city.trim().toLowerCase())
  );
}

// Nobody queues mail for who is not on the list: of them only the count knows.
function withoutRestricted(counts: Record<string, number>): Record<string, number> {
  return Object.fromEntries(Object.entries(counts).filter(([reason]) => reason !== 'restricted'));
}

function sumOf(counts: Record<string, number>): number {
  return Object.values(counts).reduce((all, n) => all + n, 0);
}
