import type { KeyObject } from 'node:crypto';
import type { Context } from '../context.js';
import type { Tx } from '../database/connect.js';
import { Refusal } from '../errors.js';
import { seal } from '../keys/seal.js';
import { signCheckpoint } from './checkpoint.js';
import { appendLeaves, EMPTY_FRONTIER, frontierRoot } from './frontier.js';
import { privateLogKey } from './log-keys.js';
import { leafHash } from './merkle.js';
import { standingOf } from './standing.js';
import type { StoredCheckpoint } from './store.js';

/** Whoever holds it writes leaves. */
export const LOG_LOCK = 8_021_965;

/** The log, ready to grow. */
export interface OpenLog {
  readonly last: StoredCheckpoint | null;
  readonly origin: string;
  readonly key: KeyObject;
}

/** A leaf to be: of an event, or one that says by itself what it is. */
export type NewLeaf =
  | { readonly event: string; readonly chapter: string; readonly data: Buffer }
  | { readonly event: null; readonly chapter: null; readonly data: string };

/** The log under the lock of this transaction. Throws `log-refuses` when a tree was signed that does not begin with what the database holds (P-20, P-21). */
export async function openLog(ctx: Context, tx: Tx): Promise<OpenLog> {
  const { last, keys, fault } = await standingOf(ctx, tx);
  if (fault) throw new Refusal('log-refuses', fault.words, { fault: fault.kind });
  const current = keys.at(-1);
  const key = current && (await privateLogKey(ctx, current.vkey));
  if (!key) {
    throw new Refusal(
      'log-refuses',
      `The key that signs the log now is not in ${ctx.config.keysFile}: put the file here that "zgoda keys rotate --log" wrote. Until then nothing is signed.`,
    );
  }
  return { last, origin: current.key.name, key };
}

/** Appends leaves and signs the new head, in one statement; takes events off the queue with it. Returns the head: `keepHead` it once it is committed. */
export async function growLog(
  ctx: Context,
  tx: Tx,
  { log, leaves, taken }: { log: OpenLog; leaves: readonly NewLeaf[]; taken: readonly string[] },
): Promise<StoredCheckpoint> {
  const first = log.last?.size ?? 0;
  const hashes = leaves.map(({ data }) => leafHash(Buffer.from(data)));
  const { frontier, tileRoots } = appendLeaves(log.last?.frontier ?? EMPTY_FRONTIER, hashes);
  const root = frontierRoot(frontier);
  const note = signCheckpoint({ origin: log.origin, size: frontier.size, root }, log.key);
  const head = { size: frontier.size, root, frontier, note, signedAt: ctx.now(), previousSize: first };
  const rows = leaves.map((leaf, place) => leafRow(ctx, first + place, leaf, hashes[place] ?? root));
  const sealed = seal(ctx.keyring, 'log_checkpoint', headParts(head));
  await tx.query(
    `with leaves as (
       insert into log_leaf (leaf_index, event_id, sign_up_id, leaf_hash, data, seal)
       select $1::bigint + place - 1, event, chapter, hash, data, seal
       from unnest($2::uuid[], $3::uuid[], $4::bytea[], $5::text[], $6::bytea[]) with ordinality as row (event, chapter, hash, data, seal, place)),
     nodes as (
       insert into log_node (level, node_index, hash)
       select * from unnest($7::smallint[], $8::bigint[], $9::bytea[])),
     taken as (delete from log_queue where event_id = any($10::uuid[]))
     insert into log_checkpoint (size, root, frontier, note, signed_at, previous_size, seal) values ($11, $12, $13, $14, $15, $1, $16)`,
    [
      ...[first, ...[0, 1, 2, 3, 4].map((column) => rows.map((row) => row[column]))],
      ...[tileRoots.map((node) => node.level), tileRoots.map((node) => node.index), tileRoots.map((node) => node.hash)],
      ...[taken, head.size, root, Buffer.concat(frontier.hashes), note, head.signedAt, sealed],
    ],
  );
  return head;
}

/** What the seal of a leaf covers. */
export function leafParts(leaf: {
  index: number | string;
  event: string | null;
  chapter: string | null;
  hash: Buffer;
  data: string | null;
}): Parameters<typeof seal>[2] {
  return [leaf.index, leaf.event, leaf.chapter, leaf.hash, leaf.data];
}

/** What the seal of a tree head covers beside what its note signs. */
export function headParts(head: {
  size: number;
  note: string;
  signedAt: Date;
  previousSize: number | null;
}): Parameters<typeof seal>[2] {
  return [head.size, head.note, head.signedAt, head.previousSize];
}

function leafRow(ctx: Context, index: number, { event, chapter, data }: NewLeaf, hash: Buffer): unknown[] {
  const text = event === null ? data : null;
  return [
    event,
    chapter,
    hash,
    text,
    seal(ctx.keyring, 'log_leaf', leafParts({ index, event, chapter, hash, data: text })),
  ];
}
