import { randomUUID } from 'node:crypto';
import type { Context } from '../context.js';
import { Refusal } from '../errors.js';
import { prepareEvent, type NewEvent, type PreparedEvent } from '../ledger/append.js';
import type { Act, Also, Change } from './act.js';
import type { Offer } from './confirm.js';
import { writeAttributes } from './attributes.js';
import { listRecord } from './facts.js';
import { stateAfter } from './states.js';

export interface Confirmation {
  readonly offer: Offer;
  readonly confirmedAt: Date;
  /** The `confirmed` event; null when the button was pressed again (nothing was added). */
  readonly eventId: string | null;
}

/** How somebody confirms: the way back to the offer, and what the record says of it. */
export interface Confirming {
  /** Loads the offer anew, when somebody else changed the consent meanwhile. */
  readonly find: () => Promise<Offer>;
  readonly language: string;
  readonly record: Pick<NewEvent['record'], 'secret' | 'confirm' | 'automation_signals'>;
  readonly fields: NewEvent['fields'];
  /** Writes it down, and says whether it went through. */
  readonly write: (ctx: Context, press: Press) => Promise<boolean>;
}

export type Press = Act & { readonly event: PreparedEvent; readonly offer: Offer };

/**
 * Turns an offer into a confirmed consent: the state, its event and the lifted objection in one statement. A second time returns the same and adds
 * nothing (L-07). Throws as `findOffer`.
 */
export async function confirmBy(ctx: Context, found: Offer, how: Confirming): Promise<Confirmation> {
  for (let attempt = 0; attempt < 5; attempt += 1) {
    const offer = attempt === 0 ? found : await how.find();
    const { consent } = offer;
    if (consent.state === 'confirmed')
      return { offer, confirmedAt: consent.confirmedAt ?? consent.stateAt, eventId: null };
    // Before, so that nothing of it is lost; a second press finds it done, and takes nothing back that was corrected since.
    await keepAttributes(ctx, offer);
    const done = await tryToConfirm(ctx, offer, how);
    if (done) return done;
  }
  throw new Refusal('not-now', 'Somebody else is changing the same consent.');
}

async function keepAttributes(ctx: Context, { told, consent, list }: Offer): Promise<void> {
  const { attributes } = told;
  if (!attributes || !stateAfter(consent.state, 'confirm')) return;
  const of = { subscriberId: consent.subscriberId, organisation: list.organisation, values: attributes };
  await ctx.db.transaction(async (tx) => writeAttributes(tx, ctx, of));
}

async function tryToConfirm(ctx: Context, offer: Offer, how: Confirming): Promise<Confirmation | null> {
  const at = ctx.now();
  const state = stateAfter(offer.consent.state, 'confirm');
  if (!state) throw usedUp(offer);
  const event = prepareEvent(ctx.keyring, {
    id: randomUUID(),
    signUpId: offer.signUpId,
    kind: 'confirmed',
    happenedAt: at,
    evidenceKey: offer.evidenceKey,
    record: {
      ...listRecord(offer.list, offer.wording, how.language),
      entity: 'subject',
      prev_event_commit: offer.offeredCommitment.toString('base64'),
      ...(offer.handoff ? { mail_handoff: offer.handoff } : {}),
      ...how.record,
    },
    fields: how.fields,
  });
  const change: Change = { state, basis: 'confirmed', signUpId: offer.signUpId, confirmedAt: at, ...topicsOf(offer) };
  if (!(await how.write(ctx, { consent: offer.consent, change, event, offer }))) return null;
  ctx.bell.ring('event');
  return { offer, confirmedAt: at, eventId: event.id };
}

// Who says nothing of topics keeps what was chosen earlier; only those that the list still has.
function topicsOf({ told, list }: Offer): Pick<Change, 'topics'> {
  const topics = (told.topics ?? []).filter((slug) => list.topics.some((topic) => topic.slug === slug));
  return topics.length > 0 ? { topics } : {};
}

/** What goes with a confirmation: its offer is used, its sign-up stays, what kept the address from mail is lifted. */
export function useOffers(presses: readonly Press[]): Also {
  return {
    columns: ['event_id uuid', 'offer_id uuid', 'chapter uuid', 'subscriber uuid'],
    rows: presses.map(({ event, offer }) => [event.id, offer.offerId, offer.signUpId, offer.consent.subscriberId]),
    sql: `, used as (update offer o set used_by = done.event_id from done where o.id = done.offer_id),
      kept as (update sign_up u set purge_at = null from done where u.id = done.chapter),
      lifted as (delete from suppression x using done join subscriber s on s.id = done.subscriber
        where x.organisation_id = s.organisation_id and x.hash = s.suppression_hash and x.reason in ('objection', 'not-me', 'bounce'))`,
  };
}

/** Somebody left after this confirmed: it does so no more. */
export function usedUp(offer: Offer): Refusal {
  return new Refusal('link-used', 'This link was already used, and the list was left since.', {
    list: offer.list.slug,
  });
}
