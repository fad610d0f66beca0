import type { Queryable } from '../database/connect.js';
import { keptUntil } from './proof-date.js';

/** Proof of a consent that was used: what somebody who is erased may still claim about, and we about them (Art. 17(3)(e)). */
export interface UsedProof {
  readonly consentId: string;
  readonly listId: string;
  /** Chapters in which it was given. */
  readonly chapters: readonly { readonly id: string; readonly evidenceKey: Buffer }[];
  /** Noon (UTC) of its last day. */
  readonly until: Date;
}

interface Row {
  consent_id: string;
  list_id: string;
  chapter: string;
  evidence_key: Buffer;
  is_on: boolean;
  last_sent: Date | null;
  last_left: Date | null;
}

/** What a person was told that is kept, by chapter: an erasure that is done again in a restored database, which does not know all uses, keeps to it. */
export type Told = ReadonlyMap<string, Date>;

/**
 * Which proof of a person outlives an erasure at `at`: that of consents under which mail was sent (or is being sent), or which were withdrawn. Everything
 * else proves nothing that anybody could need. A consent that is still in force ends with the erasure, so its period begins there.
 */
export async function usedProofs(
  on: Queryable,
  subscriberId: string,
  at: Date,
  told: Told = new Map(),
): Promise<UsedProof[]> {
  const rows = await on.query<Row>(
    `select c.id as consent_id, c.purpose_id as list_id, u.id as chapter, u.evidence_key, c.state = 'confirmed' as is_on,
       (select max(coalesce(d.settled_at, $2)) from delivery d where d.subscriber_id = c.subscriber_id and d.consent_id = c.id
          and d.kind in ('campaign', 'gateway') and d.state in ('sending', 'sent', 'unknown')) as last_sent,
       (select max(e.happened_at) from consent_event e where e.sign_up_id = u.id and e.kind = 'withdrawn') as last_left
     from consent c join sign_up u on u.consent_id = c.id
     where c.subscriber_id = $1 and u.evidence_key is not null
       and exists (select from consent_event e where e.sign_up_id = u.id and e.kind in ('confirmed', 'asserted'))
     order by u.requested_at, u.id`,
    [subscriberId, at],
  );
  const consents = [...new Set(rows.map((row) => row.consent_id))];
  return consents.flatMap((id) => {
    const chapters = rows.filter((row) => row.consent_id === id);
    const proof = proofOf(chapters, at, told);
    return proof ? [proof] : [];
  });
}

function proofOf(rows: readonly Row[], at: Date, told: Told): UsedProof | null {
  const [first] = rows;
  const uses = rows.flatMap((row) => [row.last_sent, row.last_left]).filter((one) => one !== null);
  const last = uses.length > 0 && first?.is_on ? [...uses, at] : uses;
  const ends = [...last.map(keptUntil), ...rows.flatMap((row) => told.get(row.chapter) ?? [])];
  if (!first || ends.length === 0) return null;
  return {
    consentId: first.consent_id,
    listId: first.list_id,
    chapters: rows.map((row) => ({ id: row.chapter, evidenceKey: row.evidence_key })),
    until: new Date(Math.max(...ends.map((end) => end.getTime()))),
  };
}
