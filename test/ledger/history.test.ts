import { expect } from 'chai';
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Context } from '../../server/context.js';
import { makeKeyring } from '../../server/keys/keyring.js';
import { loadKeysFile } from '../../server/keys/keys-file.js';
import { signCheckpoint } from '../../server/ledger/checkpoint.js';
import { continueLog } from '../../server/ledger/continue.js';
import { configLeaf, keyLeaf } from '../../server/ledger/data-leaf.js';
import { fsck } from '../../server/ledger/fsck.js';
import { integrate, waitForLeaves } from '../../server/ledger/integrate.js';
import { keepHead, keptHead, readHead } from '../../server/ledger/kept-head.js';
import { keyAt, readLogKeys } from '../../server/ledger/log-keys.js';
import { openNote, parseVkey } from '../../server/ledger/note.js';
import { rotateLogKey } from '../../server/ledger/rotate.js';
import { startLog } from '../../server/ledger/start.js';
import { standingOf } from '../../server/ledger/standing.js';
import { latestCheckpoint, logFacts, readEntries } from '../../server/ledger/store.js';
import { makeTestContext, type TestContext } from '../support/context.js';
import { asOwner, grow, rollBack, sizeOf } from '../support/ledger.js';
import { addConfirmed } from '../support/people.js';
import { one } from '../support/state.js';

describe('the history of the log', function () {
  this.timeout(60_000);
  let test: TestContext;
  let ctx: Context;
  const folders: string[] = [];

  beforeEach(async () => {
    test = await makeTestContext();
    ctx = test.ctx;
    await grow(ctx, 3);
  });
  afterEach(async () => {
    await test.drop();
    for (const folder of folders.splice(0)) await rm(folder, { recursive: true });
  });

  const refused = async (work: Promise<unknown>): Promise<string> => {
    const error: unknown = await work.then(
      () => null,
      (thrown: unknown) => thrown,
    );
    expect(error).to.have.property('code', 'log-refuses');
    return String(error);
  };
  const kept = async (of: Context = ctx) => keptHead(of.config.dataDir, (await logFacts(of)).origin);
  /** The same installation on a machine with a folder of its own. */
  const elsewhere = async (): Promise<Context> => {
    const dataDir = await mkdtemp(join(tmpdir(), 'zgoda-elsewhere-'));
    folders.push(dataDir);
    return { ...ctx, config: { ...ctx.config, dataDir } };
  };

  it('has its newest head outside the database, alone, before anybody is told', async () => {
    const [head, last] = [await kept(), await latestCheckpoint(ctx.db)];

    expect(head).to.deep.include({ size: 6, note: last?.note });
    const [folder = ''] = await readdir(join(ctx.config.dataDir, 'log'));
    expect(await readdir(join(ctx.config.dataDir, 'log', folder))).to.deep.equal(['0000000000000006.checkpoint']);
  });

  it('is known to every machine before that one tells of a leaf', async () => {
    const other = await elsewhere();
    const event = await one<string>(ctx, 'select event_id from log_leaf where leaf_index = 5');

    expect((await waitForLeaves(other, [event], 0)).get(event)).to.equal('5');

    expect(await kept(other)).to.deep.include({ size: 6 });
  });

  it('is not written a second time on a database that was restored from an older state', async () => {
    await rollBack(ctx, 2);
    await addConfirmed(ctx, 'boris@example.org');

    const words = await refused(integrate(ctx));

    expect(words).to.contain('holds 2 leaves').and.contain('a tree of 6 was signed').and.contain('ledger continue');
    expect(await sizeOf(ctx)).to.equal(2);
    expect(await one(ctx, 'select count(*)::int from log_queue')).to.equal(2);
    expect((await standingOf(ctx, ctx.db)).fault?.kind).to.equal('behind');
    expect((await fsck(ctx)).faults.join('\n')).to.contain('a tree of 6 was signed');
  });

  it('goes on by itself once a newer backup is there', async () => {
    const rows = await Promise.all(
      ['consent_event', 'event_body', 'log_leaf', 'log_checkpoint'].map(async (table) => ({
        table,
        text: await one<string>(ctx, `select json_agg(t)::text from ${table} t`),
      })),
    );
    await rollBack(ctx, 2);
    await refusedAfterOneMore();

    await asOwner(
      ctx,
      'delete from log_leaf',
      'delete from log_checkpoint',
      'alter table consent_event disable trigger user',
      ...rows.map(
        ({ table, text }) =>
          `insert into ${table} select * from json_populate_recordset(null::${table}, '${text}') on conflict do nothing`,
      ),
    );

    expect(await integrate(ctx)).to.equal(2);
    expect((await fsck(ctx)).faults).to.deep.equal([]);

    async function refusedAfterOneMore(): Promise<void> {
      await addConfirmed(ctx, 'boris@example.org');
      await refused(integrate(ctx));
    }
  });

  it('is not written a second time by a machine that never knew better, once one that does has started', async () => {
    const other = await elsewhere();
    await rollBack(ctx, 4);
    await startLog(ctx);
    await addConfirmed(ctx, 'boris@example.org');

    expect(await refused(integrate(other))).to.contain('a tree of 6 was signed');
  });

  it('is not continued on another tree of the same size', async () => {
    await rollBack(ctx, 4);
    await rm(join(ctx.config.dataDir, 'log'), { recursive: true });
    const old = await latestCheckpoint(ctx.db);
    await grow(ctx, 1, 'another');
    const forged = signCheckpoint(
      { origin: ctx.logOrigin, size: 6, root: Buffer.alloc(32, 7) },
      ctx.keyring.logPrivate,
    );
    await rm(join(ctx.config.dataDir, 'log'), { recursive: true });
    await keepHead(ctx.config.dataDir, forged);
    await addConfirmed(ctx, 'boris@example.org');

    expect(await refused(integrate(ctx))).to.contain('Two different trees of 6 leaves were signed');
    expect(old?.size).to.equal(4);
  });

  it('goes on where only the folder was restored, and brings it up to date', async () => {
    const copy = await mkdtemp(join(tmpdir(), 'zgoda-copy-'));
    folders.push(copy);
    await cp(join(ctx.config.dataDir, 'log'), copy, { recursive: true });
    await grow(ctx, 2, 'later');
    await rm(join(ctx.config.dataDir, 'log'), { recursive: true });
    await cp(copy, join(ctx.config.dataDir, 'log'), { recursive: true });
    expect(await kept()).to.deep.include({ size: 6 });

    await startLog(ctx);

    expect(await kept()).to.deep.include({ size: 10 });
    await grow(ctx, 1, 'last');
    expect(await kept()).to.deep.include({ size: 12 });
  });

  it('is refused where the folder is that of another installation', async () => {
    const stranger = await makeTestContext();
    await stranger.drop();
    const foreign = signCheckpoint(
      { origin: ctx.logOrigin, size: 9, root: Buffer.alloc(32) },
      stranger.ctx.keyring.logPrivate,
    );
    await keepHead(ctx.config.dataDir, foreign);
    await addConfirmed(ctx, 'boris@example.org');

    expect(await refused(integrate(ctx))).to.contain('no key of ours signed');
  });

  describe('under a new name', () => {
    it('is begun only where the log refuses', async () => {
      expect(await refused(continueLog(ctx))).to.contain('in order');
      expect(await sizeOf(ctx)).to.equal(6);
    });

    it('begins with a leaf that names the last head of before, takes what waited, and passes every check', async () => {
      const tip = await kept();
      await rollBack(ctx, 2);
      await addConfirmed(ctx, 'boris@example.org');

      const continued = await continueLog(ctx);

      const { origin } = continued;
      expect(continued).to.deep.include({ size: 2, oldSize: 6, origin: `${ctx.logOrigin}/2` });
      expect(await integrate(ctx)).to.equal(2);
      expect(String(await readEntries(ctx.db, 2, 3))).to.equal(configLeaf(tip?.note ?? ''));
      const [facts, last] = [await logFacts(ctx), await latestCheckpoint(ctx.db)];
      expect(facts).to.deep.include({ origin, vkey: continued.vkey, formerVkeys: [], firstSize: 3 });
      expect(await logFacts(ctx, 2)).to.deep.include({ origin: ctx.logOrigin, firstSize: 0 });
      expect(openNote(last?.note ?? '', [parseVkey(continued.vkey)]).text).to.match(new RegExp(`^${origin}\n5\n`));
      expect(await kept()).to.deep.include({ size: 5, origin });
      expect((await fsck(ctx)).faults).to.deep.equal([]);
      expect((await readdir(join(ctx.config.dataDir, 'trust'))).length).to.equal(2);
    });

    it('keeps the old head, and goes to a third name the next time', async () => {
      const tip = await kept();
      await rollBack(ctx, 2);
      await continueLog(ctx);
      await grow(ctx, 1, 'later');
      await rollBack(ctx, 3);

      const again = await continueLog(ctx);

      expect(again.origin).to.equal(`${ctx.logOrigin}/3`);
      expect(await keptHead(ctx.config.dataDir, ctx.logOrigin)).to.deep.equal(tip);
      expect((await fsck(ctx)).faults).to.deep.equal([]);
    });
  });

  describe('under another key', () => {
    const restarted = async (): Promise<Context> => {
      const file = await loadKeysFile(ctx.config.keysFile);
      if (!file) throw new Error('no keys file');
      return { ...ctx, keyring: makeKeyring(file) };
    };

    it('has the key in a leaf that the former one signed; each verifies what it signed and nothing else', async () => {
      const before = await logFacts(ctx);

      const { former, vkey } = await rotateLogKey(ctx);
      await grow(await restarted(), 1, 'later');

      expect(former).to.deep.equal({ vkey: before.vkey, lastSize: 7 });
      expect(String(await readEntries(ctx.db, 6, 7))).to.equal(keyLeaf(vkey));
      const notes = await ctx.db.query<{ size: string; note: string }>(
        'select size, note from log_checkpoint order by size',
      );
      const signers = notes.map(
        ({ size, note }) =>
          `${size} ${openNote(note, [before.vkey, vkey].map(parseVkey)).signedBy[0] === undefined ? '' : 'known'}`,
      );
      expect(signers).to.deep.equal(['2 known', '4 known', '6 known', '7 known', '9 known']);
      expect(() => openNote(notes[3]?.note ?? '', [parseVkey(vkey)])).to.throw();
      expect(() => openNote(notes[4]?.note ?? '', [parseVkey(before.vkey)])).to.throw();
      expect(await logFacts(ctx)).to.deep.include({ vkey, formerVkeys: [before.vkey] });
      expect((await fsck(await restarted())).faults).to.deep.equal([]);
    });

    it('is taken up by a process that runs on, and the keys file still fits its database', async () => {
      const { vkey } = await rotateLogKey(ctx);

      await grow(ctx, 1, 'later');

      const again = await restarted();
      expect(openNote((await latestCheckpoint(ctx.db))?.note ?? '', [parseVkey(vkey)]).signedBy).to.have.length(1);
      expect(again.keyring.check).to.deep.equal(ctx.keyring.check);
      const { log, formerLogs } = JSON.parse(await readFile(ctx.config.keysFile, 'utf8')) as Record<string, unknown>;
      expect(formerLogs).to.have.length(1);
      expect(log).to.not.equal(undefined);
    });

    it('is never the former one again, even for whoever holds it and writes into the database', async () => {
      const before = ctx.keyring.logPrivate;
      await rotateLogKey(ctx);
      const now = await restarted();
      await asOwner(ctx, 'delete from log_key where first_size > 0');
      const last = await latestCheckpoint(ctx.db);
      if (!last) throw new Error('no head');
      const forged = { ...last, size: last.size + 1 };

      const keys = await readLogKeys(ctx.db, now.keyring);

      expect(keys).to.have.length(1);
      expect(keyAt(keys, forged.size, now.keyring)).to.equal(null);
      expect(before.equals(now.keyring.logPrivate)).to.equal(false);
    });

    it('goes on after a crash between its leaf and the keys file', async () => {
      const text = await readFile(ctx.config.keysFile, 'utf8');
      const { vkey } = await rotateLogKey(ctx);
      const file = JSON.parse(await readFile(ctx.config.keysFile, 'utf8')) as { log: string };
      await writeFile(ctx.config.keysFile, JSON.stringify({ ...(JSON.parse(text) as object), nextLog: file.log }));

      await grow(ctx, 1, 'between');
      const again = await rotateLogKey(await restarted());

      expect(again.vkey).to.equal(vkey);
      expect(again.former.lastSize).to.equal(7);
      await grow(await restarted(), 1, 'later');
      expect((await fsck(await restarted())).faults).to.deep.equal([]);
    });

    it('may be replaced before it signed anything, by another key or with the name', async () => {
      await rotateLogKey(ctx);
      await rotateLogKey(await restarted());
      const now = await restarted();
      const tip = await one<string>(ctx, 'select note from log_checkpoint where size = 8');
      await rollBack(ctx, 7);
      expect(readHead(tip)?.size).to.equal(8);

      await continueLog(now);

      await grow(now, 1, 'later');
      expect(await readLogKeys(ctx.db, now.keyring)).to.have.length(3);
      expect((await fsck(now)).faults).to.deep.equal([]);
    });

    it('is given up with the old name where a backup from before was restored', async () => {
      const { vkey } = await rotateLogKey(ctx);
      const now = await restarted();
      await grow(now, 1, 'later');
      await rollBack(ctx, 4);

      const continued = await continueLog(now);

      expect(continued.origin).to.equal(`${ctx.logOrigin}/2`);
      await grow(now, 1, 'again');
      expect(parseVkey(continued.vkey).publicKey).to.deep.equal(parseVkey(vkey).publicKey);
      expect((await fsck(now)).faults).to.deep.equal([]);
    });
  });
});
