import { randomUUID } from 'node:crypto';
import type { Context } from '../context.js';
import { Refusal } from '../errors.js';
import { prepareEvent, type NewEvent, type PreparedEvent } from '../ledger/append.js';
import { act } from './act.js';
import { catalogue, listIn, type Catalogue } from './catalogue.js';
import { evidenceKey } from './chapter.js';
import { listRecord } from './facts.js';
import { consentById, consentsOf, type ConsentOfPerson } from './find.js';
import { suppressionEntry, withdrawalEntry, type JournalEntry } from './journal.js';
import { stateAfter, type Move } from './states.js';

/** By which way somebody left. */
export type Channel = 'one-click' | 'page' | 'settings' | 'stop-all' | 'mail' | 'complaint' | 'journal' | 'erasure';

export interface Withdrawal {
  readonly found: ConsentOfPerson;
  readonly at: Date;
  /** The event; null when there was nothing to withdraw. */
  readonly eventId: string | null;
}

/**
 * Ends a consent, at once and for every mail that is not in flight (promise 1). Repeats change nothing, but see to it that the journal has what the
 * first time may have failed to write.
 */
export async function withdraw(ctx: Context, consentId: string, channel: Channel): Promise<Withdrawal | null> {
  const done = await move(ctx, consentId, (found) => ({
    move: found.consent.state === 'pending' ? 'refuse' : 'withdraw',
    kind: found.consent.state === 'pending' ? 'refused' : 'withdrawn',
    record: { entity: 'subject', withdrawal: { channel } },
  }));
  if (done?.eventId) await ctx.journal.write([withdrawalEntry(done.found.consent, done.eventId, done.at)]);
  else if (done) await ctx.journal.write(formerEntries(done.found));
  return done;
}

/** Takes back a withdrawal that is still the last thing that happened: the undo of the page after it. */
export async function renew(ctx: Context, consentId: string, withdrawnEvent: string): Promise<Withdrawal | null> {
  return move(ctx, consentId, (found) =>
    found.consent.lastEventId === withdrawnEvent
      ? { move: 'renew', kind: 'renewed', record: { entity: 'subject', cause: 'undo' } }
      : null,
  );
}

/**
 * Ends all consents of a person with one organisation and remembers the objection, in one transaction. The same for everyone, whatever the lists' states (T8).
 */
export async function stopAll(ctx: Context, subscriberId: string): Promise<Date> {
  const at = ctx.now();
  const known = await catalogue(ctx);
  const entries = await ctx.db.transaction(async (tx) => {
    await tx.query('select 1 from subscriber where id = $1 for update', [subscriberId]);
    const all = await consentsOf(ctx, tx, subscriberId);
    const done: JournalEntry[] = [];
    for (const found of all) {
      const state = stateAfter(found.consent.state, 'withdraw') ?? stateAfter(found.consent.state, 'refuse');
      // A request that was purged can say nothing any more; it must not keep anybody from leaving the rest.
      if (!state || !found.evidenceKeyWrapped) {
        done.push(...formerEntries(found));
        continue;
      }
      const kind = state === 'refused' ? 'refused' : 'withdrawn';
      const event = eventOf(ctx, known, found, kind, { entity: 'subject', withdrawal: { channel: 'stop-all' } }, at);
      if (!(await act(tx, ctx, found.consent, { state, pausedUntil: null }, event)))
        throw new Refusal('not-now', 'Somebody else is changing the same consent.');
      done.push(withdrawalEntry(found.consent, event.id, at));
    }
    // The objection also of somebody who had left every list before, and the one that stood already.
    const objections = await tx.query<{ organisation: string; hash: Buffer; at: Date }>(
      `with person as (select organisation_id, suppression_hash from subscriber where id = $1 and suppression_hash is not null),
       added as (
         insert into suppression (organisation_id, hash, reason, created_at) select organisation_id, suppression_hash, 'objection', $2 from person
         on conflict do nothing returning organisation_id, hash, created_at)
       select organisation_id as organisation, hash, created_at as at from added
       union all select x.organisation_id, x.hash, x.created_at from suppression x join person on x.organisation_id = person.organisation_id
         and x.hash = person.suppression_hash where x.reason = 'objection'`,
      [subscriberId, at],
    );
    return [...done, ...objections.map((objection) => suppressionEntry({ ...objection, reason: 'objection' }))];
  });
  await ctx.journal.write(entries);
  ctx.bell.ring('event');
  return at;
}

/** Of a consent that had ended before. */
function formerEntries({ consent }: ConsentOfPerson): JournalEntry[] {
  const hasEnded = consent.state === 'withdrawn' || consent.state === 'refused';
  return hasEnded && consent.lastEventId ? [withdrawalEntry(consent, consent.lastEventId, consent.stateAt)] : [];
}

interface Step {
  move: Move;
  kind: NewEvent['kind'];
  record: Partial<NewEvent['record']>;
}

async function move(
  ctx: Context,
  consentId: string,
  plan: (found: ConsentOfPerson) => Step | null,
): Promise<Withdrawal | null> {
  for (let attempt = 0; attempt < 5; attempt += 1) {
    const found = await consentById(ctx, consentId);
    // Erased: nobody is there any more who could be mailed, and leaving must end well all the same (M-24).
    if (!found?.evidenceKeyWrapped) return null;
    const step = plan(found);
    const state = step && stateAfter(found.consent.state, step.move);
    if (!state) return { found, at: found.consent.stateAt, eventId: null };
    const at = ctx.now();
    const event = eventOf(ctx, await catalogue(ctx), found, step.kind, step.record, at);
    if (await act(ctx.db, ctx, found.consent, { state }, event)) {
      ctx.bell.ring('event');
      return { found, at, eventId: event.id };
    }
  }
  throw new Refusal('not-now', 'Somebody else is changing the same consent.');
}

/** An event in the chapter in force, chained to the one before it (P-12). */
export function eventOf(
  ctx: Context,
  known: Catalogue,
  found: ConsentOfPerson,
  kind: NewEvent['kind'],
  more: Partial<NewEvent['record']>,
  at: Date,
): PreparedEvent {
  const list = listIn(known, found.listId);
  const wording = list.wordings.find((one) => one.id === found.wordingId);
  if (!wording || !found.evidenceKeyWrapped) throw new Refusal('not-found', 'This consent was erased.');
  return prepareEvent(ctx.keyring, {
    id: randomUUID(),
    signUpId: found.consent.signUpId,
    kind,
    happenedAt: at,
    evidenceKey: evidenceKey(ctx.keyring, found.consent.signUpId, found.evidenceKeyWrapped),
    record: {
      ...listRecord(list, wording, found.language),
      prev_event_commit: found.consent.lastCommitment?.toString('base64') ?? null,
      ...more,
    },
    fields: {},
  });
}
