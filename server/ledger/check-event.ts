import { timingSafeEqual } from 'node:crypto';
import type { Keyring } from '../keys/keyring.js';
import { isSealed } from '../keys/seal.js';
import { leafHash } from './merkle.js';
import { commit, commitField, leafData, type ConsentRecord, type FieldName } from './record.js';

/** An event as it is stored, its record and fields decrypted as far as they are there. */
export interface EventToCheck {
  readonly id: string;
  readonly signUpId: string;
  readonly kind: string;
  readonly commitment: Buffer;
  readonly happenedAt: Date;
  readonly seal: Buffer;
  /** null: the integrator has not come to it yet. */
  readonly leafHash: Buffer | null;
  /** null: erased. */
  readonly opened: { readonly opening: string; readonly record: ConsentRecord } | null;
  readonly fields: Readonly<Partial<Record<FieldName, { readonly salt: string; readonly value: string }>>>;
}

/** `good`: the record is what the log committed to. `waiting`: it is, and gets its leaf within seconds. `erased`: only the leaf is left. */
export type EventCheck = 'good' | 'waiting' | 'erased' | 'wrong';

/** Does an event have its leaf, and does its record still verify? */
export function checkEvent(keyring: Keyring, event: EventToCheck): EventCheck {
  const parts = [event.id, event.signUpId, event.kind, event.commitment, event.happenedAt];
  if (!isSealed(keyring, 'consent_event', parts, event.seal)) return 'wrong';
  if (event.leafHash && !event.leafHash.equals(leafHash(leafData(event.commitment)))) return 'wrong';
  if (!event.opened) return event.leafHash ? 'erased' : 'waiting';
  if (!isRecordOf(event, event.opened) || !areFieldsOf(event, event.opened.record)) return 'wrong';
  return event.leafHash ? 'good' : 'waiting';
}

function isRecordOf(event: EventToCheck, { opening, record }: NonNullable<EventToCheck['opened']>): boolean {
  const bytes = Buffer.from(opening, 'base64');
  return (
    bytes.length === 32 &&
    timingSafeEqual(commit(bytes, record), event.commitment) &&
    record.record_id === event.id &&
    record.kind === event.kind &&
    record.happened_at === event.happenedAt.toISOString()
  );
}

function areFieldsOf({ fields }: EventToCheck, record: ConsentRecord): boolean {
  return Object.entries(fields).every(([name, { salt, value }]) => {
    const bytes = Buffer.from(salt, 'base64');
    return bytes.length === 32 && record.fields?.[name as FieldName] === commitField(bytes, name, value);
  });
}
