import type { Queryable, Tx } from '../database/connect.js';
import { columnsOf, unnest } from '../database/rows.js';
import { draw } from '../keys/draw.js';
import { encryptField } from '../keys/field.js';
import type { Keyring } from '../keys/keyring.js';
import { seal } from '../keys/seal.js';
import { commit, commitField, type ConsentRecord } from './record.js';

/** Fields that can be dropped, or left out of a receipt, while the record still verifies. */
export const REDACTABLE = ['address', 'ip', 'user_agent', 'mail'] as const;
export type Redactable = (typeof REDACTABLE)[number];

/** Those that few events have: the note or scan of a sign-up that staff wrote down, and a reply that confirmed. */
export const ATTACHED = ['note', 'scan', 'reply'] as const;
export type Attached = (typeof ATTACHED)[number];

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
  readonly fields: Partial<Record<Redactable | Attached, string>>;
  /** The chapter's evidence key, 32 bytes. */
  readonly evidenceKey: Buffer;
}

/** An event as the database takes it: only commitments and ciphertext. */
export interface PreparedEvent {
  readonly id: string;
  readonly commitment: Buffer;
  /** Its values, in the order of `appendSql`. */
  readonly row: readonly unknown[];
  /** For `attach`. */
  readonly attachments: readonly { readonly name: Attached; readonly sealed: Buffer }[];
}

/** The same with the event before it in the life of its consent; null: none. No two events follow the same one. */
export interface ChainedEvent extends PreparedEvent {
  readonly previous: string | null;
}

/** Columns of an event in `appendSql`. */
export const EVENT_COLUMNS = 12;

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
  const opening = draw(32);
  const commitment = commit(opening, record);
  const encrypted = (column: string, value: unknown): Buffer =>
    encryptField(event.evidenceKey, { table: 'event_body', column, row: event.id }, JSON.stringify(value));
  const field = (name: Redactable | Attached): Buffer | null => {
    const found = openings.find((one) => one.name === name);
    return found ? encrypted(name, { salt: found.salt.toString('base64'), value: found.value }) : null;
  };
  const sealed = sealEvent(keyring, event.id, event.signUpId, event.kind, commitment, event.happenedAt);
  const body = [encrypted('record', { opening: opening.toString('base64'), record }), ...REDACTABLE.map(field)];
  return {
    id: event.id,
    commitment,
    row: [event.signUpId, event.id, event.kind, commitment, event.happenedAt, sealed, ...body],
    attachments: ATTACHED.flatMap((name) => {
      const attached = field(name);
      return attached ? [{ name, sealed: attached }] : [];
    }),
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
 * The common table expressions that write events whose columns (`columnsOf`) are the arrays from parameter `first` on, for use inside another statement: a
 * state and its event are written by one statement, or neither. `changed` names an earlier expression: only events in its `last_event_id` are written.
 */
export function appendSql(first: number, changed?: string): string {
  const guard = changed ? `where id in (select last_event_id from ${changed})` : '';
  const rows = unnest(first, [
    ...['chapter uuid', 'id uuid', 'kind text', 'commitment bytea', 'at timestamptz', 'seal bytea'],
    ...['record bytea', ...REDACTABLE.map((name) => `${name} bytea`), 'previous uuid'],
  ]);
  return `fresh as (select * from ${rows} ${guard}),
    event as (
      insert into consent_event (sign_up_id, id, kind, commitment, happened_at, seal, previous_id)
      select chapter, id, kind, commitment, at, seal, previous from fresh),
    body as (
      insert into event_body (sign_up_id, event_id, record, ${REDACTABLE.join(', ')}) select chapter, id, record, ${REDACTABLE.join(', ')} from fresh)`;
}

/** Writes events that change no state. */
export async function appendEvents(tx: Queryable, events: readonly PreparedEvent[]): Promise<void> {
  if (events.length > 0) await tx.prepared(`with ${appendSql(1)} select 1`, eventColumns(events));
}

/** Keeps what an event brings along beside its row; in the transaction that writes it. */
export async function attach(tx: Tx, signUpId: string, event: PreparedEvent): Promise<void> {
  for (const { name, sealed } of event.attachments) {
    await tx.query('insert into event_attachment (sign_up_id, event_id, name, sealed) values ($1, $2, $3, $4)', [
      ...[signUpId, event.id, name, sealed],
    ]);
  }
}

/** The parameters of `appendSql`. */
export function eventColumns(events: readonly (PreparedEvent | ChainedEvent)[]): unknown[][] {
  return columnsOf(
    events.map((event) => [...event.row, 'previous' in event ? event.previous : null]),
    EVENT_COLUMNS,
  );
}

function openFields(fields: NewEvent['fields']): { name: Redactable | Attached; salt: Buffer; value: string }[] {
  return [...REDACTABLE, ...ATTACHED].flatMap((name) => {
    const value = fields[name];
    return value === undefined ? [] : [{ name, salt: draw(32), value }];
  });
}
