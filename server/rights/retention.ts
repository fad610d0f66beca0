import { randomUUID } from 'node:crypto';
import { act, CONSENT_COLUMNS, type LoadedConsent } from '../consent/act.js';
import { listById } from '../consent/catalogue.js';
import { evidenceKey } from '../consent/chapter.js';
import { listRecord } from '../consent/facts.js';
import type { Context } from '../context.js';
import { prepareEvent } from '../ledger/append.js';
import { destroyChapters } from './destroy.js';
import { lastDayOver } from './proof-date.js';
import { traceErasure } from './trace.js';

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
 * else needs it. The leaves stay and say nothing; one `erased` event names all that went together. What is restricted stays (Art. 18). Returns how many sign-ups
 * were purged.
 */
export async function purgeUnconfirmed(ctx: Context): Promise<number> {
  const purged = await ctx.db.transaction(async (tx) => {
    const rows = await tx.query<{ id: string; consent_id: string | null }>(
      `select u.id, u.consent_id from sign_up u where ${IS_DUE} order by u.purge_at limit ${PAGE} for update skip locked`,
      [ctx.now()],
    );
    if (rows.length === 0) return 0;
    const chapters = rows.map((row) => row.id);
    const events = await destroyChapters(tx, ctx, chapters);
    await traceErasure(tx, ctx, events, { cause: 'retention', rule: 'unconfirmed' });
    // A subscriber stays for a confirmed or former consent, and for another request that still runs.
    await tx.query(
      `update subscriber s set blind_index = null, suppression_hash = null, profile_key = null, address = null, erased_at = $2
       where s.erased_at is null and s.id in (select c.subscriber_id from consent c where c.id = any($1))
         and not exists (select from consent c where c.subscriber_id = s.id and (c.confirmed_at is not null or c.state in ('confirmed', 'withdrawn')))
         and not exists (select from sign_up u join consent c on c.id = u.consent_id where c.subscriber_id = s.id and u.evidence_key is not null)`,
      [rows.flatMap((row) => row.consent_id ?? []), ctx.now()],
    );
    return rows.length;
  });
  if (purged > 0) ctx.bell.ring('event');
  return purged;
}

const IS_DUE = `u.purge_at <= $1 and not exists (
  select from consent c join subscriber s on s.id = c.subscriber_id where c.id = u.consent_id and s.restricted_at is not null and s.erased_at is null)`;

/** What the rules would destroy now; nothing is changed. */
export async function countDue(ctx: Context): Promise<{ unconfirmed: number; proofs: number }> {
  const [row] = await ctx.db.query<{ unconfirmed: number; proofs: number }>(
    `select (select count(*)::int from sign_up u where ${IS_DUE}) as unconfirmed,
       (select count(*)::int from restricted_proof where until <= $2) as proofs`,
    [ctx.now(), lastDayOver(ctx.now())],
  );
  return { unconfirmed: row?.unconfirmed ?? 0, proofs: row?.proofs ?? 0 };
}

/** Destroys the used proof of erased people whose last day is over (C-20), a page at a time, so that it goes on after a crash. Returns how many chapters. */
export async function destroyOldProofs(ctx: Context): Promise<number> {
  const destroyed = await ctx.db.transaction(async (tx) => {
    const rows = await tx.query<{ id: string }>(
      `select sign_up_id as id from restricted_proof where until <= $1 order by until limit ${PAGE} for update skip locked`,
      [lastDayOver(ctx.now())],
    );
    const chapters = rows.map((row) => row.id);
    const events = await destroyChapters(tx, ctx, chapters);
    await traceErasure(tx, ctx, events, { cause: 'retention', rule: 'proof-over' });
    return chapters.length;
  });
  if (destroyed > 0) {
    ctx.logger.info({ chapters: destroyed }, 'proof that was kept for claims was destroyed on its date');
    ctx.bell.ring('event');
  }
  return destroyed;
}

/** Forgets sessions, links, requests and tokens of providers whose time is over. */
export async function sweep(ctx: Context): Promise<number> {
  const now = ctx.now();
  await ctx.db.query('delete from session where expires_at < $1', [now]);
  await ctx.db.query(`delete from magic_request where decided_at < $1::timestamptz - interval '1 day'`, [now]);
  await ctx.db.query(`delete from magic_link where expires_at < $1::timestamptz - interval '2 days'`, [now]);
  await ctx.db.query('delete from suppression where until < $1', [now]);
  await ctx.db.query(`delete from webhook_token where seen_at < $1::timestamptz - interval '2 days'`, [now]);
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
