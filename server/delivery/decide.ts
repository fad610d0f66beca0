import { randomUUID } from 'node:crypto';
import type { Consent } from '../../entities/consent.js';
import { openConsent } from '../consent/act.js';
import { catalogue, listIn, type Catalogue, type ListFacts } from '../consent/catalogue.js';
import { evidenceKey, openSignUp } from '../consent/chapter.js';
import { listRecord } from '../consent/facts.js';
import { decideSignUp, type SignUpOutcome } from '../consent/states.js';
import { openSubscriber } from '../consent/subscriber.js';
import type { Context } from '../context.js';
import type { Tx } from '../database/connect.js';
import { appendEvent, prepareEvent } from '../ledger/append.js';
import { queueDeliveries } from './queue.js';

interface Row {
  id: string;
  list_id: string;
  wording_id: string;
  language: string;
  blind_index: Buffer;
  suppression_hash: Buffer;
  evidence_key: Buffer;
  sealed: Buffer;
  requested_commitment: Buffer;
}

/**
 * Decides what waiting sign-ups mean and queues their mails; returns how many were decided. Every sign-up leads to one more event, whatever the state of the
 * address: `offered` when its mail is built, else `noted`, so that the log's growth tells nothing (T2).
 */
export async function decideSignUps(ctx: Context, most = 50): Promise<number> {
  const known = await catalogue(ctx);
  const queued = await ctx.db.transaction(async (tx) => {
    const rows = await tx.query<Row>(
      `select id, list_id, wording_id, language, blind_index, suppression_hash, evidence_key, sealed, requested_commitment
       from sign_up where outcome is null and blind_index is not null and evidence_key is not null order by requested_at limit $1 for update skip locked`,
      [most],
    );
    // In one order everywhere, so that two workers cannot wait for each other.
    rows.sort((a, b) => Buffer.compare(a.blind_index, b.blind_index));
    for (const row of rows) await decideOne(ctx, tx, known, row);
    return rows.length;
  });
  if (queued > 0) {
    ctx.bell.ring('mail');
    ctx.bell.ring('event');
  }
  return queued;
}

async function decideOne(ctx: Context, tx: Tx, known: Catalogue, row: Row): Promise<void> {
  const list = listIn(known, row.list_id);
  const facts = await lookUp(ctx, tx, row, list.organisation.id);
  const outcome = decideSignUp(facts, ctx.config.abuseLimits);
  const consentId = outcome === 'confirm' ? await openFor(ctx, tx, row, list.organisation.id) : facts.consentId;
  if (outcome === 'already' && facts.subscriberId) {
    await queueDeliveries(
      tx,
      ctx,
      [mail(row.id, facts.subscriberId, 'transactional', 'already', facts.consentId)],
      ctx.now(),
    );
  }
  if (outcome !== 'confirm') await note(ctx, tx, list, row);
  await tx.query('update sign_up set outcome = $2, consent_id = $3 where id = $1', [
    row.id,
    outcome satisfies SignUpOutcome,
    consentId,
  ]);
}

async function openFor(ctx: Context, tx: Tx, row: Row, organisationId: string): Promise<string> {
  const signUp = openSignUp(evidenceKey(ctx.keyring, row.id, row.evidence_key), row.id, row.sealed);
  const subscriberId = await openSubscriber(tx, ctx, {
    organisationId,
    blindIndex: row.blind_index,
    suppressionHash: row.suppression_hash,
    address: signUp.given,
    language: row.language,
  });
  const consent = await openConsent(tx, ctx, { subscriberId, purposeId: row.list_id, signUpId: row.id });
  await queueDeliveries(tx, ctx, [mail(row.id, subscriberId, 'confirmation', 'confirmation', consent.id)], ctx.now());
  return consent.id;
}

function mail(
  messageId: string,
  subscriberId: string,
  kind: 'confirmation' | 'transactional',
  template: string,
  consentId: string | null,
) {
  return { messageId, subscriberId, kind, template, consentId };
}

async function note(ctx: Context, tx: Tx, list: ListFacts, row: Row): Promise<void> {
  const wording = list.wordings.find((one) => one.id === row.wording_id);
  if (!wording) throw new Error('a wording that was agreed to is gone');
  const record = {
    ...listRecord(list, wording, row.language),
    entity: 'system',
    prev_event_commit: row.requested_commitment.toString('base64'),
  };
  const key = evidenceKey(ctx.keyring, row.id, row.evidence_key);
  const event = {
    id: randomUUID(),
    signUpId: row.id,
    kind: 'noted' as const,
    happenedAt: ctx.now(),
    evidenceKey: key,
    record,
    fields: {},
  };
  await appendEvent(tx, prepareEvent(ctx.keyring, event));
}

interface Facts {
  state: Consent['state'] | null;
  consentId: string | null;
  subscriberId: string | null;
  isBlocked: boolean;
  mailsToday: number;
  mailsThisWeek: number;
}

async function lookUp(ctx: Context, tx: Tx, row: Row, organisationId: string): Promise<Facts> {
  const at = ctx.now();
  // Mails that the person answered do not count: only the owner of the mailbox can answer, so those were no bombs.
  const [found] = await tx.query<Facts>(
    `select
       p.id as "subscriberId", c.id as "consentId", c.state,
       exists (select from suppression x where x.organisation_id = $1 and x.hash = $3 and x.reason <> 'objection' and (x.until is null or x.until > $5)) as "isBlocked",
       (select count(*)::int from sign_up u where u.consent_id = c.id and u.outcome in ('confirm', 'already') and u.requested_at > $5::timestamptz - interval '24 hours'
         and not exists (select from offer o where o.sign_up_id = u.id and o.used_by is not null)) as "mailsToday",
       (select count(*)::int from sign_up u join consent k on k.id = u.consent_id where k.subscriber_id = p.id and u.outcome in ('confirm', 'already')
         and u.requested_at > $5::timestamptz - interval '7 days'
         and not exists (select from offer o where o.sign_up_id = u.id and o.used_by is not null)) as "mailsThisWeek"
     from (select 1) as one
     left join subscriber p on p.organisation_id = $1 and p.blind_index = $2
     left join consent c on c.subscriber_id = p.id and c.purpose_id = $4`,
    [organisationId, row.blind_index, row.suppression_hash, row.list_id, at],
  );
  if (!found) throw new Error('a select of one row found none');
  return found;
}
