import { expect } from 'chai';
import type { ListFacts } from '../../server/consent/catalogue.js';
import { makeSteps, type Happened } from '../../server/tour/steps-view.js';
import type { Story, StoryConsent } from '../../server/tour/story.js';

const AT = new Date('2026-12-03T13:05:00Z');
const CONSENT: StoryConsent = {
  state: 'pending',
  frequency: 'all',
  pausedUntil: null,
  confirmedAt: null,
  receipt: { readHref: '/r/x', downloadHref: '/receipts/x' },
  preferencesHref: '/p/x',
  unsubscribeHref: '/u/x',
};
const STORY: Story = {
  list: { slug: 'news' } as ListFacts,
  requestedAt: AT,
  address: 'ada@gmail.com',
  outcome: null,
  requested: { kind: 'requested', at: AT, commitment: 'AAAA', leafIndex: null, byReply: false },
  offered: null,
  confirmed: null,
  withdrawn: null,
  consent: null,
  mailId: null,
  campaign: null,
};

describe('the steps of the tour', () => {
  it('wait for the mail, or point to the mailbox of the address where there is no built-in one', () => {
    expect(stepsOf(STORY)[1]).to.deep.include({ state: 'next', link: null, notes: ['waiting'] });
    expect(stepsOf(STORY, { hasMailbox: false })[1]?.notes).to.deep.equal(['ownMailbox']);
  });

  it('say that an entry of the log comes, while it has no number', () => {
    const facts = stepsOf(STORY)[0]?.under?.facts ?? [];

    expect(facts.find(({ label }) => label === 'leaf')?.words).to.equal('leafComes');
  });

  for (const [end, story] of [
    ['blocked', { outcome: 'blocked' }],
    ['budget', { outcome: 'budget' }],
    ['refused', { outcome: 'confirm', consent: { ...CONSENT, state: 'refused' } }],
    ['expired', { outcome: 'confirm', consent: { ...CONSENT, state: 'expired' } }],
  ] as const) {
    it(`go back to the form when the story ends early: ${end}`, () => {
      const steps = stepsOf({ ...STORY, ...story });

      expect(steps.filter(({ isNext }) => isNext).map(({ number }) => number)).to.deep.equal([1]);
      expect(steps[1]?.notes).to.deep.equal([end]);
    });
  }

  it('open what happened last', () => {
    const confirmed = { kind: 'confirmed', at: AT, commitment: 'AAAA', leafIndex: 2, byReply: false } as const;
    const steps = stepsOf({
      ...STORY,
      outcome: 'confirm',
      confirmed,
      consent: { ...CONSENT, state: 'confirmed', confirmedAt: AT },
    });

    expect(steps.filter(({ under }) => under?.open).map(({ id }) => id)).to.deep.equal(['confirm', 'receipt']);
  });

  it('do not lead to a log that is not public', () => {
    const confirmed = { kind: 'confirmed', at: AT, commitment: 'AAAA', leafIndex: 2, byReply: false } as const;

    expect(stepsOf({ ...STORY, confirmed }, { isLogPublic: false })[2]).to.deep.include({ link: null, notes: [] });
  });

  it('tell staff to log in, or where their first account comes from', () => {
    expect(stepsOf(null)[5]?.notes).to.deep.equal(['noStaff']);
    expect(stepsOf(null, { hasStaff: true })[5]?.notes).to.deep.equal(['staff']);
  });
});

function stepsOf(story: Story | null, more: Partial<Happened> = {}) {
  return makeSteps({
    story,
    mails: { first: null, newsletter: null },
    log: { vkey: 'log+00+AA', checkpoint: null },
    hasStaff: false,
    hasMailbox: true,
    isLogPublic: true,
    language: 'en',
    now: AT,
    listSlug: 'news',
    ...more,
  });
}
