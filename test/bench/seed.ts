import { randomBytes, randomUUID } from 'node:crypto';
import { isOurConsent, type SealedFacts } from '../../server/consent/act.js';
import { listBySlug, wordingOf, type ListFacts } from '../../server/consent/catalogue.js';
import { listRecord } from '../../server/consent/facts.js';
import type { Context } from '../../server/context.js';
import { blindIndex, suppressionHash } from '../../server/keys/blind-index.js';
import { encryptField } from '../../server/keys/field.js';
import { seal } from '../../server/keys/seal.js';
import { makeSubjectKey } from '../../server/keys/subject-key.js';
import { appendEvents, prepareEvent } from '../../server/ledger/append.js';

/** Rows of one statement. */
const PAGE = 1_000;

/**
 * Writes confirmed subscribers of a list as the service would have, keys, seals and events included, but a thousand in a statement, numbered from `first` on. Each
 * leaves one event in the queue of the proof log. Returns the refs of their preference pages, `refs` of them at most.
 */
export async function seedSubscribers(
  ctx: Context,
  slug: string,
  count: number,
  refs: number,
  first = 0,
): Promise<Buffer[]> {
  const list = await listBySlug(ctx, slug);
  const kept: Buffer[] = [];
  for (let made = 0; made < count; made += PAGE) {
    const rows = Array.from({ length: Math.min(PAGE, count - made) }, (_, n) => makeRow(ctx, list, first + made + n));
    await write(ctx, rows);
    kept.push(...rows.slice(0, refs - kept.length).map((row) => row.consent.preferencesRef));
  }
  for (const table of ['sign_up', 'subscriber', 'consent', 'consent_event', 'event_body', 'log_queue'])
    await ctx.db.query(`vacuum analyze ${table}`);
  return kept;
}

function makeRow(ctx: Context, list: ListFacts, place: number) {
  const { keyring } = ctx;
  const [signUpId, subscriberId] = [randomUUID(), randomUUID()];
  const address = `reader-${place}@subscribers.example`;
  const at = new Date(ctx.now().getTime() - 86_400_000);
  const wording = wordingOf(list, 'en');
  const profile = makeSubjectKey(keyring, { table: 'subscriber', column: 'profile_key', row: subscriberId });
  const evidence = makeSubjectKey(keyring, { table: 'sign_up', column: 'evidence_key', row: signUpId });
  const event = prepareEvent(keyring, {
    id: randomUUID(),
    signUpId,
    kind: 'confirmed',
    happenedAt: at,
    evidenceKey: evidence.key,
    record: { ...listRecord(list, wording, 'en'), entity: 'subject', prev_event_commit: null },
    fields: { ip: '192.0.2.1', user_agent: 'bench' },
  });
  const consent: SealedFacts = {
    id: randomUUID(),
    subscriberId,
    purposeId: list.id,
    state: 'confirmed',
    basis: 'confirmed',
    signUpId,
    lastEventId: event.id,
    frequency: 'all',
    pausedUntil: null,
    confirmedAt: at,
    unsubscribeRef: randomBytes(16),
    preferencesRef: randomBytes(16),
    mailtoRef: randomBytes(10),
  };
  const sealed = { listId: list.id, wordingId: wording.id, given: address, normal: address, formHost: 'localhost' };
  return {
    ...{ at, list, wording, event, consent, profile, evidence, signUpId, subscriberId },
    index: blindIndex(keyring, list.organisation.id, address),
    suppression: suppressionHash(keyring, list.organisation.id, address),
    address: encryptField(profile.key, { table: 'subscriber', column: 'address', row: subscriberId }, address),
    sealed: encryptField(evidence.key, { table: 'sign_up', column: 'sealed', row: signUpId }, JSON.stringify(sealed)),
    seal: sealOf(ctx, consent),
  };
}

type Row = ReturnType<typeof makeRow>;

function sealOf(ctx: Context, c: SealedFacts): Buffer {
  const parts = [c.id, c.subscriberId, c.purposeId, c.state, c.basis, c.signUpId, c.lastEventId, c.frequency];
  const made = seal(ctx.keyring, 'consent', [
    ...[...parts, c.pausedUntil, c.confirmedAt],
    ...[c.unsubscribeRef, c.preferencesRef, c.mailtoRef],
  ]);
  if (!isOurConsent(ctx.keyring, { ...c, seal: made }))
    throw new Error('the seal of a consent is made differently now');
  return made;
}

async function write(ctx: Context, rows: readonly Row[]): Promise<void> {
  const column = <T>(pick: (row: Row) => T): T[] => rows.map(pick);
  const first = rows[0];
  if (!first) return;
  const { list, wording, at } = first;
  await ctx.db.transaction(async (tx) => {
    await tx.query(
      `insert into sign_up (id, list_id, wording_id, source, language, evidence_key, sealed, requested_commitment, outcome, requested_at, consent_id)
       select i, $1, $2, 'form', 'en', k, s, m, 'confirm', $3, c from unnest($4::uuid[], $5::bytea[], $6::bytea[], $7::bytea[], $8::uuid[]) as row (i, k, s, m, c)`,
      [
        ...[list.id, wording.id, at, column((row) => row.signUpId), column((row) => row.evidence.wrapped)],
        ...[column((row) => row.sealed), column((row) => row.event.commitment), column((row) => row.consent.id)],
      ],
    );
    await tx.query(
      `insert into subscriber (id, organisation_id, blind_index, suppression_hash, profile_key, address, language, created_at)
       select i, $1, b, x, k, a, 'en', $2 from unnest($3::uuid[], $4::bytea[], $5::bytea[], $6::bytea[], $7::bytea[]) as row (i, b, x, k, a)`,
      [
        ...[list.organisation.id, at, column((row) => row.subscriberId), column((row) => row.index)],
        ...[column((row) => row.suppression), column((row) => row.profile.wrapped), column((row) => row.address)],
      ],
    );
    await tx.query(
      `insert into consent (id, subscriber_id, purpose_id, state, basis, sign_up_id, last_event_id, last_commitment, frequency, unsubscribe_ref, preferences_ref,
         mailto_ref, state_at, confirmed_at, seal)
       select i, p, $1, 'confirmed', 'confirmed', u, e, m, 'all', r1, r2, r3, t, t, x
       from unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::uuid[], $6::bytea[], $7::bytea[], $8::bytea[], $9::bytea[], $10::bytea[], $11::timestamptz[])
         as row (i, p, u, e, m, r1, r2, r3, x, t)`,
      [
        ...[list.id, column((row) => row.consent.id), column((row) => row.subscriberId), column((row) => row.signUpId)],
        ...[column((row) => row.event.id), column((row) => row.event.commitment)],
        column((row) => row.consent.unsubscribeRef),
        ...[
          column((row) => row.consent.preferencesRef),
          column((row) => row.consent.mailtoRef),
          column((row) => row.seal),
        ],
        column((row) => row.consent.confirmedAt),
      ],
    );
    await appendEvents(
      tx,
      column((row) => row.event),
    );
  });
}
