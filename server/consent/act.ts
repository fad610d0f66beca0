import { randomBytes, randomUUID } from 'node:crypto';
import type { Consent, Frequency } from '../../entities/consent.js';
import type { Acting } from '../context.js';
import type { Queryable } from '../database/connect.js';
import type { Keyring } from '../keys/keyring.js';
import { isSealed, seal } from '../keys/seal.js';
import { appendSql, type PreparedEvent } from '../ledger/append.js';

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
  readonly confirmedAt?: Date | null;
}

export const CONSENT_COLUMNS = `c.id, c.subscriber_id as "subscriberId", c.purpose_id as "purposeId", c.state, c.basis, c.sign_up_id as "signUpId",
  c.last_event_id as "lastEventId", c.last_commitment as "lastCommitment", c.frequency, c.paused_until as "pausedUntil", c.unsubscribe_ref as "unsubscribeRef",
  c.preferences_ref as "preferencesRef", c.mailto_ref as "mailtoRef", c.state_at as "stateAt", c.confirmed_at as "confirmedAt", c.seal`;

/**
 * Changes a consent and writes the event of it in one statement: the only door to a consent's state. False when somebody else changed it since it was
 * loaded (its last event differs): load again and decide anew. `extra`: further expressions for the same statement, with parameters from $13 + 11 on;
 * they may refer to `changed`, which has a row when the change went through. What somebody else wrote into a consent never gets our seal (T6): it throws.
 */
export async function act(
  on: Queryable,
  acting: Acting,
  consent: LoadedConsent,
  change: Change,
  event: PreparedEvent | null,
  extra: { sql: string; params: readonly unknown[] } = { sql: '', params: [] },
): Promise<boolean> {
  const at = acting.now();
  const isOurs = isOurConsent(acting.keyring, consent);
  const next = { ...consent, ...change, ...(event ? { lastEventId: event.id } : {}) };
  const stateAt = next.state === consent.state ? consent.stateAt : at;
  const params = [
    ...[
      next.id,
      consent.lastEventId,
      next.state,
      next.basis,
      next.signUpId,
      next.lastEventId,
      event?.commitment ?? consent.lastCommitment,
    ],
    ...[
      next.frequency,
      next.pausedUntil,
      stateAt,
      next.confirmedAt,
      isOurs ? sealConsent(acting.keyring, next) : unsealed(next),
    ],
    ...(event?.params ?? []),
    ...extra.params,
  ];
  const sql = `with changed as (
      update consent set state = $3::text, basis = $4::text, sign_up_id = $5::uuid, last_event_id = $6::uuid, last_commitment = $7::bytea, frequency = $8::text,
        paused_until = $9::timestamptz, state_at = $10::timestamptz, confirmed_at = $11::timestamptz, seal = $12::bytea
      where id = $1::uuid and last_event_id is not distinct from $2::uuid returning id)
    ${event ? `, ${appendSql(13, { when: 'changed', previous: isOurs ? '$2' : '$14' })}` : ''} ${extra.sql}
    select id from changed`;
  const rows = await on.prepared<{ id: string }>(sql, params);
  return rows.length === 1;
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
    ...{ frequency: 'all', pausedUntil: null, confirmedAt: null },
    ...{ unsubscribeRef: randomBytes(16), preferencesRef: randomBytes(16), mailtoRef: randomBytes(10) },
  }));
  const column = <T>(pick: (consent: SealedFacts) => T): T[] => fresh.map(pick);
  const keys = [column((c) => c.subscriberId), column((c) => c.purposeId)];
  await tx.query(
    `insert into consent (subscriber_id, purpose_id, id, sign_up_id, unsubscribe_ref, preferences_ref, mailto_ref, seal, state, frequency, state_at)
     select *, 'pending', 'all', $9 from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::bytea[], $6::bytea[], $7::bytea[], $8::bytea[])
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
  ];
}
