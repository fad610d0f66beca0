import { randomUUID } from 'node:crypto';
import type { Acting } from '../context.js';
import type { Tx } from '../database/connect.js';
import { appendEvents } from '../ledger/append.js';
import { prepareErasure, type ErasureReason } from '../ledger/erasure.js';

/** An event whose record is about to be destroyed. */
export interface ErasedEvent {
  readonly id: string;
  readonly signUpId: string;
  readonly commitment: Buffer;
}

/** So many leaves one `erased` event names at most: a record stays small, whatever somebody else did with an address. */
const MOST = 1000;

/**
 * Writes down that these records were destroyed, and why: `erased` events, ordinary leaves like all others (T2). With `subscriberId` it is the erasure of a
 * person, which is told even where nothing was left to destroy. Returns the id of the (first) erasure, or null when there was nothing to tell.
 */
export async function traceErasure(
  tx: Tx,
  acting: Acting,
  events: readonly ErasedEvent[],
  why: ErasureReason & { subscriberId?: string },
): Promise<string | null> {
  const parts = Math.max(Math.ceil(events.length / MOST), why.subscriberId ? 1 : 0);
  let first: string | null = null;
  for (let part = 0; part < parts; part += 1) {
    const id = await traceSome(tx, acting, events.slice(part * MOST, (part + 1) * MOST), {
      ...{ cause: why.cause, ...(why.rule ? { rule: why.rule } : {}) },
      subscriberId: first === null ? (why.subscriberId ?? null) : null,
    });
    first ??= id;
  }
  return first;
}

async function traceSome(
  tx: Tx,
  acting: Acting,
  events: readonly ErasedEvent[],
  why: ErasureReason & { subscriberId: string | null },
): Promise<string> {
  const id = randomUUID();
  const happenedAt = acting.now();
  const { event, wrappedKey } = prepareErasure(acting.keyring, {
    ...{ id, happenedAt, cause: why.cause, ...(why.rule ? { rule: why.rule } : {}) },
    erased: events.map(({ commitment }) => commitment),
  });
  await tx.query(
    'insert into erasure (id, event_id, cause, evidence_key, subscriber_id, happened_at) values ($1, $2, $3, $4, $5, $6)',
    [id, event.id, why.cause, wrappedKey, why.subscriberId, happenedAt],
  );
  await appendEvents(tx, [event]);
  await tx.query(
    `insert into erased_leaf (event_id, sign_up_id, erasure_id) select e, u, $1 from unnest($2::uuid[], $3::uuid[]) as row (e, u)`,
    [id, events.map((one) => one.id), events.map((one) => one.signUpId)],
  );
  return id;
}
