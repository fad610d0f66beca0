import { expect } from 'chai';
import { ROOT } from '../../server/config.js';
import { setup, type MailCheck, type SetList } from '../../server/consent/setup.js';
import { confirmationFaults } from '../../server/delivery/confirmation-faults.js';
import { readMailTemplates } from '../../server/mail/compose.js';
import { lintConfirmation } from '../../server/mail/lint-confirmation.js';
import { DEMO } from '../../server/tour/demo.js';
import { loadCatalogs } from '../../server/web/i18n.js';
import { makeTestContext, type TestContext } from '../support/context.js';
import { answerAddress, withReplies } from '../support/replies.js';
import { startTestService } from '../support/service.js';
import { changesNothing } from '../support/state.js';
import { signUp } from '../support/story.js';

const CASES = DEMO.lists.flatMap((list) => Object.keys(list.texts).map((language) => [list.slug, language] as const));

describe('the confirmation mail', () => {
  let test: TestContext;
  let faultsOf: MailCheck;
  const asked: SetList[] = [];

  before(async () => {
    test = await makeTestContext();
    const templates = readMailTemplates(ROOT, loadCatalogs(ROOT));
    faultsOf = (list) => {
      asked.push(list);
      return confirmationFaults(test.ctx, templates, list);
    };
  });
  after(async () => test.drop());

  it('of each demo list is no advertisement in any language', async () => {
    await setup(test.ctx, DEMO, faultsOf);

    const measuring = Object.entries(DEMO.tracking?.texts ?? {}).map(([language, { name }]) => `${name} ${language}`);
    expect(measuring).to.have.length(2);
    expect(asked.map(({ listName, language }) => `${listName} ${language}`)).to.have.members([
      ...CASES.map(([slug, language]) => `${textsOf(slug, language).name} ${language}`),
      ...measuring,
    ]);
    for (const list of [...asked]) expect(faultsOf(list), `${list.listName} (${list.language})`).to.deep.equal([]);
  });

  it('of each demo list leaves as it was judged, to the links', async () => {
    const service = await startTestService();
    try {
      for (const [slug, language] of CASES) {
        const email = `ada.${slug}.${language}@gmail.com`;
        await signUp(service, email, slug, language);
        const { subject = '', html, text = '' } = (await service.mailTo(email)).parsed;
        const { name: listName, wording } = textsOf(slug, language);

        expect(html, email).to.be.a('string').and.contain(`lang="${language}"`);
        expect(lintConfirmation({ subject, html: String(html), text, listName, wording }), email).to.deep.equal([]);
      }
    } finally {
      await service.stop();
    }
  });

  it('that may be answered is no advertisement either, in any language, as judged and as it leaves', async () => {
    asked.length = 0;
    await setup(test.ctx, withReplies(), faultsOf);
    expect(asked.filter(({ confirmByReply }) => confirmByReply).map(({ language }) => language)).to.have.members([
      'en',
      'pl',
    ]);

    const service = await startTestService();
    try {
      await setup(service.ctx, withReplies(), faultsOf);
      for (const language of ['en', 'pl']) {
        const email = `ada.${language}@gmail.com`;
        await signUp(service, email, 'news', language);
        const { parsed } = await service.mailTo(email);
        const { name: listName, wording } = textsOf('news', language);
        const mail = { subject: parsed.subject ?? '', html: String(parsed.html), text: parsed.text ?? '' };

        expect(answerAddress({ parsed })).to.match(/^y\+/);
        expect(lintConfirmation({ ...mail, listName, wording }), language).to.deep.equal([]);
      }
    } finally {
      await service.stop();
    }
  });

  for (const [title, change, says] of [
    [
      'an advertising sender',
      (set: typeof DEMO) => (set.organisation.legalName = 'Best deals Ltd'),
      'sounds like an advertisement: "Best deals"',
    ],
    [
      'a sender whose address advertises',
      (set: typeof DEMO) => (set.organisation.postalAddress = '1 High Street. 20% off today only'),
      'sounds like an advertisement: "20% off"',
    ],
    [
      'a link in the wording',
      (set: typeof DEMO) => (textsIn(set, 'readings', 'pl').wording += ' Zobacz https://bookshop.example/ksiazki'),
      'list readings (pl): Link to the privacy notice: 2 in the text part instead of one.',
    ],
    [
      'a social network in the wording',
      (set: typeof DEMO) => (textsIn(set, 'news', 'en').wording += ' See https://www.facebook.com/bookshop'),
      'list news (en): A link in the text part leads to a social network: https://www.facebook.com/bookshop.',
    ],
    [
      'a slogan for a name',
      (set: typeof DEMO) => (textsIn(set, 'news', 'en').name = 'Sale'),
      'list news (en): Sale would make the confirmation mail an advertisement',
    ],
  ] as const) {
    it(`is not set up for ${title}: list, language and sentence are named, and nothing is kept`, async () => {
      const set = structuredClone(DEMO);
      change(set);

      await changesNothing(test.ctx, async () => {
        const error: unknown = await setup(test.ctx, set, faultsOf).catch((thrown: unknown) => thrown);

        expect(error).to.include({ code: 'body-invalid' });
        expect(String(error))
          .to.match(/list (news|readings) \((en|pl)\): /)
          .and.to.contain(says);
      });
    });
  }
});

function textsOf(slug: string, language: string): { name: string; wording: string } {
  return textsIn(DEMO, slug, language);
}

function textsIn(set: typeof DEMO, slug: string, language: string): { name: string; wording: string } {
  const texts = set.lists.find((list) => list.slug === slug)?.texts as
    Record<string, { name: string; wording: string }> | undefined;
  const found = texts?.[language];
  if (!found) throw new Error(`${slug} says nothing in ${language}`);
  return found;
}
