import type { Context } from '../context.js';
import type { SmtpOutcome } from '../mail/smtp.js';
import type { Claimed } from './claim.js';
import { retryPause, type Outcome } from './settle.js';

/** What an answer of the next hop means for a mail. */
export function toOutcome(ctx: Context, delivery: Claimed, outcome: SmtpOutcome): Outcome {
  switch (outcome.kind) {
    case 'sent':
      return {
        ...{ delivery, state: 'sent', reason: null, reply: outcome.reply, dueAt: null, counts: true },
        ...(delivery.kind === 'confirmation' ? { takenBy: outcome.takenBy } : {}),
      };
    case 'refused':
      return { ...failed(delivery, 'refused'), reply: outcome.reply };
    case 'deferred':
      // Without an answer our own way out is broken, which says nothing about the mail.
      return outcome.code === undefined
        ? { ...later(ctx, delivery, 'connection', outcome.reply, 5_000), counts: false }
        : later(ctx, delivery, 'deferred', outcome.reply, retryPause(delivery.attempts));
    case 'unknown':
      // Lost after the last dot: once more with the same Message-ID, then we leave it at that.
      return delivery.attempts === 1
        ? { ...later(ctx, delivery, 'unknown', outcome.reply, 1_000), state: 'unknown' }
        : { ...failed(delivery, 'unknown'), state: 'unknown', reply: outcome.reply };
  }
}

/** It is not tried again. */
export function failed(delivery: Outcome['delivery'], reason: string): Outcome {
  return { delivery, state: 'failed', reason, reply: null, dueAt: null, counts: true };
}

/** It is tried again after `pause` ms; null: it was tried for too long. */
export function later(
  ctx: Context,
  delivery: Outcome['delivery'],
  reason: string,
  reply: string | null,
  pause: number | null,
): Outcome {
  if (pause === null) return { ...failed(delivery, 'too-long-deferred'), reply };
  return { delivery, state: 'deferred', reason, reply, dueAt: new Date(ctx.now().getTime() + pause), counts: true };
}
