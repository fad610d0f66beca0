import { catalogue } from '../consent/catalogue.js';
import type { Context } from '../context.js';
import type { Queryable, Tx } from '../database/connect.js';
import { wrapKey } from '../keys/subject-key.js';
import { evidenceKey } from '../consent/chapter.js';
import type { ErasureReason } from '../ledger/erasure.js';
import { destroyChapters } from './destroy.js';
import { endEverything } from './end.js';
import { journalErasures } from './journal.js';
import { traceErasure } from './trace.js';
import { usedProofs, type Told, type UsedProof } from './used-proof.js';

/** What an erasure does not destroy at once: the person is told (Art. 12(4)). */
export interface Remains {
  readonly proofs: readonly UsedProof[];
  /** A keyed hash stands, by which the address is never written to again. */
  readonly isSuppressed: boolean;
}

export interface Erasure extends Remains {
  readonly erasedAt: Date;
}

/** What would stay of a person if they were erased at `at`; changes nothing. */
export async function remainsOf(on: Queryable, subscriberId: string, at: Date, told?: Told): Promise<Remains> {
  const [hash] = await on.query(
    `select 1 from suppression x join subscriber s on s.organisation_id = x.organisation_id and s.suppression_hash = x.hash
     where s.id = $1 and (x.until is null or x.until > $2) limit 1`,
    [subscriberId, at],
  );
  return { proofs: await usedProofs(on, subscriberId, at, told), isSuppressed: hash !== undefined };
}

/**
 * Erases a person, in one transaction (Art. 17): key, address and index at once, every consent ended, every record destroyed that proves nothing. Used proof is
 * restricted until its date, under its own key. Null when there is nobody, or nobody any more. What a rule wants and the person has had restricted, stays (Art. 18).
 */
export async function erase(
  ctx: Context,
  { subscriberId, cause, told }: { subscriberId: string; cause: ErasureReason['cause']; told?: Told },
): Promise<Erasure | null> {
  const known = await catalogue(ctx);
  const erasedAt = ctx.now();
  const done = await ctx.db.transaction(async (tx) => {
    const person = await lockPerson(tx, subscriberId);
    if (!person || (cause === 'retention' && person.isRestricted)) return null;
    const remains = await remainsOf(tx, subscriberId, erasedAt, told);
    const chapters = await endEverything(ctx, tx, known, { ...person, cause, at: erasedAt });
    const kept = new Set(remains.proofs.flatMap((proof) => proof.chapters.map(({ id }) => id)));
    const events = await destroyChapters(
      tx,
      ctx,
      chapters.filter((id) => !kept.has(id)),
    );
    const erasureId = await traceErasure(tx, ctx, events, { cause, subscriberId });
    if (erasureId) await restrict(ctx, tx, erasureId, remains.proofs);
    await forget(tx, person, erasedAt);
    return { ...remains, erasedAt };
  });
  if (!done) return null;
  ctx.bell.ring('event');
  await journalErasures(ctx);
  return done;
}

/** Somebody who is being erased. */
export interface Person {
  readonly id: string;
  readonly organisationId: string;
  readonly blindIndex: Buffer | null;
  readonly isRestricted: boolean;
}

// Mails, withdrawals and other erasures wait for it; a sign-up that is being decided does not, and we wait for its row in turn.
async function lockPerson(tx: Tx, subscriberId: string): Promise<Person | null> {
  const [person] = await tx.query<Person>(
    `select id, organisation_id as "organisationId", blind_index as "blindIndex", restricted_at is not null as "isRestricted"
     from subscriber where id = $1 and erased_at is null for no key update`,
    [subscriberId],
  );
  return person ?? null;
}

/** Moves the keys of used proof to where nothing but the law's own purposes looks: everywhere else these chapters count as erased. */
async function restrict(ctx: Context, tx: Tx, erasureId: string, proofs: readonly UsedProof[]): Promise<void> {
  for (const { until, chapters } of proofs) {
    for (const { id, evidenceKey: wrapped } of chapters) {
      const place = { table: 'restricted_proof', column: 'evidence_key', row: id };
      await tx.query(
        'insert into restricted_proof (sign_up_id, erasure_id, evidence_key, until) values ($1, $2, $3, $4)',
        [id, erasureId, wrapKey(ctx.keyring, place, evidenceKey(ctx.keyring, id, wrapped)), until],
      );
    }
  }
  await tx.query(
    'update sign_up set blind_index = null, suppression_hash = null, evidence_key = null, sealed = null, purge_at = null where id = any($1::uuid[])',
    [proofs.flatMap((proof) => proof.chapters.map(({ id }) => id))],
  );
}

async function forget(tx: Tx, { id, organisationId, blindIndex }: Person, at: Date): Promise<void> {
  await tx.query('delete from campaign_visit where subscriber_id = $1', [id]);
  await tx.query('delete from session where subscriber_id = $1', [id]);
  await tx.query('delete from attribute_mark where subscriber_id = $1', [id]);
  await tx.query('delete from magic_link where subscriber_id = $1', [id]);
  await tx.query('delete from magic_request where organisation_id = $1 and blind_index = $2', [
    organisationId,
    blindIndex,
  ]);
  await tx.query(
    'update subscriber set blind_index = null, suppression_hash = null, profile_key = null, address = null, attributes = null, erased_at = $2 where id = $1',
    [id, at],
  );
}
