import { expect } from 'chai';
import type { Context } from '../../server/context.js';
import { gather, type BatchWork } from '../../server/database/gather.js';
import { Refusal } from '../../server/errors.js';
import { makeTestContext, type TestContext } from '../support/context.js';

describe('calls that share a statement', () => {
  let test: TestContext;
  let ctx: Context;
  before(async () => {
    test = await makeTestContext();
    ctx = test.ctx;
    await ctx.db.query('create table gathered (n int primary key check (n <> 13))');
  });
  after(async () => test.drop());
  beforeEach(async () => ctx.db.query('delete from gathered'));

  const counted =
    (batches: number[]): BatchWork<number, number> =>
    async (of, numbers) => {
      batches.push(numbers.length);
      const rows = await of.db.query<{ n: number }>(
        'insert into gathered select * from unnest($1::int[]) as row (n) returning n',
        [numbers],
      );
      const written = new Set(rows.map((row) => row.n));
      return numbers.map((n) => (written.has(n) ? n * 2 : -1));
    };
  const all = async (): Promise<number[]> =>
    (await ctx.db.query<{ n: number }>('select n from gathered order by n')).map((row) => row.n);

  it('answers each with its own result, from far fewer statements than calls', async () => {
    const batches: number[] = [];
    const write = gather(counted(batches), 64);

    const results = await Promise.all(Array.from({ length: 200 }, async (_, n) => write(ctx, n + 100)));

    expect(results).to.deep.equal(Array.from({ length: 200 }, (_, n) => (n + 100) * 2));
    expect(batches.length).to.be.at.most(5);
    expect(Math.max(...batches)).to.be.at.most(64);
  });

  it('has written what it answered, and before it answered', async () => {
    const write = gather(counted([]));

    await write(ctx, 7);

    expect(await all()).to.deep.equal([7]);
  });

  it('lets nobody suffer for a call that fails', async () => {
    const write = gather(counted([]));

    const results = await Promise.allSettled([11, 12, 13, 14].map(async (n) => write(ctx, n)));

    expect(results.map((result) => result.status)).to.deep.equal(['fulfilled', 'fulfilled', 'rejected', 'fulfilled']);
    expect(await all()).to.deep.equal([11, 12, 14]);
  });

  it('tries nothing again while the database is away: it may have been written', async () => {
    let tries = 0;
    const write = gather<number, number>(async () => {
      tries += 1;
      return Promise.reject(new Refusal('database-busy', 'The database does not answer.'));
    });

    const results = await Promise.allSettled([1, 2, 3].map(async (n) => write(ctx, n)));

    expect(results.map((result) => result.status)).to.deep.equal(['rejected', 'rejected', 'rejected']);
    expect(tries).to.equal(1);
  });

  it('goes on after a failure', async () => {
    const write = gather(counted([]));
    await Promise.allSettled([write(ctx, 13)]);

    expect(await write(ctx, 14)).to.equal(28);
  });

  it('keeps services apart', async () => {
    const other = { ...ctx };
    const seen: Context[] = [];
    const work = gather<number, number>(async (of, numbers) => {
      seen.push(of);
      return Promise.resolve([...numbers]);
    });

    await Promise.all([work(ctx, 1), work(other, 2)]);

    expect(seen).to.have.members([ctx, other]);
  });
});
