import { randomBytes, randomUUID } from 'node:crypto';
import type { Context } from '../../server/context.js';
import { appendEvents, prepareEvent } from '../../server/ledger/append.js';
import { integrate } from '../../server/ledger/integrate.js';

/** Adds so many leaves to the log: events about nobody. */
export async function growLog(ctx: Context, leaves: number): Promise<void> {
  const events = Array.from({ length: leaves }, () =>
    prepareEvent(ctx.keyring, {
      id: randomUUID(),
      signUpId: randomUUID(),
      kind: 'noted',
      happenedAt: ctx.now(),
      record: { list_id: randomUUID(), list_name: 'News', prev_event_commit: null },
      fields: {},
      evidenceKey: randomBytes(32),
    }),
  );
  await appendEvents(ctx.db, events);
  for (let added = 0; added < leaves;) added += await integrate(ctx);
}
