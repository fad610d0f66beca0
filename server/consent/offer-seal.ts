import { createHash, timingSafeEqual } from 'node:crypto';
import type { Context } from '../context.js';
import { isSealed, seal } from '../keys/seal.js';

/** What a mailed link is bound to. */
export interface SealedOffer {
  readonly id: string;
  readonly signUpId: string;
  readonly consentId: string;
  readonly eventId: string;
  readonly secretHash: Buffer;
  /** null: its mail asked for no answer. */
  readonly replySecretHash: Buffer | null;
}

/** What binds a mailed link to one chapter and one consent: whoever got a link of their own cannot point it at another's by SQL (T6). */
export function sealOffer(ctx: Pick<Context, 'keyring'>, offer: SealedOffer): Buffer {
  return seal(ctx.keyring, 'offer', partsOf(offer));
}

/** Is this the secret whose hash we put into this offer? */
export function isOffered(
  ctx: Pick<Context, 'keyring'>,
  secret: Buffer,
  hash: Buffer | null,
  { seal: given, ...offer }: SealedOffer & { seal: Buffer },
): boolean {
  if (!hash || !timingSafeEqual(createHash('sha256').update(secret).digest(), hash)) return false;
  return isSealed(ctx.keyring, 'offer', partsOf(offer), given);
}

// Without a second secret the parts are those from before there was one.
function partsOf(offer: SealedOffer): (string | Buffer)[] {
  const parts = [offer.id, offer.signUpId, offer.consentId, offer.eventId, offer.secretHash];
  return offer.replySecretHash ? [...parts, offer.replySecretHash] : parts;
}
