import type { Context } from '../context.js';
import { judge } from '../mail/bounce-judge.js';
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
      return { ...failed(delivery, 'refused'), reply: outcome.reply, bounce: bounceOf(outcome) };
    case 'deferred':
      // Without an answer our own way out is broken, which says nothing about the mail.
      return outcome.code === undefined
        ? { ...later(ctx, delivery, 'connection', outcome.reply, 5_000), counts: false }
        : deferred(ctx, delivery, outcome);
    case 'unknown':
      // Lost after the last dot: once more with the same Message-ID, then we leave it at that.
      return delivery.attempts === 1
        ? { ...later(ctx, delivery, 'unknown', outcome.reply, 1_000), state: 'unknown' }
        : { ...failed(delivery, 'unknown'), state: 'unknown', reply: outcome.reply };
  }
}

type Deferred = Extract<SmtpOutcome, { kind: 'deferred' }>;
type Refused = Extract<SmtpOutcome, { kind: 'refused' }>;

function deferred(ctx: Context, delivery: Claimed, outcome: Deferred): Outcome {
  const pause = retryPause(delivery.attempts);
  const tried = later(ctx, delivery, 'deferred', outcome.reply, pause);
  return pause === null ? { ...tried, bounce: bounceOf({ ...outcome, command: null }) } : tried;
}

/** M-37, of an answer as of a report. Our own way out takes our mail or is set up wrongly: if it will not have us, or not pass it on, we are to blame. */
function bounceOf({
  enhanced,
  reply,
  command,
}: Pick<Refused, 'reply' | 'enhanced'> & { command: Refused['command'] | null }): NonNullable<Outcome['bounce']> {
  const said = { action: 'failed', status: enhanced ?? null, diagnostic: reply, text: '', command };
  const { action, reason } = judge(said);
  if (command === 'MAIL' || reason === 'relaying') return { action: 'policy', reason };
  return { action: action === 'hard' || action === 'policy' ? action : 'soft', reason };
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
