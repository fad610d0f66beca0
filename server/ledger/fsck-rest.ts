import type { Context } from '../context.js';
import type { Queryable } from '../database/connect.js';
import { isSealed } from '../keys/seal.js';
import { configLeaf, keyLeaf } from './data-leaf.js';
import type { Fault } from './fsck-walk.js';
import { strangeLogKeys, type LogKey } from './log-keys.js';
import { readEntries } from './store.js';

const MOST = 100;
const PAGE = 1000;

/** Where the look at events is. */
export interface EventPlace {
  readonly chapter: string;
  readonly event: string;
}

/** Before the first event. */
export const FIRST_EVENT: EventPlace = {
  chapter: '00000000-0000-0000-0000-000000000000',
  event: '00000000-0000-0000-0000-000000000000',
};

/** A page of events: each has a leaf, or waits for one. Returns where the next page begins; null: there are no more. */
export async function checkEvents(on: Queryable, after: EventPlace, fault: Fault): Promise<EventPlace | null> {
  const rows = await on.query<{ id: string; sign_up_id: string; is_lost: boolean }>(
    `select e.id, e.sign_up_id, not exists (select from log_leaf l where l.event_id = e.id and l.sign_up_id = e.sign_up_id)
       and not exists (select from log_queue q where q.event_id = e.id and q.sign_up_id = e.sign_up_id) as is_lost
     from consent_event e where (e.sign_up_id, e.id) > ($1, $2) order by e.sign_up_id, e.id limit ${PAGE}`,
    [after.chapter, after.event],
  );
  for (const row of rows) if (row.is_lost) fault(`event ${row.id} has neither a leaf nor a place in the queue`);
  const last = rows.at(-1);
  return last && rows.length === PAGE ? { chapter: last.sign_up_id, event: last.id } : null;
}

/** What belongs to no leaf: heads, leaves and tiles beyond the tree, keys, the queue. Each question is one statement, of one moment of a log that grows. */
export async function checkRest(ctx: Context, keys: readonly LogKey[], fault: Fault): Promise<void> {
  for (const { words, sql } of STRAYS) {
    const rows = await ctx.db.query<{ name: string }>(`${sql} limit ${MOST}`);
    for (const { name } of rows) fault(words.replace('?', name));
  }
  await checkQueue(ctx, fault);
  await checkKeys(ctx, keys, fault);
}

const STRAYS = [
  {
    words: 'the tree head of size ? covers leaves that are not there',
    sql: 'select size::text as name from log_checkpoint where size > (select coalesce(max(leaf_index) + 1, 0) from log_leaf) or size < 1',
  },
  {
    words: 'leaf ? is covered by no tree head',
    sql: 'select leaf_index::text as name from log_leaf where leaf_index >= (select coalesce(max(size), 0) from log_checkpoint) or leaf_index < 0',
  },
  {
    words: 'tile hash ? is of no tile that there is',
    sql: `select node_index || ' of level ' || level as name from log_node
      where level < 1 or node_index < 0 or (node_index + 1) * power(256::numeric, level) > (select coalesce(max(size), 0) from log_checkpoint)`,
  },
] as const;

/** Records of events that are not there. */
export async function checkBodies(on: Queryable, fault: Fault): Promise<void> {
  const rows = await on.query<{ event_id: string }>(
    `select b.event_id from event_body b
     where not exists (select from consent_event e where e.sign_up_id = b.sign_up_id and e.id = b.event_id) limit ${MOST}`,
  );
  for (const row of rows) fault(`there is a record of event ${row.event_id}, which is not there`);
}

interface Queued {
  event_id: string;
  sign_up_id: string;
  kind: string | null;
  commitment: Buffer;
  happened_at: Date;
  seal: Buffer;
}

async function checkQueue(ctx: Context, fault: Fault): Promise<void> {
  let after = FIRST_EVENT.event;
  for (;;) {
    const rows = await ctx.db.query<Queued>(
      `select q.event_id, q.sign_up_id, e.kind, e.commitment, e.happened_at, e.seal
       from log_queue q left join consent_event e on e.sign_up_id = q.sign_up_id and e.id = q.event_id
       where q.event_id > $1 order by q.event_id limit ${PAGE}`,
      [after],
    );
    for (const row of rows) {
      if (row.kind === null) fault(`the queue names event ${row.event_id}, which is not there`);
      else if (!isOurs(ctx, row)) fault(`event ${row.event_id}, which waits for its leaf, was not written by us`);
    }
    if (rows.length < PAGE) return;
    after = rows.at(-1)?.event_id ?? after;
  }
}

function isOurs(ctx: Context, row: Queued): boolean {
  const parts = [row.event_id, row.sign_up_id, row.kind, row.commitment, row.happened_at];
  return isSealed(ctx.keyring, 'consent_event', parts, row.seal);
}

// Each key but the first was introduced by a leaf: under the former key, or as the first of a new name.
async function checkKeys(ctx: Context, keys: readonly LogKey[], fault: Fault): Promise<void> {
  for (const size of await strangeLogKeys(ctx.db, ctx.keyring))
    fault(`the key that signs from size ${size} on was not written by us`);
  for (const [place, key] of keys.entries()) {
    const before = keys[place - 1];
    if (!before) continue;
    const isRotated = before.key.name === key.key.name;
    const index = key.firstSize - (isRotated ? 2 : 1);
    const [leaf] = await readEntries(ctx.db, index, index + 1);
    const wanted = isRotated ? keyLeaf(key.vkey) : configLeaf(key.oldTip ?? '');
    if (leaf?.toString() !== wanted)
      fault(`leaf ${index} does not introduce the key that signs from size ${key.firstSize} on`);
  }
}
