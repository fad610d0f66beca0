import { expect } from 'chai';
import { openJournal, type JournalEntry } from '../../server/consent/journal.js';
import { stopAll, withdraw } from '../../server/consent/withdraw.js';
import type { Context } from '../../server/context.js';
import { integrate } from '../../server/ledger/integrate.js';
import { makeTestContext, type TestContext } from '../support/context.js';
import { addConfirmed, type Person } from '../support/people.js';
import { checkLedger } from '../support/service.js';
import { stateOf } from '../support/state.js';

describe('leaving while the journal cannot be written', () => {
  let test: TestContext;
  let ctx: Context;

  before(async () => {
    test = await makeTestContext();
    ctx = test.ctx;
  });
  after(async () => {
    while ((await integrate(ctx)) > 0);
    await checkLedger(ctx);
    await test.drop();
  });

  const kinds = { withdrawn: ['withdrawn'], stopped: ['suppressed', 'withdrawn'] };
  const ways: [name: string, leave: (person: Person) => Promise<unknown>, written: string[]][] = [
    ['a withdrawal', async ({ consentId }) => withdraw(ctx, consentId, 'one-click'), kinds.withdrawn],
    ['a "stop all"', async ({ subscriberId }) => stopAll(ctx, subscriberId), kinds.stopped],
  ];
  for (const [name, leave, written] of ways) {
    it(`does not acknowledge ${name}; its repeat is acknowledged once it is written`, async () => {
      const address = `ada${written.length}@example.org`;
      const person = await addConfirmed(ctx, address);
      const before = (await read(ctx)).length;
      await ctx.journal.close();

      for (let tries = 0; tries < 2; tries += 1)
        expect(await failure(leave(person)), 'an answer').to.be.an.instanceof(Error);
      Object.assign(ctx, { journal: await openJournal(ctx.config.dataDir) });
      await leave(person);
      await leave(person);

      expect(await stateOf(ctx, address)).to.equal('withdrawn');
      const entries = (await read(ctx)).slice(before);
      expect(entries.map(({ kind }) => kind).sort()).to.deep.equal(written);
    });
  }
});

async function read(ctx: Context): Promise<JournalEntry[]> {
  const entries: JournalEntry[] = [];
  for await (const entry of ctx.journal.read()) entries.push(entry);
  return entries;
}

async function failure(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => null,
    (error: unknown) => error,
  );
}
