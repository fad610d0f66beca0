import { setTimeout } from 'node:timers/promises';
import { expect } from 'chai';
import { fsck } from '../../server/ledger/fsck.js';
import { makeCrowd, type Crowd } from '../support/crowd.js';
import { TEST_DATABASE_URL } from '../support/database.js';
import { faultyDatabase, FAULTS, type FaultyDatabase } from '../support/faults.js';
import { makeHome, type Home, type RunningService } from '../support/process.js';
import { checkLedger, eventually, startTestService, type TestService } from '../support/service.js';
import { startSink, type Sink } from '../support/sink.js';

// 200 rounds on PostgreSQL. The embedded database runs the same statements ten times as slowly: there, a few of each kind.
const FAULT_ROUNDS = TEST_DATABASE_URL ? 180 : 36;
const KILL_ROUNDS = TEST_DATABASE_URL ? 20 : 4;
/** From request to checkpoint: a round sends some more statements than that. */
const STATEMENTS = 45;
/** At most so long a service is left alive in wait for its answers. */
const LIFE_MS = 10_000;

describe('whatever breaks between request and checkpoint', function () {
  this.timeout(600_000);
  let sink: Sink;
  let crowd: Crowd;

  beforeEach(async () => {
    sink = await startSink();
    crowd = makeCrowd(sink);
  });
  afterEach(async () => sink.stop());

  describe('in the database', () => {
    let faulty: FaultyDatabase;
    let service: TestService;

    beforeEach(async () => {
      faulty = await faultyDatabase();
      service = await startTestService({ database: faulty.database, settings: { SMTP_URL: sink.url } });
    });
    afterEach(async () => service.stop());

    it(`leaves the log whole, and all that was answered with its leaf, through ${FAULT_ROUNDS} errors and broken connections`, async () => {
      const { ctx, base } = service;

      for (let round = 0; round < FAULT_ROUNDS; round += 1) {
        const fault = FAULTS[round % FAULTS.length] ?? 'error';
        const nth = 1 + (Math.floor(round / FAULTS.length) % STATEMENTS);
        const struck = faulty.strike(fault, nth);
        await Promise.all([crowd.ask(base), crowd.confirm(), round % 6 === 0 ? crowd.erase(ctx) : crowd.leave()]);
        await struck;
        // A connection that broke while nobody used it is found out by whoever uses it next.
        const { faults } = await eventually(async () => fsck(ctx));
        expect(faults, `after ${fault} at statement ${nth}`).to.deep.equal([]);
      }

      await checkLedger(ctx);
      await crowd.check(ctx);
      checkTurnout(crowd, FAULT_ROUNDS);
    });
  });

  describe('in the process', () => {
    let home: Home;

    beforeEach(async () => {
      home = await makeHome({ SMTP_URL: sink.url });
    });
    afterEach(async () => home.drop());

    it(`leaves the same through ${KILL_ROUNDS} kills at any moment of a busy service`, async () => {
      let service = await home.start();

      for (let round = 0; round < KILL_ROUNDS; round += 1) {
        await killAmid(service, crowd, round);
        service = await home.start();
        await home.look(async (ctx) => {
          await checkLedger(ctx);
          await crowd.check(ctx);
        });
      }

      checkTurnout(crowd, KILL_ROUNDS);
    });
  });
});

/** Were there enough answers that something could have been lost? */
function checkTurnout({ members }: Crowd, rounds: number): void {
  const count = (wanted: (member: Crowd['members'][number]) => boolean): number => members.filter(wanted).length;
  expect(
    count((one) => one.asked),
    'sign-ups',
  ).to.be.above(rounds / 2);
  expect(
    count((one) => one.confirmed),
    'confirmations',
  ).to.be.above(rounds / 4);
  expect(
    count((one) => one.left),
    'withdrawals',
  ).to.be.above(rounds / 8);
}

/** Keeps a service busy, and kills it a few moments after so many answers of one sort. */
async function killAmid(service: RunningService, crowd: Crowd, round: number): Promise<void> {
  const sort = (['asked', 'confirmed', 'left'] as const)[round % 3] ?? 'asked';
  const count = (): number => crowd.members.filter((member) => member[sort]).length;
  const enough = count() + 1 + Math.floor(Math.random() * (sort === 'asked' ? 10 : 3));
  const end = Date.now() + LIFE_MS;
  let isDead = false;
  const lanes = [async () => crowd.ask(service.base), async () => crowd.confirm(), async () => crowd.leave()];
  const busy = Promise.all(
    lanes.map(async (act) => {
      while (!isDead) if (!(await act())) await setTimeout(20);
    }),
  );
  while (count() < enough && Date.now() < end) await setTimeout(Math.random() * 20);
  isDead = true;
  await service.kill();
  await busy;
}
