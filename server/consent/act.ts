import { randomUUID } from 'node:crypto';
import type { Consent, Frequency } from '../../entities/consent.js';
import type { Acting } from '../context.js';
import type { Queryable } from '../database/connect.js';
import { columnsOf, unnest } from '../database/rows.js';
import { draw } from '../keys/draw.js';
import type { Keyring } from '../keys/keyring.js';
import { isSealed, seal } from '../keys/seal.js';
import { appendSql, EVENT_COLUMNS, eventColumns, type PreparedEvent } from '../ledger/append.js';

/** What a consent's seal covers: all that decides whether it may be mailed (T6). */
export type SealedFacts = Pick<
  Consent,
  | 'id'
  | 'subscriberId'
  | 'purposeId'
  | 'state'
  | 'basis'
  | 'signUpId'
  | 'lastEventId'
  | 'frequency'
  | 'pausedUntil'
  | 'topics'
  | 'confirmedAt'
  | 'unsubscribeRef'
  | 'preferencesRef'
  | 'mailtoRef'
>;

/** A consent as an action loads it. */
export type LoadedConsent = SealedFacts & Pick<Consent, 'lastCommitment' | 'stateAt' | 'seal'>;

export interface Change {
  readonly state?: Consent['state'];
  readonly basis?: string | null;
  readonly signUpId?: string;
  readonly frequency?: Frequency;
  readonly pausedUntil?: Date | null;
  readonly topics?: string[];
  readonly confirmedAt?: Date | null;
}

export const CONSENT_COLUMNS = `c.id, c.subscriber_id as "subscriberId", c.purpose_id as "purposeId", c.state, c.basis, c.sign_up_id as "signUpId",
  c.last_event_id as "lastEventId", c.last_commitment as "lastCommitment", c.frequency, c.paused_until as "pausedUntil", c.unsubscribe_ref as "unsubscribeRef",
  c.preferences_ref as "preferencesRef", c.mailto_ref as "mailtoRef", c.state_at as "stateAt", c.confirmed_at as "confirmedAt", c.topics, c.seal`;

/** One change of a consent, with the event of it. */
export interface Act {
  readonly consent: LoadedConsent;
  readonly change: Change;
  readonly event: PreparedEvent | null;
}

/** What else the statement does for each act whose change went through: further expressions that read `done`, whose columns are `columns`. */
export interface Also {
  /** "name type" each. The first is the event's id. */
  readonly columns: readonly string[];
  readonly sql: string;
  /** One for each act. */
  readonly rows: readonly (readonly unknown[])[];
}

const CONSENT_WIDTH = 13;

/** Changes one consent: as `actAll`. */
export async function act(
  on: Queryable,
  acting: Acting,
  consent: LoadedConsent,
  change: Change,
  event: PreparedEvent | null,
): Promise<boolean> {
  return (await actAll(on, acting, [{ consent, change, event }]))[0] === true;
}

/**
 * Changes consents and writes the events of it in one statement: the only door to a consent's state. Tells of each whether it went through: not when somebody
 * else changed it since it was loaded (its last event differs), or another act of the same call did; then load again and decide anew. What somebody else wrote
 * into a consent never gets our seal (T6): it throws.
 */
export async function actAll(
  on: Queryable,
  acting: Acting,
  acts: readonly Act[],
  also: Also = { columns: [], sql: '', rows: [] },
): Promise<boolean[]> {
  const judged = acts.map((one) => ({ ...one, isOurs: isOurConsent(acting.keyring, one.consent) }));
  const rows = judged.map((one) => rowOf(acting, one));
  const events = judged.flatMap(({ event, consent, isOurs }) =>
    event ? [{ ...event, previous: isOurs ? consent.lastEventId : event.id }] : [],
  );
  const extra = CONSENT_WIDTH + EVENT_COLUMNS + 1;
  const done =
    also.columns.length > 0
      ? `, done as (select * from ${unnest(extra, also.columns)} where ${also.columns[0]?.split(' ')[0] ?? ''} in (select last_event_id from changed)) ${also.sql}`
      : '';
  // Planned each time: its joins suit a small table or a large one, and tables grow.
  const changed = await on.query<{ id: string; last_event_id: string | null }>(
    `with changed as (
      update consent c set state = row.state, basis = row.basis, sign_up_id = row.chapter, last_event_id = row.next, last_commitment = row.commitment,
        frequency = row.frequency, paused_until = row.paused, state_at = row.at, confirmed_at = row.confirmed, seal = row.seal,
        topics = array(select jsonb_array_elements_text(row.topics))
      from ${unnest(1, CONSENT_ROW)}
      where c.id = row.id and c.last_event_id is not distinct from row.last returning c.id, c.last_event_id),
    ${appendSql(CONSENT_WIDTH + 1, 'changed')} ${done}
    select id, last_event_id from changed`,
    [...columnsOf(rows, CONSENT_WIDTH), ...eventColumns(events), ...columnsOf(also.rows, also.columns.length)],
  );
  const now = new Map(changed.map((row) => [row.id, row.last_event_id]));
  return acts.map(({ consent, event }) => now.has(consent.id) && (!event || now.get(consent.id) === event.id));
}

const CONSENT_ROW = [
  ...['id uuid', 'last uuid', 'state text', 'basis text', 'chapter uuid', 'next uuid', 'commitment bytea'],
  ...['frequency text', 'paused timestamptz', 'at timestamptz', 'confirmed timestamptz', 'seal bytea', 'topics jsonb'],
];

function rowOf(acting: Acting, { consent, change, event, isOurs }: Act & { isOurs: boolean }): unknown[] {
  const next = { ...consent, ...change, ...(event ? { lastEventId: event.id } : {}) };
  return [
    ...[next.id, consent.lastEventId, next.state, next.basis, next.signUpId, next.lastEventId],
    ...[event?.commitment ?? consent.lastCommitment, next.frequency, next.pausedUntil],
    ...[next.state === consent.state ? consent.stateAt : acting.now(), next.confirmedAt],
    isOurs ? sealConsent(acting.keyring, next) : unsealed(next),
    // An array of arrays would have to be even.
    JSON.stringify(next.topics),
  ];
}

/** Makes pending consents of subscribers for purposes, where there are none; returns them either way, in the same order. None may be asked for twice. */
export async function openConsents(
  tx: Queryable,
  acting: Acting,
  wanted: readonly { subscriberId: string; purposeId: string; signUpId: string }[],
): Promise<LoadedConsent[]> {
  const fresh = wanted.map((of): SealedFacts => ({
    ...of,
    ...{ id: randomUUID(), state: 'pending', basis: null, lastEventId: null },
    ...{ frequency: 'all', pausedUntil: null, topics: [], confirmedAt: null },
    ...{ unsubscribeRef: draw(16), preferencesRef: draw(16), mailtoRef: draw(10) },
  }));
  const column = <T>(pick: (consent: SealedFacts) => T): T[] => fresh.map(pick);
  const keys = [column((c) => c.subscriberId), column((c) => c.purposeId)];
  await tx.query(
    `insert into consent (subscriber_id, purpose_id, id, sign_up_id, unsubscribe_ref, preferences_ref, mailto_ref, seal, state, frequency, state_at, language)
     select row.*, 'pending', 'all', $9, s.language from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::bytea[], $6::bytea[], $7::bytea[], $8::bytea[]) as row (subscriber)
     join subscriber s on s.id = row.subscriber
     on conflict (subscriber_id, purpose_id) do nothing`,
    [
      ...[...keys, column((c) => c.id), column((c) => c.signUpId)],
      ...[column((c) => c.unsubscribeRef), column((c) => c.preferencesRef), column((c) => c.mailtoRef)],
      ...[column((c) => sealConsent(acting.keyring, c)), acting.now()],
    ],
  );
  const found = await tx.query<LoadedConsent>(
    `select ${CONSENT_COLUMNS} from unnest($1::uuid[], $2::uuid[]) with ordinality as row (s, p, place)
     join consent c on c.subscriber_id = row.s and c.purpose_id = row.p order by row.place`,
    keys,
  );
  if (found.length !== wanted.length) throw new Error('a consent that was just made is gone');
  return found;
}

/** Was this consent last written by us? */
export function isOurConsent(keyring: Keyring, consent: SealedFacts & { seal: Buffer }): boolean {
  return isSealed(keyring, 'consent', sealedParts(consent), consent.seal);
}

// Leaving works all the same, and stays unsealed: no mail goes by such a row, whatever is done to it.
function unsealed(next: LoadedConsent): Buffer {
  if (next.state === 'confirmed' || next.state === 'pending')
    throw new Error('a consent that we did not write cannot be changed');
  return next.seal;
}

function sealConsent(keyring: Keyring, consent: SealedFacts): Buffer {
  return seal(keyring, 'consent', sealedParts(consent));
}

function sealedParts(c: SealedFacts): (string | Date | Buffer | null)[] {
  return [
    c.id,
    c.subscriberId,
    c.purposeId,
    c.state,
    c.basis,
    c.signUpId,
    c.lastEventId,
    c.frequency,
    c.pausedUntil,
    c.confirmedAt,
    c.unsubscribeRef,
    c.preferencesRef,
    c.mailtoRef,
    // Consents from before there were topics keep their seals.
    ...(c.topics.length > 0 ? [JSON.stringify(c.topics)] : []),
  ];
}
