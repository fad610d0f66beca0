import { expect } from 'chai';
import { createHash } from 'node:crypto';
import { cp, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Context } from '../../server/context.js';
import { exportLog } from '../../server/ledger/export.js';
import { latestCheckpoint } from '../../server/ledger/store.js';
import { makeTestContext, type TestContext } from '../support/context.js';
import { buildGo, hasGo, runProgram } from '../support/go.js';
import { TEST_DATABASE_URL } from '../support/database.js';
import { growTo } from '../support/ledger.js';

/** Where tiles begin, end, and get another level. */
const SIZES = TEST_DATABASE_URL ? [1, 2, 255, 256, 257, 65_537] : [1, 2, 255, 256, 257, 4_609];
const LEVELS = TEST_DATABASE_URL ? ['0', '1', '2'] : ['0', '1'];

describe('an exported log', function () {
  this.timeout(300_000);
  let test: TestContext;
  let ctx: Context;
  let work: string;
  let folder: string;
  const heads: string[] = [];

  before(async () => {
    test = await makeTestContext();
    ctx = test.ctx;
    work = await mkdtemp(join(tmpdir(), 'zgoda-export-'));
    folder = join(work, 'log');
    if (hasGo()) await buildGo('test/ledger/sumdb.go', join(work, 'sumdb'));
    else console.warn('      Go is not installed: its packages do not read the log');
  });
  after(async () => {
    await test.drop();
    await rm(work, { recursive: true });
  });

  for (const size of SIZES) {
    it(`of ${size} leaves is read and verified by Go's own packages, and goes on from every earlier one`, async function () {
      await growTo(ctx, size);

      const done = await exportLog(ctx, folder);

      expect(done).to.deep.include({ leaves: size, origin: ctx.logOrigin });
      const head = await latestCheckpoint(ctx.db);
      expect(await readFile(join(folder, 'checkpoint'), 'utf8')).to.equal(head?.note);
      if (!hasGo()) this.skip();
      const said = await runProgram(join(work, 'sumdb'), [folder, ...heads]);
      expect(said).to.deep.equal({ code: 0, words: `${size} ${head?.root.toString('base64') ?? ''}` });
      heads.push(join(work, `head-${size}`));
      await cp(join(folder, 'checkpoint'), join(work, `head-${size}`));
    });
  }

  it('is written once: another export writes nothing anew, and one cut short goes on', async () => {
    const before = await listed(folder);
    await rm(join(folder, 'checkpoint'));
    await rm(join(folder, 'tile', '0', '017'));

    const done = await exportLog(ctx, folder);

    expect(done.files).to.equal(1);
    expect(await listed(folder)).to.deep.equal(before);
    expect((await exportLog(ctx, folder)).files).to.equal(0);
    expect(await readdir(join(folder, 'tile'))).to.have.members([...LEVELS, 'entries']);
    expect((await stat(join(folder, 'tile', '0', '000'))).size).to.equal(8192);
  });

  it('that was changed by one bit is refused by Go, and is the same again after the next export only where it was taken away', async function () {
    if (!hasGo()) this.skip();
    const tile = join(folder, 'tile', '0', '009');
    const bytes = await readFile(tile);
    await writeFile(
      tile,
      bytes.map((byte, place) => (place === 40 ? byte ^ 1 : byte)),
    );

    const said = await runProgram(join(work, 'sumdb'), [folder]);

    expect(said.code).to.equal(1);
    await rm(tile);
    await exportLog(ctx, folder);
    expect(await readFile(tile)).to.deep.equal(bytes);
  });

  it('is not written over another log', async () => {
    const other = await makeTestContext();
    await growTo(other.ctx, 1);

    const error: unknown = await exportLog(other.ctx, folder).catch((thrown: unknown) => thrown);

    expect(error).to.have.property('code', 'log-refuses');
    await other.drop();
  });
});

/** Every file below a folder with a hash of what is in it. */
async function listed(folder: string): Promise<string[]> {
  const files = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = files.filter((file) => file.isFile()).map((file) => join(file.parentPath, file.name));
  const lines = await Promise.all(
    paths.map(
      async (path) =>
        `${path} ${createHash('sha256')
          .update(await readFile(path))
          .digest('hex')}`,
    ),
  );
  return lines.sort();
}
