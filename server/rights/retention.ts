import { randomUUID } from 'node:crypto';
import { act, CONSENT_COLUMNS, type LoadedConsent } from '../consent/act.js';
import { listById } from '../consent/catalogue.js';
import { evidenceKey } from '../consent/chapter.js';
import { listRecord } from '../consent/facts.js';
import type { Context } from '../context.js';
import { prepareEvent } from '../ledger/append.js';

const PAGE = 200;

/** Ends requests that nobody confirmed in time: an `expired` event each. Returns how many. */
export async function expirePending(ctx: Context): Promise<number> {
  const rows = await ctx.db.query<
    LoadedConsent & { wording_id: string; language: string; evidence_key: Buffer | null }
  >(
    `select ${CONSENT_COLUMNS}, u.wording_id, u.language, u.evidence_key from consent c join sign_up u on u.id = c.sign_up_id
     where c.state = 'pending' and c.last_event_id is not null and u.evidence_key is not null
       and not exists (select from offer o where o.consent_id = c.id and o.expires_at > $1) order by c.state_at limit ${PAGE}`,
    [ctx.now()],
  );
  let done = 0;
  for (const row of rows) {
    if (await expireOne(ctx, row)) done += 1;
  }
  if (done > 0) ctx.bell.ring('event');
  return done;
}

/**
 * Deletes what unconfirmed sign-ups hold of a person, on its day (C-07): the evidence key with all that it encrypts, the indexes, and the subscriber if nothing
 * else needs it. The leaves stay and say nothing. Returns how many sign-ups were purged.
 */
export async function purgeUnconfirmed(ctx: Context): Promise<number> {
  return ctx.db.transaction(async (tx) => {
    const rows = await tx.query<{ id: string; consent_id: string | null }>(
      `select id, consent_id from sign_up where purge_at <= $1 order by purge_at limit ${PAGE} for update skip locked`,
      [ctx.now()],
    );
    const ids = rows.map((row) => row.id);
    if (ids.length === 0) return 0;
    await tx.query('delete from event_body where sign_up_id = any($1)', [ids]);
    await tx.query('delete from offer where sign_up_id = any($1)', [ids]);
    await tx.query(
      'update sign_up set blind_index = null, suppression_hash = null, evidence_key = null, sealed = null, purge_at = null where id = any($1)',
      [ids],
    );
    // A subscriber stays for a confirmed or former consent, and for another request that still runs.
    await tx.query(
      `update subscriber s set blind_index = null, suppression_hash = null, profile_key = null, address = null, erased_at = $2
       where s.erased_at is null and s.id in (select c.subscriber_id from consent c where c.id = any($1))
         and not exists (select from consent c where c.subscriber_id = s.id and (c.confirmed_at is not null or c.state in ('confirmed', 'withdrawn')))
         and not exists (select from sign_up u join consent c on c.id = u.consent_id where c.subscriber_id = s.id and u.evidence_key is not null)`,
      [rows.flatMap((row) => row.consent_id ?? []), ctx.now()],
    );
    return ids.length;
  });
}

/** Forgets sessions, links and requests whose time is over. */
export async function sweep(ctx: Context): Promise<number> {
  const now = ctx.now();
  await ctx.db.query('delete from session where expires_at < $1', [now]);
  await ctx.db.query(`delete from magic_request where decided_at < $1::timestamptz - interval '1 day'`, [now]);
  await ctx.db.query(`delete from magic_link where expires_at < $1::timestamptz - interval '2 days'`, [now]);
  await ctx.db.query('delete from suppression where until < $1', [now]);
  return 0;
}

async function expireOne(
  ctx: Context,
  row: LoadedConsent & { wording_id: string; language: string; evidence_key: Buffer | null },
): Promise<boolean> {
  const list = await listById(ctx, row.purposeId);
  const wording = list.wordings.find((one) => one.id === row.wording_id);
  if (!wording || !row.evidence_key) return false;
  const event = prepareEvent(ctx.keyring, {
    id: randomUUID(),
    signUpId: row.signUpId,
    kind: 'expired',
    happenedAt: ctx.now(),
    evidenceKey: evidenceKey(ctx.keyring, row.signUpId, row.evidence_key),
    record: {
      ...listRecord(list, wording, row.language),
      entity: 'system',
      cause: 'not confirmed in time',
      prev_event_commit: row.lastCommitment?.toString('base64') ?? null,
    },
    fields: {},
  });
  return act(ctx.db, ctx, row, { state: 'expired' }, event);
}
