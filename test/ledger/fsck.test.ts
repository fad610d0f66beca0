import { expect } from 'chai';
import { randomBytes } from 'node:crypto';
import type { Context } from '../../server/context.js';
import { doctor } from '../../server/jobs/doctor.js';
import { signCheckpoint } from '../../server/ledger/checkpoint.js';
import { appendLeaves, EMPTY_FRONTIER, frontierRoot } from '../../server/ledger/frontier.js';
import { checkSlice, readRound } from '../../server/ledger/fsck-round.js';
import { fsck } from '../../server/ledger/fsck.js';
import { integrate } from '../../server/ledger/integrate.js';
import { hashReader } from '../../server/ledger/store.js';
import { makeTestContext, type TestContext } from '../support/context.js';
import { asOwner, grow, sizeOf } from '../support/ledger.js';
import { addMany } from '../support/people.js';
import { one } from '../support/state.js';

/** Flips the first byte of what an expression yields. */
const FLIP = (column: string): string => `set_byte(${column}, 20, 255 - get_byte(${column}, 20))`;
const LEAF = (index: number): string => `(select sign_up_id, event_id from log_leaf where leaf_index = ${index})`;

/** What somebody does as the owner of the tables, and what is said of it. The log has 300 leaves: 2 a head up to 12, then 288 in one. */
const ATTACKS: readonly (readonly [string, readonly string[], readonly RegExp[]])[] = [
  [
    'one byte of a record, which holds its opening too',
    [`update event_body set record = ${FLIP('record')} where (sign_up_id, event_id) = ${LEAF(5)}`],
    [/^leaf 5: its record does not match its commitment$/],
  ],
  [
    'one byte of a field beside a record',
    [`update event_body set address = ${FLIP('address')} where (sign_up_id, event_id) = ${LEAF(4)}`],
    [/^leaf 4: its field "address" does not match its record$/],
  ],
  [
    'the field of somebody else, moved',
    [
      `update event_body set ip = (select ip from event_body where (sign_up_id, event_id) = ${LEAF(6)}) where (sign_up_id, event_id) = ${LEAF(4)}`,
    ],
    [/^leaf 4: its field "ip" does not match its record$/],
  ],
  [
    'one byte of a commitment',
    [`update consent_event set commitment = ${FLIP('commitment')} where (sign_up_id, id) = ${LEAF(7)}`],
    [
      /^leaf 7: it was not made from its event's commitment$/,
      /^leaf 7: its event was changed after it was written$/,
      /^leaf 7: its record does not match/,
    ],
  ],
  [
    'the time of an event',
    [`update consent_event set happened_at = happened_at - interval '1 day' where (sign_up_id, id) = ${LEAF(7)}`],
    [/^leaf 7: its event was changed after it was written$/],
  ],
  [
    'one byte of a leaf',
    [`update log_leaf set leaf_hash = ${FLIP('leaf_hash')} where leaf_index = 3`],
    [/^leaf 3: its row was changed, moved/, /^leaf 3: it was not made from its event's commitment$/],
  ],
  [
    'two leaves, swapped',
    [
      'update log_leaf set leaf_index = -1 where leaf_index = 20',
      'update log_leaf set leaf_index = 20 where leaf_index = 30',
      'update log_leaf set leaf_index = 30 where leaf_index = -1',
    ],
    [
      /^leaf 20: its row was changed, moved/,
      /^leaf 30: its row was changed, moved/,
      /^the tree head of size 300 does not follow from the leaves 12 to 299$/,
    ],
  ],
  [
    'a leaf, deleted',
    ['delete from log_leaf where leaf_index = 40'],
    [/^leaf 40 is missing$/, /^event [0-9a-f-]{36} has neither a leaf nor a place in the queue$/],
  ],
  [
    'several leaves with all that is behind them, deleted',
    [
      'delete from event_body b using log_leaf l where l.leaf_index between 40 and 49 and b.event_id = l.event_id',
      'delete from consent_event e using log_leaf l where l.leaf_index between 40 and 49 and e.id = l.event_id',
      'delete from log_leaf where leaf_index between 40 and 49',
    ],
    [/^leaves 40 to 49 are missing$/],
  ],
  [
    'an event, deleted',
    [`delete from consent_event where (sign_up_id, id) = ${LEAF(8)}`],
    [/^leaf 8: its event is gone$/, /^there is a record of event/],
  ],
  [
    'an event put there by hand, with the seal of another',
    [
      `insert into consent_event select sign_up_id, gen_random_uuid(), kind, commitment, happened_at, seal, null from consent_event limit 1`,
      'insert into log_queue select e.id, e.sign_up_id from consent_event e left join log_leaf l on l.event_id = e.id where l.event_id is null',
    ],
    [/^event [0-9a-f-]{36}, which waits for its leaf, was not written by us$/],
  ],
  [
    'an event kept out of the log',
    [
      'alter table consent_event disable trigger consent_event_queue',
      `insert into consent_event select sign_up_id, gen_random_uuid(), kind, commitment, happened_at, seal, null from consent_event limit 1`,
    ],
    [/^event [0-9a-f-]{36} has neither a leaf nor a place in the queue$/],
  ],
  [
    'a leaf, put behind the last',
    [
      `insert into log_leaf (leaf_index, data, leaf_hash) select 300, e'consentlog/v1 config\\n' || repeat('0', 64) || e'\\n', leaf_hash from log_leaf where leaf_index = 0`,
    ],
    [
      /^leaf 300: its row was changed/,
      /^leaf 300: it was not made from its data$/,
      /^leaf 300 is covered by no tree head$/,
    ],
  ],
  [
    'one byte of a tile',
    [`update log_node set hash = ${FLIP('hash')} where level = 1 and node_index = 0`],
    [/^tile hash 0 of level 1 does not follow from its leaves$/],
  ],
  ['a tile hash, deleted', ['delete from log_node'], [/^tile hash 0 of level 1 is missing$/]],
  [
    'a tile hash, invented',
    [`insert into log_node (level, node_index, hash) select 1, 1, hash from log_node`],
    [/^tile hash 1 of level 1 is of no tile that there is$/],
  ],
  [
    'one byte of the root of a checkpoint',
    [`update log_checkpoint set root = ${FLIP('root')} where size = 8`],
    [
      /^the tree head of size 8 is not signed/,
      /^the tree head of size 8 does not follow from the leaves 6 to 7$/,
      /^the tree head of size 8 has another frontier/,
    ],
  ],
  [
    'one letter of a signed note',
    [`update log_checkpoint set note = replace(note, '—', '-') where size = 8`],
    [/^the tree head of size 8 is not signed/, /^the tree head of size 8 was changed/],
  ],
  [
    'the time of a checkpoint',
    [`update log_checkpoint set signed_at = signed_at - interval '1 day' where size = 8`],
    [/^the tree head of size 8 was changed, or put there by somebody else$/],
  ],
  [
    'one byte of the frontier of a checkpoint',
    [`update log_checkpoint set frontier = ${FLIP('frontier')} where size = 8`],
    [/^the tree head of size 8 has another frontier than its root$/],
  ],
  ['a checkpoint, deleted', ['delete from log_checkpoint where size = 8'], [/^the tree head of size 8 is missing$/]],
  [
    'a checkpoint, invented',
    [
      `insert into log_checkpoint (size, root, frontier, note, signed_at, previous_size) select 9, root, frontier, note, signed_at, 8 from log_checkpoint where size = 8`,
    ],
    [
      /^the tree head of size 9 is not signed/,
      /^the tree head of size 9 does not follow from the leaves 8 to 8$/,
      /^the tree head of size 9 was changed, or put there/,
    ],
  ],
  [
    'two checkpoints, swapped',
    [
      'update log_checkpoint set size = 1000 where size = 6',
      'update log_checkpoint set size = 6 where size = 8',
      'update log_checkpoint set size = 8 where size = 1000',
    ],
    [
      /^the tree head of size 6 is not signed/,
      /^the tree head of size 6 does not follow/,
      /^the tree head of size 6 was changed/,
      /^the tree head of size 8 is not signed/,
      /^the tree head of size 8 does not follow/,
      /^the tree head of size 8 was changed/,
    ],
  ],
  [
    'an event that has its leaf, queued once more under another name',
    [`insert into log_queue (event_id, sign_up_id) values (gen_random_uuid(), gen_random_uuid())`],
    [/^the queue names event [0-9a-f-]{36}, which is not there$/],
  ],
  [
    'a key of the log that nobody introduced',
    [
      `insert into log_key (first_size, vkey, started_at, seal) select 1000, vkey || '=', started_at, seal from log_key limit 1`,
    ],
    [/^the key that signs from size 1000 on was not written by us$/],
  ],
];

describe('fsck', function () {
  this.timeout(120_000);
  let test: TestContext;
  let ctx: Context;
  let saved: [string, string][];

  before(async () => {
    test = await makeTestContext();
    ctx = test.ctx;
    await grow(ctx, 6);
    await addMany(ctx, 144);
    while ((await integrate(ctx)) > 0);
    saved = await Promise.all(
      TABLES.map(async (table) => [table, await one<string>(ctx, `select json_agg(t)::text from ${table} t`)]),
    );
  });
  after(async () => test.drop());
  afterEach(async () => {
    await asOwner(
      ctx,
      ...TABLES.map((table) => `delete from ${table}`),
      'alter table consent_event disable trigger user',
      ...saved
        .filter(([, text]) => text)
        .map(
          ([table, text]) => `insert into ${table} select * from json_populate_recordset(null::${table}, '${text}')`,
        ),
    );
    await ctx.db.query('delete from log_queue');
    await ctx.db.query('delete from log_round');
  });

  it('finds nothing wrong with a log as it was written', async () => {
    const report = await fsck(ctx);

    expect(report).to.deep.equal({ leaves: 300, records: 300, erased: 0, faults: [] });
    expect(await sizeOf(ctx)).to.equal(300);
  });

  for (const [what, statements, said] of ATTACKS) {
    it(`names ${what}`, async () => {
      await asOwner(ctx, ...statements);

      const { faults } = await fsck(ctx);

      expect(faults, 'what fsck says').to.have.length(said.length);
      said.forEach((words, place) => expect(faults[place]).to.match(words));
    });
  }

  it('names a history that was written anew with the very keys, since another head is kept outside', async () => {
    const hashes = await hashReader(ctx.db)(0, 0, 300);
    const { frontier } = appendLeaves(EMPTY_FRONTIER, [...hashes.slice(0, 299), randomBytes(32)]);
    const root = frontierRoot(frontier);
    const note = signCheckpoint({ origin: ctx.logOrigin, size: 300, root }, ctx.keyring.logPrivate);
    await asOwner(
      ctx,
      `update log_checkpoint set note = '${note}', root = '\\x${root.toString('hex')}', frontier = '\\x${Buffer.concat(frontier.hashes).toString('hex')}' where size = 300`,
    );

    const { faults } = await fsck(ctx);

    expect(faults[0]).to.match(/^Two different trees of 300 leaves were signed/);
    expect(faults).to.include('the tree head of size 300 does not follow from the leaves 12 to 299');
  });

  describe('in the background', () => {
    it('goes once round in slices, remembers where it was, and begins anew a day later', async () => {
      let now = Date.now();
      const timed = { ...ctx, now: () => new Date(now) };

      for (let slice = 0; slice < 2; slice += 1) expect(await checkSlice(timed)).to.equal(0);

      const round = await readRound(ctx.db, ctx.keyring);
      expect(round?.phase).to.equal('done');
      expect(round?.last).to.deep.include({ leaves: 300, faults: [] });
      await asOwner(ctx, 'delete from log_leaf where leaf_index = 40');
      expect(await checkSlice(timed), 'the same day').to.equal(0);
      now += 86_400_000;
      expect(await checkSlice(timed)).to.equal(1);
      const report = await doctor({ ...timed, config: { ...ctx.config, smtpUrl: null } });
      expect(report.healthy).to.equal(false);
      expect(report.text).to.contain('FAIL  log: check: 1 faults, such as: leaf 40 is missing');
    });

    it('begins anew where somebody wrote into what it remembers', async () => {
      await checkSlice(ctx);
      await ctx.db.query(`update log_round set state = replace(state, '"leaves"', '"done"') || ' '`);

      expect(await readRound(ctx.db, ctx.keyring)).to.equal(null);
      await asOwner(ctx, `update event_body set record = ${FLIP('record')} where (sign_up_id, event_id) = ${LEAF(5)}`);

      expect(await checkSlice(ctx)).to.equal(1);
    });
  });
});

const TABLES = ['event_body', 'consent_event', 'log_leaf', 'log_node', 'log_checkpoint', 'log_key'];
