import { randomUUID } from 'node:crypto';
import type { Context } from '../context.js';
import { decryptField, encryptField, type Place } from '../keys/field.js';
import type { Keyring } from '../keys/keyring.js';
import { draw } from '../keys/draw.js';
import { isSealed } from '../keys/seal.js';
import { makeSubjectKey, unwrapKey } from '../keys/subject-key.js';
import { REDACTABLE, sealEvent, type PreparedEvent } from './append.js';
import { commit } from './record.js';
import type { ErasureRecord } from './erasure-record.js';

/** Why records were destroyed (T16). `rule`: which period was over, where nobody asked. */
export interface ErasureReason {
  readonly cause: ErasureRecord['cause'];
  readonly rule?: ErasureRecord['rule'];
}

/** An erasure about to be written down. */
export interface NewErasure extends ErasureReason {
  readonly id: string;
  readonly happenedAt: Date;
  /** Commitments of the events whose records go. */
  readonly erased: readonly Buffer[];
}

/** Prepares the `erased` event of an erasure. It holds nothing personal, so its key is nobody's, and is kept: auditors read it for as long as the log stands. */
export function prepareErasure(keyring: Keyring, erasure: NewErasure): { event: PreparedEvent; wrappedKey: Buffer } {
  const { id, happenedAt, cause, rule } = erasure;
  const eventId = randomUUID();
  const record: ErasureRecord = {
    schema_version: 1,
    record_id: eventId,
    subject_ref: id,
    kind: 'erased',
    happened_at: happenedAt.toISOString(),
    entity: cause === 'person' ? 'subject' : 'system',
    cause,
    ...(rule ? { rule } : {}),
    erased: erasure.erased.map((commitment) => commitment.toString('base64')),
  };
  const opening = draw(32);
  const commitment = commit(opening, record);
  const { key, wrapped } = makeSubjectKey(keyring, keyPlace(id));
  const body = JSON.stringify({ opening: opening.toString('base64'), record });
  return {
    event: {
      id: eventId,
      commitment,
      row: [
        ...[id, eventId, 'erased', commitment, happenedAt],
        sealEvent(keyring, eventId, id, 'erased', commitment, happenedAt),
        ...[encryptField(key, bodyPlace(eventId), body), ...REDACTABLE.map(() => null)],
      ],
      attachments: [],
    },
    wrappedKey: wrapped,
  };
}

/** The `erased` event of an erasure, as it is loaded. */
export interface ErasureRow {
  id: string;
  evidence_key: Buffer;
  event_id: string;
  commitment: Buffer;
  happened_at: Date;
  seal: Buffer;
  record: Buffer | null;
}

/** What an erasure says, or null when we did not write it so (T6). */
export function openErasure(keyring: Keyring, row: ErasureRow): ErasureRecord | null {
  const parts = [row.event_id, row.id, 'erased', row.commitment, row.happened_at];
  if (!row.record || !isSealed(keyring, 'consent_event', parts, row.seal)) return null;
  try {
    const key = unwrapKey(keyring, keyPlace(row.id), row.evidence_key);
    const text = decryptField(key, bodyPlace(row.event_id), row.record).toString();
    const { opening, record } = JSON.parse(text) as { opening: string; record: ErasureRecord };
    return commit(Buffer.from(opening, 'base64'), record).equals(row.commitment) ? record : null;
  } catch {
    return null;
  }
}

export const ERASURE_ROWS = `select x.id, x.evidence_key, x.event_id, e.commitment, e.happened_at, e.seal, b.record
  from erasure x join consent_event e on e.sign_up_id = x.id and e.id = x.event_id and e.kind = 'erased'
  left join event_body b on b.sign_up_id = x.id and b.event_id = x.event_id`;

/** Which of these events were erased: those that a sealed `erased` event names. What else lacks its record was lost. */
export async function namedAsErased(
  ctx: Pick<Context, 'db' | 'keyring'>,
  events: readonly { readonly id: string; readonly commitment: Buffer }[],
): Promise<ReadonlySet<string>> {
  if (events.length === 0) return new Set();
  const pointers = await ctx.db.query<{ event_id: string; erasure_id: string }>(
    'select event_id, erasure_id from erased_leaf where event_id = any($1::uuid[])',
    [events.map((event) => event.id)],
  );
  const erasureOf = new Map(pointers.map((row) => [row.event_id, row.erasure_id]));
  const rows = await ctx.db.query<ErasureRow>(`${ERASURE_ROWS} where x.id = any($1::uuid[])`, [
    [...new Set(erasureOf.values())],
  ]);
  const named = new Map(rows.map((row) => [row.id, new Set(openErasure(ctx.keyring, row)?.erased)]));
  const isNamed = (event: { id: string; commitment: Buffer }): boolean =>
    named.get(erasureOf.get(event.id) ?? '')?.has(event.commitment.toString('base64')) === true;
  return new Set(events.filter(isNamed).map((event) => event.id));
}

function keyPlace(erasureId: string): Place {
  return { table: 'erasure', column: 'evidence_key', row: erasureId };
}

function bodyPlace(eventId: string): Place {
  return { table: 'event_body', column: 'record', row: eventId };
}
