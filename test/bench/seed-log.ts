import { randomUUID } from 'node:crypto';
import { listBySlug, wordingOf, type ListFacts } from '../../server/consent/catalogue.js';
import { listRecord } from '../../server/consent/facts.js';
import type { Context } from '../../server/context.js';
import { encryptField } from '../../server/keys/field.js';
import { makeSubjectKey } from '../../server/keys/subject-key.js';
import { appendEvents, prepareEvent, type PreparedEvent } from '../../server/ledger/append.js';
import { growLog, LOG_LOCK, openLog } from '../../server/ledger/grow.js';
import { keepHead } from '../../server/ledger/kept-head.js';
import { leafData } from '../../server/ledger/record.js';
import { latestCheckpoint } from '../../server/ledger/store.js';

/** Events of one transaction, and leaves of one tree head. */
const PAGE = 1_000;

/** Lets a log grow to so many leaves: events with records and seals, leaves and heads as the service writes them, a thousand at a time and past the queue. */
export async function seedLog(ctx: Context, slug: string, leaves: number): Promise<void> {
  const list = await listBySlug(ctx, slug);
  for (;;) {
    const size = (await latestCheckpoint(ctx.db))?.size ?? 0;
    if (size >= leaves) break;
    await seedPage(ctx, list, Math.min(PAGE, leaves - size));
  }
  for (const table of ['consent_event', 'event_body', 'log_leaf', 'log_node', 'log_checkpoint', 'sign_up'])
    await ctx.db.query(`vacuum analyze ${table}`);
}

async function seedPage(ctx: Context, list: ListFacts, count: number): Promise<void> {
  const wording = wordingOf(list, 'en');
  const [id, at] = [randomUUID(), ctx.now()];
  const { key, wrapped } = makeSubjectKey(ctx.keyring, { table: 'sign_up', column: 'evidence_key', row: id });
  const events = Array.from({ length: count }, (): PreparedEvent =>
    prepareEvent(ctx.keyring, {
      ...{ id: randomUUID(), signUpId: id, kind: 'noted', happenedAt: at, evidenceKey: key },
      record: { ...listRecord(list, wording, 'en'), entity: 'system', prev_event_commit: null },
      fields: {},
    }),
  );
  const sealed = encryptField(key, { table: 'sign_up', column: 'sealed', row: id }, '{}');
  const head = await ctx.db.transaction(async (tx) => {
    // Without its trigger, which would put the events into the queue: they get their leaves right here.
    await tx.query(`set local session_replication_role = 'replica'`);
    await tx.query(
      `insert into sign_up (id, list_id, wording_id, source, language, evidence_key, sealed, requested_commitment, outcome, requested_at)
       values ($1, $2, $3, 'form', 'en', $4, $5, $6, 'already', $7)`,
      [id, list.id, wording.id, wrapped, sealed, events[0]?.commitment, at],
    );
    await appendEvents(tx, events);
    const leaves = events.map((event) => ({ event: event.id, chapter: id, data: leafData(event.commitment) }));
    return growLog(ctx, tx, { log: await openLog(ctx, tx), leaves, taken: [] });
  }, LOG_LOCK);
  await keepHead(ctx.config.dataDir, head.note);
}
