import type { DeliveryKind } from '../../entities/delivery.js';
import type { Acting } from '../context.js';
import type { Queryable } from '../database/connect.js';
import type { Keyring } from '../keys/keyring.js';
import { isSealed, seal } from '../keys/seal.js';

/** A mail that is to leave. */
export interface NewDelivery {
  readonly messageId: string;
  readonly subscriberId: string;
  readonly kind: DeliveryKind;
  readonly template: string;
  readonly consentId: string | null;
}

/** Queues mails; one that is queued already stays as it is. Returns how many are new. */
export async function queueDeliveries(
  on: Queryable,
  acting: Acting,
  deliveries: readonly NewDelivery[],
  dueAt: Date,
): Promise<number> {
  const column = <T>(pick: (delivery: NewDelivery) => T): T[] => deliveries.map(pick);
  const rows = await on.query<{ n: number }>(
    `with added as (
       insert into delivery (message_id, subscriber_id, kind, template, consent_id, state, due_at, attempts, seal)
       select m, s, k, t, c, 'queued', $6, 0, x from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::uuid[], $7::bytea[]) as row (m, s, k, t, c, x)
       on conflict (message_id, subscriber_id) do nothing returning 1)
     select count(*)::int as n from added`,
    [
      ...[
        column((d) => d.messageId),
        column((d) => d.subscriberId),
        column((d) => d.kind),
        column((d) => d.template),
        column((d) => d.consentId),
      ],
      ...[dueAt, column((d) => sealDelivery(acting.keyring, d))],
    ],
  );
  return rows[0]?.n ?? 0;
}

/** "name type" each: what `queuedRow` gives, for a statement that queues mails beside what else it writes. */
export const QUEUED = ['message uuid', 'person uuid', 'kind text', 'template text', 'consent uuid', 'seal bytea'];

/** The row of a mail in such a statement. */
export function queuedRow(acting: Acting, d: NewDelivery): unknown[] {
  return [d.messageId, d.subscriberId, d.kind, d.template, d.consentId, sealDelivery(acting.keyring, d)];
}

/** The insertion itself: reads rows of these columns from `from`, which may name conditions too. Due at parameter `due`. */
export function queueSql(from: string, due: number): string {
  return `insert into delivery (message_id, subscriber_id, kind, template, consent_id, state, due_at, attempts, seal)
    select message, person, kind, template, consent, 'queued', $${due}, 0, seal from ${from} on conflict (message_id, subscriber_id) do nothing`;
}

/** Did we queue this mail? Whoever can only write SQL cannot (T6). */
export function isOurDelivery(keyring: Keyring, delivery: NewDelivery & { seal: Buffer }): boolean {
  return isSealed(keyring, 'delivery', sealedParts(delivery), delivery.seal);
}

function sealDelivery(keyring: Keyring, delivery: NewDelivery): Buffer {
  return seal(keyring, 'delivery', sealedParts(delivery));
}

function sealedParts(d: NewDelivery): (string | null)[] {
  return [d.messageId, d.subscriberId, d.kind, d.template, d.consentId];
}
