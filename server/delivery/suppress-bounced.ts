import type { Bounce } from '../../entities/delivery.js';
import { suppressionEntry, type JournalEntry } from '../consent/journal.js';
import type { Acting } from '../context.js';
import type { Queryable, Tx } from '../database/connect.js';

/** A mail that came back. */
export interface CameBack {
  readonly subscriberId: string;
  readonly bounce: Bounce | null;
}

const DAY_MS = 86_400_000;

/** So long nothing is sent to an address that is none. Then it is tried again: mailboxes come back. */
export const HARD_DAYS = 365;
/** So many mails of so many days must have come back softly before an address is left in peace, and for how long. */
export const SOFT = { count: 5, withinDays: 60, restDays: 90 } as const;

interface Suppressed {
  readonly organisation: string;
  readonly hash: Buffer;
  readonly until: Date;
}

/**
 * Keeps further mail from addresses to which mails came back: at once where it was hard, after some where it was soft, never where we are to blame. Call it once
 * the deliveries say so, in the same transaction. Somebody who was erased has no address any more. Returns what the journal must have, after the commit.
 */
export async function suppressBounced(tx: Tx, acting: Acting, mails: readonly CameBack[]): Promise<JournalEntry[]> {
  const counted = mails.filter(({ bounce }) => bounce === 'hard' || bounce === 'soft');
  if (counted.length === 0) return [];
  const at = acting.now();
  const people = [...new Set(counted.map(({ subscriberId }) => subscriberId))];
  const inDays = (days: number): Date => new Date(at.getTime() + days * DAY_MS);
  // Two soft ones at the same moment must see each other.
  await tx.query('select 1 from subscriber where id = any($1::uuid[]) order by id for no key update', [people]);
  const rows = await tx.query<Suppressed>(
    `with judged as (
       select s.organisation_id as o, s.suppression_hash as h, s.id = any($2::uuid[]) as is_hard from subscriber s
       where s.id = any($1::uuid[]) and s.suppression_hash is not null and (s.id = any($2::uuid[]) or ${SOFT.count} <= (
         select count(*) from delivery d where d.subscriber_id = s.id and d.bounce = 'soft' and d.bounced_at > $3)))
     insert into suppression (organisation_id, hash, reason, until, created_at)
     select o, h, 'bounce', case when is_hard then $4::timestamptz else $5::timestamptz end, $6 from judged
     on conflict (organisation_id, hash, reason) do update set until = excluded.until where suppression.until < excluded.until
     returning organisation_id as organisation, hash, until`,
    [
      people,
      counted.filter(({ bounce }) => bounce === 'hard').map(({ subscriberId }) => subscriberId),
      ...[inDays(-SOFT.withinDays), inDays(HARD_DAYS), inDays(SOFT.restDays), at],
    ],
  );
  return rows.map((row) => suppressionEntry({ ...row, reason: 'bounce', at }));
}

/** What the journal must have of somebody's bounces: a repeat writes what the first time may have failed to. */
export async function bounceEntries(on: Queryable, subscriberId: string): Promise<JournalEntry[]> {
  const rows = await on.query<Suppressed & { at: Date }>(
    `select x.organisation_id as organisation, x.hash, x.until, x.created_at as at from suppression x
     join subscriber s on s.organisation_id = x.organisation_id and s.suppression_hash = x.hash
     where s.id = $1 and x.reason = 'bounce' and x.until is not null`,
    [subscriberId],
  );
  return rows.map((row) => suppressionEntry({ ...row, reason: 'bounce' }));
}
