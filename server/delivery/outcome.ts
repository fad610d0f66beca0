import type { Context } from '../context.js';
import { judge } from '../mail/bounce-judge.js';
import type { SmtpOutcome } from '../mail/smtp.js';
import type { Claimed } from './claim.js';
import { retryPause, type Persistence } from './persistence.js';
import type { Outcome } from './settle.js';

/** What an answer of the next hop means for a mail. */
export function toOutcome(
  ctx: Context,
  delivery: Claimed,
  outcome: SmtpOutcome,
  tries: Persistence & { readonly downSince?: Date | null } = {},
): Outcome {
  switch (outcome.kind) {
    case 'sent':
      return {
        ...{ delivery, state: 'sent', reason: null, reply: outcome.reply, dueAt: null, counts: true },
        ...(delivery.kind === 'confirmation' ? { takenBy: outcome.takenBy } : {}),
      };
    case 'refused':
      return { ...failed(delivery, 'refused'), reply: outcome.reply, bounce: bounceOf(outcome) };
    case 'deferred':
      return outcome.code === undefined
        ? unreached(ctx, delivery, outcome, tries)
        : deferred(ctx, delivery, outcome, tries);
    case 'unknown':
      // Lost after the last dot: once more with the same Message-ID, unless that is not wanted; then we leave it at that.
      return delivery.attempts === 1 && tries.onUnknown !== 'leave'
        ? { ...later(ctx, delivery, 'unknown', outcome.reply, 1_000), state: 'unknown' }
        : { ...failed(delivery, 'unknown'), state: 'unknown', reply: outcome.reply };
  }
}

/**
 * Without an answer our own way out is broken, which says nothing about the mail: it goes when a server is back. A mail that was tried in vain for all the hours
 * that mail is tried is given up: nobody wants it days late. Only while there was no server for so long either: one that stood still between two short outages goes on.
 */
function unreached(
  ctx: Context,
  delivery: Claimed,
  { reply }: Deferred,
  { tryForHours, downSince }: Persistence & { readonly downSince?: Date | null },
): Outcome {
  const now = ctx.now().getTime();
  const since = Math.max(delivery.failingSince?.getTime() ?? now, downSince?.getTime() ?? now);
  if (now - since > (tryForHours ?? ctx.config.sending.retryHours) * HOUR_MS)
    return { ...failed(delivery, 'connection'), reply };
  return { ...later(ctx, delivery, 'connection', reply, 5_000), counts: false };
}

const HOUR_MS = 3_600_000;

type Deferred = Extract<SmtpOutcome, { kind: 'deferred' }>;
type Refused = Extract<SmtpOutcome, { kind: 'refused' }>;

function deferred(ctx: Context, delivery: Claimed, outcome: Deferred, tries: Persistence): Outcome {
  const pause = retryPause(delivery.attempts, tries.tryForHours ?? ctx.config.sending.retryHours);
  const tried = later(ctx, delivery, 'deferred', outcome.reply, pause);
  if (pause !== null) return tried;
  // From 500 on it is us whom the server does not want.
  const bounce = bounceOf({ ...outcome, command: (outcome.code ?? 0) >= 500 ? 'MAIL' : null });
  return { ...tried, bounce };
}

/** M-37, of an answer as of a report. Our own way out takes our mail or is set up wrongly: if it will not have us, or not pass it on, we are to blame. */
function bounceOf({
  enhanced,
  reply,
  command,
}: Pick<Refused, 'reply' | 'enhanced'> & { command: Refused['command'] | null }): NonNullable<Outcome['bounce']> {
  const said = { action: 'failed', status: enhanced ?? null, diagnostic: reply, text: '', command };
  const { action, reason } = judge(said);
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

/** Its turn comes later, which says nothing about it: `pace`, or `held` when its campaign was stopped after the claim. */
export function putBack(ctx: Context, delivery: Claimed, reason: 'pace' | 'held', pause: number): Outcome {
  return { ...later(ctx, delivery, reason, null, pause), counts: false };
}

/** A provider refuses us, whoever the recipient is: the mail is tried again when we are taken. */
export function refusedUs(ctx: Context, delivery: Claimed, { reply }: Outcome, tries: Persistence = {}): Outcome {
  const pause = retryPause(delivery.attempts, tries.tryForHours ?? ctx.config.sending.retryHours);
  return later(ctx, delivery, 'halted', reply, pause);
}
