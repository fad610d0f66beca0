import { randomUUID } from 'node:crypto';
import type { Consent } from '../../entities/consent.js';
import { openConsents } from '../consent/act.js';
import { catalogue, listIn, type Catalogue, type ListFacts } from '../consent/catalogue.js';
import { evidenceKey } from '../consent/chapter.js';
import { listRecord } from '../consent/facts.js';
import { decideSignUp, type SignUpOutcome } from '../consent/states.js';
import { openSubscribers } from '../consent/subscriber.js';
import type { Context } from '../context.js';
import type { Tx } from '../database/connect.js';
import { appendEvents, prepareEvent, type PreparedEvent } from '../ledger/append.js';
import { isOurPerson, isOurSignUp, openRow, setAside, type SignUpToDecide } from './our-sign-up.js';
import { queueDeliveries, type NewDelivery } from './queue.js';
import { ASKED_AGAIN_DAYS } from './suppress-bounced.js';

type Row = SignUpToDecide;

/** A sign-up with what its decision needs. */
interface Case {
  readonly row: Row;
  readonly list: ListFacts;
  readonly facts: Facts;
  readonly outcome: SignUpOutcome;
}

/**
 * Decides what waiting sign-ups mean and queues their mails; returns how many were decided. Every sign-up leads to one more event, whatever the state of the
 * address: `offered` when its mail is built, else `noted`, so that the log's growth tells nothing (T2).
 */
export async function decideSignUps(ctx: Context, most = 200): Promise<number> {
  // Before the transaction: on the embedded database a read of its own would wait for it to end.
  const known = await catalogue(ctx);
  const decided = await ctx.db.transaction(async (tx) => {
    const rows = await tx.query<Row>(
      `select id, list_id, wording_id, language, blind_index, suppression_hash, evidence_key, sealed, requested_commitment,
         exists (select from consent_event e where e.sign_up_id = u.id and e.kind <> 'requested') as is_decided
       from sign_up u where outcome is null and blind_index is not null and evidence_key is not null and list_id = any($2::uuid[])
       order by requested_at limit $1 for update skip locked`,
      [most, [...known.lists, ...known.tracking].filter((list) => list.organisation.isOurs).map((list) => list.id)],
    );
    const ours = rows.filter((row) => isOurSignUp(ctx, known, row));
    await setAside(
      ctx,
      tx,
      rows.filter((row) => !ours.includes(row)),
    );
    for (let left = ours; left.length > 0;) {
      const turn = oneEach(left);
      const { cases, forged } = await judge(ctx, tx, known, turn);
      await setAside(ctx, tx, forged);
      await carryOut(ctx, tx, cases);
      left = left.filter((row) => !turn.includes(row));
    }
    return rows.length;
  });
  if (decided > 0) {
    ctx.bell.ring('mail');
    ctx.bell.ring('event');
  }
  return decided;
}

/** The first of each address: the next depends on what comes of it. In one order everywhere, so that two workers cannot wait for each other. */
function oneEach(rows: readonly Row[]): Row[] {
  const first = new Map<string, Row>();
  for (const row of rows) {
    const key = row.blind_index.toString('hex');
    if (!first.has(key)) first.set(key, row);
  }
  return [...first.values()].sort((a, b) => Buffer.compare(a.blind_index, b.blind_index));
}

async function judge(
  ctx: Context,
  tx: Tx,
  known: Catalogue,
  rows: readonly Row[],
): Promise<{ cases: Case[]; forged: Row[] }> {
  const lists = rows.map((row) => listIn(known, row.list_id));
  const found = await lookUp(ctx, tx, rows, lists);
  const cases = rows.flatMap((row, place) => {
    const [list, facts] = [lists[place], found[place]];
    if (!list || !facts || !isOurPerson(ctx, row, list, facts)) return [];
    return [{ row, list, facts, outcome: decideSignUp(facts, ctx.config.abuseLimits) }];
  });
  return { cases, forged: rows.filter((row) => !cases.some((one) => one.row === row)) };
}

async function carryOut(ctx: Context, tx: Tx, cases: readonly Case[]): Promise<void> {
  const confirming = cases.filter(({ outcome }) => outcome === 'confirm');
  const opened = confirming.length > 0 ? await ask(ctx, tx, confirming) : [];
  const already = cases.flatMap(({ row, facts, outcome }) =>
    outcome === 'already' && facts.subscriberId
      ? [mail(row.id, facts.subscriberId, 'transactional', 'already', facts.consentId)]
      : [],
  );
  await queueDeliveries(tx, ctx, [...opened, ...already], ctx.now());
  await appendEvents(
    tx,
    cases.filter(({ outcome }) => outcome !== 'confirm').map((one) => noted(ctx, one)),
  );
  const consents = new Map(opened.map((delivery) => [delivery.messageId, delivery.consentId]));
  await tx.query(
    `update sign_up u set outcome = row.o, consent_id = row.c from unnest($1::uuid[], $2::text[], $3::uuid[]) as row (i, o, c) where u.id = row.i`,
    [
      cases.map(({ row }) => row.id),
      cases.map(({ outcome }) => outcome),
      cases.map(({ row, facts }) => consents.get(row.id) ?? facts.consentId),
    ],
  );
}

/** Subscribers and pending consents of those who are asked to confirm; returns their mails. */
async function ask(ctx: Context, tx: Tx, cases: readonly Case[]): Promise<NewDelivery[]> {
  const people = cases.map(({ row, list }) => ({
    organisationId: list.organisation.id,
    blindIndex: row.blind_index,
    suppressionHash: row.suppression_hash,
    address: openRow(ctx, row).given,
    language: row.language,
  }));
  const subscribers = await openSubscribers(tx, ctx, people);
  const wanted = cases.map(({ row }, place) => ({
    subscriberId: subscribers[place] ?? '',
    purposeId: row.list_id,
    signUpId: row.id,
  }));
  const consents = await openConsents(tx, ctx, wanted);
  return cases.flatMap(({ row }, place) => {
    const consent = consents[place];
    return consent ? [mail(row.id, consent.subscriberId, 'confirmation', 'confirmation', consent.id)] : [];
  });
}

function mail(
  messageId: string,
  subscriberId: string,
  kind: 'confirmation' | 'transactional',
  template: string,
  consentId: string | null,
): NewDelivery {
  return { messageId, subscriberId, kind, template, consentId };
}

/** The event of a sign-up that gets no confirmation mail. */
export function noted(
  ctx: Context,
  {
    row,
    list,
  }: { row: Pick<Row, 'id' | 'wording_id' | 'language' | 'evidence_key' | 'requested_commitment'>; list: ListFacts },
): PreparedEvent {
  const wording = list.wordings.find((one) => one.id === row.wording_id);
  if (!wording) throw new Error('a wording that was agreed to is gone');
  return prepareEvent(ctx.keyring, {
    id: randomUUID(),
    signUpId: row.id,
    kind: 'noted',
    happenedAt: ctx.now(),
    evidenceKey: evidenceKey(ctx.keyring, row.id, row.evidence_key),
    record: {
      ...listRecord(list, wording, row.language),
      entity: 'system',
      prev_event_commit: row.requested_commitment.toString('base64'),
    },
    fields: {},
  });
}

interface Facts {
  state: Consent['state'] | null;
  consentId: string | null;
  subscriberId: string | null;
  profileKey: Buffer | null;
  address: Buffer | null;
  isBlocked: boolean;
  mailsToday: number;
  mailsThisWeek: number;
}

async function lookUp(ctx: Context, tx: Tx, rows: readonly Row[], lists: readonly ListFacts[]): Promise<Facts[]> {
  // Mails that the person answered do not count: only the owner of the mailbox can answer, so those were no bombs.
  const found = await tx.query<Facts>(
    `select
       p.id as "subscriberId", p.profile_key as "profileKey", p.address, c.id as "consentId", c.state,
       exists (select from suppression x where x.organisation_id = one.o and x.hash = one.h and x.reason <> 'objection' and (x.until is null or x.until > $5)
         and (x.reason <> 'bounce' or x.created_at > $5::timestamptz - interval '${ASKED_AGAIN_DAYS} days')) as "isBlocked",
       (select count(*)::int from sign_up u where u.consent_id = c.id and u.outcome in ('confirm', 'already') and u.requested_at > $5::timestamptz - interval '24 hours'
         and not exists (select from offer o where o.sign_up_id = u.id and o.used_by is not null)) as "mailsToday",
       (select count(*)::int from sign_up u join consent k on k.id = u.consent_id where k.subscriber_id = p.id and u.outcome in ('confirm', 'already')
         and u.requested_at > $5::timestamptz - interval '7 days'
         and not exists (select from offer o where o.sign_up_id = u.id and o.used_by is not null)) as "mailsThisWeek"
     from unnest($1::uuid[], $2::bytea[], $3::bytea[], $4::uuid[]) with ordinality as one (o, b, h, l, place)
     left join subscriber p on p.organisation_id = one.o and p.blind_index = one.b
     left join consent c on c.subscriber_id = p.id and c.purpose_id = one.l
     order by one.place`,
    [
      lists.map((list) => list.organisation.id),
      rows.map((row) => row.blind_index),
      rows.map((row) => row.suppression_hash),
      rows.map((row) => row.list_id),
      ctx.now(),
    ],
  );
  if (found.length !== rows.length) throw new Error('facts of a sign-up are missing');
  return found;
}
