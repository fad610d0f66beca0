import { expect } from 'chai';
import { connect, type Database } from '../../server/database/connect.js';
import { Refusal } from '../../server/errors.js';
import { eventually } from '../support/service.js';
import { TEST_DATABASE_URL } from '../support/database.js';

describe('a connection that the server ends', () => {
  let db: Database;
  before(async function () {
    // The embedded database has one session: nobody can end another's.
    if (!TEST_DATABASE_URL) this.skip();
    db = await connect({ url: TEST_DATABASE_URL }, 2);
  });
  after(async () => {
    if (TEST_DATABASE_URL) await db.close();
  });

  it('fails the transaction that waits on it, ends no process, and is replaced', async () => {
    const error: unknown = await db
      .transaction(async (tx) => {
        const [row] = await tx.query<{ pid: number }>('select pg_backend_pid() as pid');
        await db.query('select pg_terminate_backend($1)', [row?.pid]);
        await eventually(async () => {
          const rows = await db.query('select 1 from pg_stat_activity where pid = $1', [row?.pid]);
          expect(rows).to.have.length(0);
        });
        await tx.query('select 1');
      })
      .catch((thrown: unknown) => thrown);

    expect(error).to.be.instanceOf(Refusal).and.include({ code: 'database-busy' });
    expect(await db.query('select 1 as one')).to.deep.equal([{ one: 1 }]);
  });
});
