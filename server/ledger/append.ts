import { randomBytes } from 'node:crypto';
import type { Queryable } from '../database/connect.js';
import { encryptField } from '../keys/field.js';
import type { Keyring } from '../keys/keyring.js';
import { seal } from '../keys/seal.js';
import { commit, commitField, type ConsentRecord } from './record.js';

/** Fields that can be dropped, or left out of a receipt, while the record still verifies. */
export const REDACTABLE = ['address', 'ip', 'user_agent', 'mail'] as const;
export type Redactable = (typeof REDACTABLE)[number];

/** A fact about to be written down. `record` comes without its id, kind, time and field commitments: they are filled in here. */
export interface NewEvent {
  readonly id: string;
  readonly signUpId: string;
  readonly kind: ConsentRecord['kind'];
  readonly happenedAt: Date;
  readonly record: Omit<
    ConsentRecord,
    'record_id' | 'subject_ref' | 'kind' | 'happened_at' | 'fields' | 'schema_version'
  >;
  readonly fields: Partial<Record<Redactable, string>>;
  /** The chapter's evidence key, 32 bytes. */
  readonly evidenceKey: Buffer;
}

/** An event as the database takes it: only commitments and ciphertext. */
export interface PreparedEvent {
  readonly id: string;
  readonly commitment: Buffer;
  readonly params: readonly unknown[];
}

/** How many parameters an event takes in `appendSql`. */
export const EVENT_PARAMS = 11;

/** Commits, seals and encrypts an event (P-01, P-02, T6). */
export function prepareEvent(keyring: Keyring, event: NewEvent): PreparedEvent {
  const openings = openFields(event.fields);
  const record: ConsentRecord = {
    schema_version: 1,
    record_id: event.id,
    subject_ref: event.signUpId,
    kind: event.kind,
    happened_at: event.happenedAt.toISOString(),
    ...event.record,
    fields: Object.fromEntries(openings.map(({ name, salt, value }) => [name, commitField(salt, name, value)])),
  };
  const opening = randomBytes(32);
  const commitment = commit(opening, record);
  const encrypted = (column: string, value: unknown): Buffer =>
    encryptField(event.evidenceKey, { table: 'event_body', column, row: event.id }, JSON.stringify(value));
  const field = (name: Redactable): Buffer | null => {
    const found = openings.find((one) => one.name === name);
    return found ? encrypted(name, { salt: found.salt.toString('base64'), value: found.value }) : null;
  };
  const sealed = sealEvent(keyring, event.id, event.signUpId, event.kind, commitment, event.happenedAt);
  const body = [encrypted('record', { opening: opening.toString('base64'), record }), ...REDACTABLE.map(field)];
  return {
    id: event.id,
    commitment,
    params: [event.signUpId, event.id, event.kind, commitment, event.happenedAt, sealed, ...body],
  };
}

/** The seal of an event, over all that its row says. */
export function sealEvent(
  keyring: Keyring,
  id: string,
  signUpId: string,
  kind: string,
  commitment: Buffer,
  at: Date,
): Buffer {
  return seal(keyring, 'consent_event', [id, signUpId, kind, commitment, at]);
}

/**
 * The common table expressions that write one event whose parameters start at $`first`, for use inside another statement: a state and its event are
 * written by one statement, or neither. `when` names an earlier expression that must have a row; `previous` the parameter with the last event before.
 */
export function appendSql(first: number, { when, previous }: { when?: string; previous?: string } = {}): string {
  const p = (place: number): string => `$${first + place}`;
  const guard = when ? ` where exists (select from ${when})` : '';
  return `event as (
      insert into consent_event (sign_up_id, id, kind, commitment, happened_at, seal, previous_id)
      select ${p(0)}::uuid, ${p(1)}::uuid, ${p(2)}::text, ${p(3)}::bytea, ${p(4)}::timestamptz, ${p(5)}::bytea, ${previous ?? 'null'}::uuid${guard}),
    body as (
      insert into event_body (sign_up_id, event_id, record, address, ip, user_agent, mail)
      select ${p(0)}::uuid, ${p(1)}::uuid, ${p(6)}::bytea, ${p(7)}::bytea, ${p(8)}::bytea, ${p(9)}::bytea, ${p(10)}::bytea${guard})`;
}

/** Writes an event that changes no state. */
export async function appendEvent(tx: Queryable, event: PreparedEvent): Promise<void> {
  await tx.prepared(`with ${appendSql(1)} select 1`, event.params);
}

function openFields(fields: NewEvent['fields']): { name: Redactable; salt: Buffer; value: string }[] {
  return REDACTABLE.flatMap((name) => {
    const value = fields[name];
    return value === undefined ? [] : [{ name, salt: randomBytes(32), value }];
  });
}
