import { consentByRef } from '../consent/find.js';
import { withdraw } from '../consent/withdraw.js';
import type { Context } from '../context.js';
import { Refusal } from '../errors.js';
import { openReturnAddress, type DeliveryKey } from '../links/bounce-token.js';
import { openAddressToken, openLink } from '../links/token.js';
import { classify } from '../mail/bounce.js';
import type { Verdict } from '../mail/bounce-verdict.js';
import { tokensIn } from '../mail/tokens-in.js';
import { takeOutcome, type Taken } from './take-outcome.js';

/** Takes a mail that came to the return path of one of ours. Whom it names is not looked at: the address says which mail it is about (T13). */
export async function takeReturned(ctx: Context, of: DeliveryKey, raw: Buffer): Promise<Taken> {
  const verdict = classify(raw);
  return tell(ctx, verdict, await takeOutcome(ctx, { of, verdict }));
}

/** Of one mail no more is taken: it was written to one person. */
const MOST_MAILS = 5;

/**
 * Takes a complaint that a provider sent to the address for them. Providers take addresses out, so that only our own tokens in the mail that came back say whose it
 * was (M-38): where it came back to, and how to leave its list. Whoever holds one of these could leave by it as well, so nothing else is asked of the sender.
 */
export async function takeFeedback(ctx: Context, raw: Buffer): Promise<Taken> {
  const verdict = classify(raw);
  if (verdict.kind !== 'complaint') return tell(ctx, verdict, 'noted');
  const { links, addresses, returns } = tokensIn(raw);
  const mails = returns
    .flatMap((address) => opened(() => openReturnAddress(ctx.keyring, address)))
    .slice(0, MOST_MAILS);
  const taken: Taken[] = [];
  for (const of of mails) taken.push(await takeOutcome(ctx, { of, verdict }));
  if (taken.some((one) => one !== 'unknown'))
    return tell(ctx, verdict, taken.find((one) => one !== 'unknown') ?? 'noted');
  const lists = [
    ...links.filter(({ purpose }) => purpose === 'u').flatMap(({ token }) => linkRef(ctx, token)),
    ...addresses.flatMap((token) => opened(() => openAddressToken(ctx.keyring, 'x', token)).map(byMailto)),
  ].slice(0, MOST_MAILS);
  let isKnown = false;
  for (const { column, ref } of lists) {
    const found = await consentByRef(ctx, column, ref);
    if (found) isKnown = (await withdraw(ctx, found.consent.id, 'complaint')) !== null || isKnown;
  }
  return tell(ctx, verdict, isKnown ? 'complaint' : 'unknown');
}

interface ListRef {
  readonly column: 'unsubscribe_ref' | 'mailto_ref';
  readonly ref: Buffer;
}

function linkRef(ctx: Context, token: string): ListRef[] {
  const refs = opened(() => openLink(ctx.keyring, ctx.audiences, 'u', token, ctx.now()).ref);
  return refs.map((ref) => ({ column: 'unsubscribe_ref', ref }));
}

function byMailto(ref: Buffer): ListRef {
  return { column: 'mailto_ref', ref };
}

/** What we signed; nothing of what we did not. */
function opened<T>(open: () => T | null): T[] {
  try {
    const one = open();
    return one === null ? [] : [one];
  } catch (error) {
    if (error instanceof Refusal) return [];
    throw error;
  }
}

// Whom it is about is not for the log.
function tell(ctx: Context, { kind, action, reason, status }: Verdict, taken: Taken): Taken {
  ctx.logger.info({ kind, action, reason, status, taken }, 'a report came in');
  return taken;
}
