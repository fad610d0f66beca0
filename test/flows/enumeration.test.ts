import { expect } from 'chai';
import { erase } from '../../server/rights/erase.js';
import { purgeUnconfirmed } from '../../server/rights/retention.js';
import { checkLedger, startTestService, type TestService } from '../support/service.js';
import { factsOf, one, settled, stateOf } from '../support/state.js';
import { join, linkIn, signUp, steer } from '../support/story.js';
import { formOf, get, post, type Page } from '../support/web.js';

// Addresses of one length, so that answers may differ in the address and in nothing else.
const PEOPLE = {
  unknown: 'scan@gmail.com',
  pending: 'bori@gmail.com',
  confirmed: 'ada1@gmail.com',
  withdrawn: 'chen@gmail.com',
  objecting: 'obje@gmail.com',
  disowned: 'notm@gmail.com',
  purged: 'purg@gmail.com',
  erased: 'dora@gmail.com',
} as const;
type Who = keyof typeof PEOPLE;
const ALL = Object.keys(PEOPLE) as Who[];

describe('nobody learns who is subscribed', () => {
  let service: TestService;
  before(async () => {
    service = await startTestService();
    await signUp(service, PEOPLE.pending);
    await join(service, PEOPLE.confirmed);
    const left = await join(service, PEOPLE.withdrawn);
    await steer(left, 'preferences', { choice: 'leave' });
    const stopped = await join(service, PEOPLE.objecting);
    await steer(stopped, 'stop-all', {});
    await signUp(service, PEOPLE.disowned);
    const notMe = formOf(await get(linkIn(await service.mailTo(PEOPLE.disowned), 'n')), 'not-me');
    await post(notMe.action, notMe.fields);
    await join(service, PEOPLE.erased);
    await signUp(service, PEOPLE.purged);
    await settled(service.ctx);
    await purge(service, PEOPLE.purged);
    const gone = await factsOf(service.ctx, PEOPLE.erased);
    await erase(service.ctx, { subscriberId: gone?.subscriberId ?? '', cause: 'person' });
    expect(await stateOf(service.ctx, PEOPLE.objecting)).to.equal('withdrawn');
    expect(await stateOf(service.ctx, PEOPLE.purged)).to.equal(null);
  });
  after(async () => {
    await checkLedger(service.ctx);
    await service.stop();
  });

  it('answers a sign-up with the same status, headers and bytes for every state of an address', async () => {
    const answers = new Map<Who, string>();

    for (const who of ALL) answers.set(who, faceOf(await signUp(service, PEOPLE[who]), PEOPLE[who]));

    for (const who of ALL) expect(answers.get(who), who).to.equal(answers.get('unknown'));
  });

  it('answers a sign-up by JSON the same', async () => {
    const { fields } = (await (await fetch(`${service.base}/forms/demo/embed`)).json()) as {
      fields: { consent: string; ticket: string };
    };
    const answers = new Map<Who, string>();

    for (const who of ALL) {
      const answer = await fetch(`${service.base}/forms/demo`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', accept: 'application/json' },
        body: JSON.stringify({ ...fields, email: PEOPLE[who] }),
      });
      const page = { status: answer.status, headers: answer.headers, text: await answer.text(), url: '' };
      answers.set(who, faceOf(page, PEOPLE[who]));
    }

    expect([...answers.values()][0]).to.match(/^200 .*check-your-mailbox/s);
    for (const who of ALL) expect(answers.get(who), who).to.equal(answers.get('unknown'));
  });

  it('lets the log grow by two leaves for a sign-up in every state', async () => {
    const grown = new Map<Who, number>();

    for (const who of ALL) {
      await settled(service.ctx);
      const before = await leaves(service);
      await signUp(service, PEOPLE[who]);
      await settled(service.ctx);
      grown.set(who, (await leaves(service)) - before);
    }

    expect(Object.fromEntries(grown)).to.deep.equal(Object.fromEntries(ALL.map((who) => [who, 2])));
  });

  it('answers a wish for a settings link the same for every state, and adds no leaf', async () => {
    await settled(service.ctx);
    const before = await leaves(service);
    const answers = new Map<Who, string>();

    for (const who of ALL) {
      const answer = await post(`${service.base}/preferences`, { email: PEOPLE[who] });
      answers.set(who, faceOf(answer, PEOPLE[who]));
    }

    expect(answers.get('unknown')).to.match(/^200 /);
    for (const who of ALL) expect(answers.get(who), who).to.equal(answers.get('unknown'));
    await settled(service.ctx);
    expect(await leaves(service)).to.equal(before);
  });

  it('answers in the same class of time for every state', async () => {
    const form = formOf(await get(`${service.base}/lists/news`), 'subscribe');
    const consent = await one<string>(
      service.ctx,
      `select w.id from wording w join list l on l.id = w.purpose_id where l.slug = 'news' and w.language = 'en'`,
    );
    const times = new Map<Who, number[]>(ALL.map((who) => [who, []]));

    for (let run = 0; run < 15; run += 1) {
      for (const who of ALL) {
        const start = performance.now();
        await post(form.action, { ...form.fields, email: PEOPLE[who], consent });
        times.get(who)?.push(performance.now() - start);
      }
    }

    const medians = ALL.map((who) => median(times.get(who) ?? []));
    expect(Math.max(...medians) / Math.min(...medians), medians.join(' ')).to.be.below(3);
  });
});

async function purge(service: TestService, email: string): Promise<void> {
  const id = (await factsOf(service.ctx, email))?.signUpId;
  await service.ctx.db.query('update sign_up set purge_at = $2 where id = $1', [id, service.ctx.now()]);
  expect(await purgeUnconfirmed(service.ctx)).to.be.at.least(1);
}

/** An answer without what may differ: the address that was typed, and times. */
function faceOf(page: Page, email: string): string {
  const headers = [...page.headers].filter(([name]) => name !== 'date');
  const text = page.text
    .replaceAll(email, 'ADDRESS')
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME')
    .replace(/\d{1,2}:\d\d/g, 'TIME');
  return `${page.status} ${JSON.stringify(headers)} ${text}`;
}

async function leaves(service: TestService): Promise<number> {
  return one(service.ctx, 'select count(*)::int from log_leaf');
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;
}
