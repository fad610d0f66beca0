import { randomUUID } from 'node:crypto';
import type { Context } from '../../server/context.js';
import { makeSubjectKey } from '../../server/keys/subject-key.js';
import { appendEvents, prepareEvent, type PreparedEvent } from '../../server/ledger/append.js';
import { integrate } from '../../server/ledger/integrate.js';
import { latestCheckpoint } from '../../server/ledger/store.js';
import { addConfirmed } from './people.js';

/** Two leaves for each of so many people, each pair under a head of its own. */
export async function grow(ctx: Context, people: number, name = 'person'): Promise<void> {
  for (let at = 0; at < people; at += 1) {
    await addConfirmed(ctx, `${name}${at}@example.org`);
    await integrate(ctx);
  }
}

/** Adds leaves of events that nobody needs to read, until there are so many. */
export async function growTo(ctx: Context, size: number): Promise<void> {
  const chapter = await openChapter(ctx);
  for (let from = await sizeOf(ctx); from < size; from = await sizeOf(ctx)) {
    const events = Array.from({ length: Math.min(2000, size - from) }, () => emptyEvent(ctx, chapter));
    await appendEvents(ctx.db, events);
    await integrate(ctx);
  }
}

interface Chapter {
  readonly id: string;
  readonly key: Buffer;
}

/** A sign-up that is decided already, so that what is written in it can be read. */
async function openChapter(ctx: Context): Promise<Chapter> {
  const id = randomUUID();
  const { key, wrapped } = makeSubjectKey(ctx.keyring, { table: 'sign_up', column: 'evidence_key', row: id });
  await ctx.db.query(
    `insert into sign_up (id, list_id, wording_id, source, language, evidence_key, requested_commitment, outcome, requested_at)
     select $1, l.id, w.id, 'form', w.language, $2, $3, 'already', $4 from list l join wording w on w.purpose_id = l.id limit 1`,
    [id, wrapped, Buffer.alloc(32), ctx.now()],
  );
  return { id, key };
}

function emptyEvent(ctx: Context, { id: signUpId, key: evidenceKey }: Chapter): PreparedEvent {
  return prepareEvent(ctx.keyring, {
    ...{ id: randomUUID(), signUpId, kind: 'requested', happenedAt: ctx.now(), fields: {}, evidenceKey },
    record: { list_id: 'news', list_name: 'News', prev_event_commit: null },
  });
}

/** How many leaves the newest head covers. */
export async function sizeOf(ctx: Context): Promise<number> {
  return (await latestCheckpoint(ctx.db))?.size ?? 0;
}

const GUARDED = ['log_leaf', 'log_node', 'log_checkpoint', 'log_key', 'consent_event'];

/** What the owner of the tables does: changes them with their guards switched off. */
export async function asOwner(ctx: Context, ...statements: readonly string[]): Promise<void> {
  for (const table of GUARDED) await ctx.db.query(`alter table ${table} disable trigger user`);
  for (const sql of statements) await ctx.db.query(sql);
  for (const table of GUARDED) await ctx.db.query(`alter table ${table} enable trigger user`);
}

/** Makes the log what it was at an earlier size, as a restored backup does: what came later is gone without a trace. */
export async function rollBack(ctx: Context, size: number): Promise<void> {
  await asOwner(
    ctx,
    `delete from event_body b using log_leaf l where l.leaf_index >= ${size} and b.event_id = l.event_id and b.sign_up_id = l.sign_up_id`,
    `delete from consent_event e using log_leaf l where l.leaf_index >= ${size} and e.id = l.event_id and e.sign_up_id = l.sign_up_id`,
    `delete from log_leaf where leaf_index >= ${size}`,
    `delete from log_node where (node_index + 1) * power(256, level) > ${size}`,
    `delete from log_checkpoint where size > ${size}`,
    `delete from log_key where first_size > ${size} + 1`,
  );
}
