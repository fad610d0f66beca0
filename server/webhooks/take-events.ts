import type { Context } from '../context.js';
import { takeOutcome, type Taken } from '../delivery/take-outcome.js';
import { Refusal } from '../errors.js';
import { blindIndex } from '../keys/blind-index.js';
import { openReturnAddress, type DeliveryKey } from '../links/bounce-token.js';
import { reasonInWords } from '../mail/bounce-words.js';
import { tryAddress } from '../mail/address.js';
import type { Provider } from '../mail/provider-fields.js';
import type { ProviderEvent } from './provider-event.js';

/**
 * Takes what a provider told, in its order. Each must name a mail of ours and the person whom it went to (T13); what does not is passed over. A mail is counted
 * once, so that events may come again and in any order. Throws `not-now` while a mail is still being handed over: it is to be told again.
 */
export async function takeEvents(ctx: Context, provider: Provider, events: readonly ProviderEvent[]): Promise<void> {
  const counts = new Map<Taken | 'stranger', number>();
  for (const event of events) {
    const taken = await takeOne(ctx, event);
    counts.set(taken, (counts.get(taken) ?? 0) + 1);
  }
  if (counts.size > 0) ctx.logger.info({ provider, events: Object.fromEntries(counts) }, 'a provider told of mails');
  if (counts.has('too-early')) throw new Refusal('not-now', 'A mail of these is still on its way.');
}

async function takeOne(ctx: Context, event: ProviderEvent): Promise<Taken | 'stranger'> {
  const of = mailOf(ctx, event.mark);
  if (of === null || !(await wentTo(ctx, of, event.recipient))) return 'stranger';
  return takeOutcome(ctx, { of, verdict: verdictOf(event) });
}

function verdictOf({ kind, status, said }: ProviderEvent): Parameters<typeof takeOutcome>[1]['verdict'] {
  if (kind === 'complaint') return { kind, action: 'none', status, reason: 'complaint' };
  return { kind: 'bounce', action: kind, status, reason: reasonInWords(said) ?? REASONS[kind] };
}

const REASONS = { hard: 'user-unknown', soft: 'undefined', policy: 'policy' } as const;

/** Is this the person to whom we sent the mail? By the blind index: the address itself is not needed. */
async function wentTo(ctx: Context, { subscriberId }: DeliveryKey, recipient: string): Promise<boolean> {
  const [person] = await ctx.db.query<{ organisation_id: string; blind_index: Buffer | null }>(
    'select organisation_id, blind_index from subscriber where id = $1',
    [subscriberId],
  );
  const normal = tryAddress(recipient)?.normal ?? null;
  if (!person?.blind_index || normal === null) return false;
  return person.blind_index.equals(blindIndex(ctx.keyring, person.organisation_id, normal));
}

/** null: no mail of ours. */
function mailOf({ keyring }: Context, mark: string | null): DeliveryKey | null {
  if (mark === null) return null;
  try {
    return openReturnAddress(keyring, mark.includes('@') ? mark : `b+${mark}@mark`);
  } catch (error) {
    if (error instanceof Refusal) return null;
    throw error;
  }
}
