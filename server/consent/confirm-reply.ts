import type { Context } from '../context.js';
import { attach } from '../ledger/append.js';
import type { ReplyEvidence } from '../ledger/evidence.js';
import { actAll } from './act.js';
import { findReplyOffer, type Offer } from './confirm.js';
import { confirmBy, useOffers, usedUp, type Confirmation } from './confirm-by.js';

/** An answer that was found good. */
export interface GoodReply {
  /** From the address that it came to; its hash stands in the offer. */
  readonly secret: Buffer;
  readonly evidence: ReplyEvidence;
  readonly raw: Buffer;
}

/**
 * What an answer to this address would confirm. Mail may lie on its way for days, unlike a press of a button: what ended after the question was asked stays
 * ended. Throws as `findOffer`.
 */
export async function findAnswerable(ctx: Context, secret: Buffer): Promise<Offer> {
  const offer = await findReplyOffer(ctx, secret);
  const { state, stateAt } = offer.consent;
  if (state !== 'pending' && state !== 'confirmed' && stateAt >= offer.offeredAt) throw usedUp(offer);
  return offer;
}

/**
 * Confirms by a signed answer, through the same door as the button: as `confirmBy`. The record reveals the secret of the address, which only the mail held: with
 * database and keys, but without the mailbox, nobody makes one (T1), whatever else the answer says. The answer itself is kept as a field that can be erased.
 */
export async function confirmByReply(ctx: Context, found: Offer, reply: GoodReply): Promise<Confirmation> {
  return confirmBy(ctx, found, {
    find: async () => findAnswerable(ctx, reply.secret),
    language: found.language,
    record: { secret: reply.secret.toString('base64url'), confirm: reply.evidence },
    // A letter for each byte.
    fields: { reply: reply.raw.toString('latin1') },
    write: async (on, press) =>
      on.db.transaction(async (tx) => {
        const [done] = await actAll(tx, on, [press], useOffers([press]));
        if (done) await attach(tx, press.offer.signUpId, press.event);
        return done === true;
      }),
  });
}
