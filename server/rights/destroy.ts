import type { Acting } from '../context.js';
import type { Tx } from '../database/connect.js';
import type { ErasedEvent } from './trace.js';

/** A mail in flight may still write its `offered` event down: then there is something to be destroyed again, in minutes. */
const AGAIN_MINUTES = 10;

/**
 * Destroys what chapters hold of a person: records, openings, fields, attachments, links, keys and indexes. Their leaves stay and say nothing. Returns the
 * events that lost their record by it: `traceErasure` has to tell of them in the same transaction.
 */
export async function destroyChapters(tx: Tx, acting: Acting, chapters: readonly string[]): Promise<ErasedEvent[]> {
  if (chapters.length === 0) return [];
  const events = await tx.query<ErasedEvent>(
    `select e.id, e.sign_up_id as "signUpId", e.commitment from consent_event e where e.sign_up_id = any($1::uuid[])
     and not exists (select from erased_leaf n where n.event_id = e.id) order by e.happened_at, e.id`,
    [chapters],
  );
  await tx.query('delete from event_body where sign_up_id = any($1::uuid[])', [chapters]);
  await tx.query('delete from event_attachment where sign_up_id = any($1::uuid[])', [chapters]);
  await tx.query('delete from offer where sign_up_id = any($1::uuid[])', [chapters]);
  await tx.query('delete from restricted_proof where sign_up_id = any($1::uuid[])', [chapters]);
  // Undecided ones are decided by this: nothing is left that could get a mail.
  await tx.query(
    `update sign_up u set blind_index = null, suppression_hash = null, evidence_key = null, sealed = null, outcome = coalesce(outcome, 'blocked'),
       purge_at = case when exists (select from delivery d where d.message_id = u.id and d.state = 'sending')
         then $2::timestamptz + interval '${AGAIN_MINUTES} minutes' end
     where u.id = any($1::uuid[])`,
    [chapters, acting.now()],
  );
  return events;
}
