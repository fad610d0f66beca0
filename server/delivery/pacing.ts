import type { Context } from '../context.js';
import { domainOf } from '../mail/address.js';
import type { Claimed } from './claim.js';
import { makeDomainPace } from './domain-pace.js';
import { sayAlive } from './living.js';
import { putBack } from './outcome.js';
import type { Outcome } from './settle.js';

/** Keeps the limits for recipient domains, which senders share among them. */
export interface Pacing {
  /** Those whose recipients' domains take a mail now; the others are put off until their turn. */
  inPace(mails: readonly Claimed[], putOff: (mail: Claimed, outcome: Outcome) => void): Claimed[];
  /** Says that this sender lives, and counts those that do. */
  live(): Promise<void>;
}

export function makePacing(ctx: Context, worker: string): Pacing {
  const pace = makeDomainPace(ctx.config.sending.perDomain);
  let living = 1;
  return {
    inPace: (mails, putOff) => {
      const now = ctx.now().getTime();
      return mails.filter((mail) => {
        // Only what goes to many: whoever asked for a mail does not wait for it.
        if (mail.kind !== 'campaign' && mail.kind !== 'gateway') return true;
        const wait = pace.ask(domainOf(mail.address), now, 1 / living);
        if (wait > 0) putOff(mail, putBack(ctx, mail, 'pace', wait));
        return wait === 0;
      });
    },
    live: async () => {
      living = await sayAlive(ctx, worker);
    },
  };
}
