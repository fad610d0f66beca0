import { act } from '../consent/act.js';
import { listIn, type Catalogue } from '../consent/catalogue.js';
import { consentsOf, type ConsentOfPerson } from '../consent/find.js';
import { stateAfter } from '../consent/states.js';
import { eventOf } from '../consent/withdraw.js';
import type { Context } from '../context.js';
import type { Tx } from '../database/connect.js';
import { noted } from '../delivery/decide.js';
import { Refusal } from '../errors.js';
import { appendEvents } from '../ledger/append.js';
import type { ErasureReason } from '../ledger/erasure.js';

interface Ending {
  readonly id: string;
  readonly blindIndex: Buffer | null;
  readonly cause: ErasureReason['cause'];
  readonly at: Date;
}

interface Chapter {
  id: string;
  list_id: string;
  wording_id: string;
  language: string;
  evidence_key: Buffer | null;
  requested_commitment: Buffer;
  is_waiting: boolean;
}

/**
 * Ends all that a person who is being erased has going: consents, links that wait for a press, sign-ups that wait for their decision. An erasure is a
 * withdrawal too, and says so with an event of its own (T16). Returns all chapters of the person.
 */
export async function endEverything(ctx: Context, tx: Tx, known: Catalogue, ending: Ending): Promise<string[]> {
  await tx.query('select 1 from consent where subscriber_id = $1 order by id for no key update', [ending.id]);
  const consents = await consentsOf(ctx, tx, ending.id);
  for (const found of consents) await endConsent(ctx, tx, known, found, ending);
  const chapters = await lockChapters(tx, ending);
  await appendEvents(
    tx,
    chapters.flatMap((row) =>
      row.is_waiting && row.evidence_key
        ? [noted(ctx, { row: { ...row, evidence_key: row.evidence_key }, list: listIn(known, row.list_id) })]
        : [],
    ),
  );
  return chapters.map((row) => row.id);
}

async function endConsent(ctx: Context, tx: Tx, known: Catalogue, found: ConsentOfPerson, of: Ending): Promise<void> {
  const state = stateAfter(found.consent.state, 'withdraw') ?? stateAfter(found.consent.state, 'refuse');
  const chapter = state ? found : await withOpenLink(tx, found, of.at);
  if (!chapter?.evidenceKeyWrapped) return;
  const kind = state === 'withdrawn' ? 'withdrawn' : 'refused';
  const entity = of.cause === 'person' ? 'subject' : 'system';
  const more = kind === 'withdrawn' ? { withdrawal: { channel: 'erasure' } } : { cause: 'erasure' };
  const event = eventOf(ctx, known, chapter, kind, { entity, ...more }, of.at);
  if (!(await act(tx, ctx, found.consent, state ? { state, pausedUntil: null } : {}, event)))
    throw new Refusal('not-now', 'Somebody else is changing the same consent.');
}

/** A consent that had ended, and whose owner may still press a link of a later sign-up: seen from that sign-up, so that the press comes too late. */
async function withOpenLink(tx: Tx, found: ConsentOfPerson, at: Date): Promise<ConsentOfPerson | null> {
  const [open] = await tx.query<{ id: string; wording_id: string; evidence_key: Buffer }>(
    `select u.id, u.wording_id, u.evidence_key from offer o join sign_up u on u.id = o.sign_up_id
     where o.consent_id = $1 and o.used_by is null and o.expires_at > $2 and u.evidence_key is not null order by o.created_at desc limit 1`,
    [found.consent.id, at],
  );
  if (!open) return null;
  return {
    ...found,
    ...{ consent: { ...found.consent, signUpId: open.id }, wordingId: open.wording_id },
    evidenceKeyWrapped: open.evidence_key,
  };
}

/** Every sign-up of the person: those that became theirs, and those that are not decided yet. */
async function lockChapters(tx: Tx, { id, blindIndex }: Ending): Promise<Chapter[]> {
  return tx.query<Chapter>(
    `select id, list_id, wording_id, language, evidence_key, requested_commitment, outcome is null as is_waiting from sign_up where id in (
       select u.id from consent c join sign_up u on u.consent_id = c.id where c.subscriber_id = $1
       union all select u.id from sign_up u where u.purge_at is not null and u.blind_index = $2)
     order by id for update`,
    [id, blindIndex],
  );
}
