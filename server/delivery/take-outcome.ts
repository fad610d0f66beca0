import type { Bounce, DeliveryState } from '../../entities/delivery.js';
import { withdraw } from '../consent/withdraw.js';
import type { Context } from '../context.js';
import type { DeliveryKey } from '../links/bounce-token.js';
import type { Verdict } from '../mail/bounce-verdict.js';
import { blockRequests } from './block-requests.js';
import { bounceEntries, suppressBounced } from './suppress-bounced.js';
import { warnOfRefusals } from './refusals.js';

/** A report about one mail of ours. Whose mail it was, a signed address or a checked webhook says; never the report itself (T13). */
export interface Report {
  readonly of: DeliveryKey;
  readonly verdict: Pick<Verdict, 'kind' | 'action' | 'reason' | 'status'>;
}

/** `noted`: nothing follows from it; `known`: it was counted before, or is too old; `too-early`: the mail is still being handed over, so it should come again. */
export type Taken = Bounce | 'noted' | 'known' | 'unknown' | 'too-early';

/** T13. */
const COUNTED_DAYS = 14;

/**
 * Takes what came back of a mail, with all that follows. Hard: the address gets nothing more. Soft: it is counted. Policy: we are to blame, and warned. A
 * complaint ends the list (M-38). A mail counts once, within 14 days; for complaints there is no end, as there is none for leaving.
 */
export async function takeOutcome(ctx: Context, { of, verdict }: Report): Promise<Taken> {
  if (verdict.kind === 'complaint') return takeComplaint(ctx, of);
  const { action } = verdict;
  if (verdict.kind !== 'bounce' || (action !== 'hard' && action !== 'soft' && action !== 'policy')) return 'noted';
  const entries = await ctx.db.transaction(async (tx) => {
    const marked = await tx.query(
      `update delivery d set state = 'failed', reason = 'bounced', reply = $6, bounce = $4, bounce_reason = $5, bounced_at = $3,  settled_at = coalesce(d.settled_at, $3)
       where d.message_id = $1 and d.subscriber_id = $2 and d.state in ('sent', 'unknown') and d.bounce is null
         and coalesce(d.settled_at, $3) >= $3::timestamptz - interval '${COUNTED_DAYS} days' returning 1`,
      [of.messageId, of.subscriberId, ctx.now(), action, verdict.reason, verdict.status],
    );
    return marked.length > 0 ? suppressBounced(tx, ctx, [{ subscriberId: of.subscriberId, bounce: action }]) : null;
  });
  if (!entries) return whyNot(ctx, of);
  await ctx.journal.write(entries);
  if (action === 'policy') warnOfRefusals(ctx, [verdict.reason ?? '']);
  return action;
}

interface Mail {
  state: DeliveryState;
  kind: string;
  consentId: string | null;
  /** The person joined after this mail. */
  isOld: boolean;
}

async function takeComplaint(ctx: Context, of: DeliveryKey): Promise<Taken> {
  const mail = await find(ctx, of);
  if (!mail) return 'unknown';
  if (mail.state === 'sending') return 'too-early';
  if (mail.kind === 'notice' || mail.isOld) return 'noted';
  if (mail.consentId !== null) await withdraw(ctx, mail.consentId, 'complaint');
  if (mail.kind !== 'campaign' && mail.kind !== 'gateway') await blockRequests(ctx, of.subscriberId);
  const marked = await ctx.db.query(
    `update delivery set bounce = 'complaint', bounce_reason = 'complaint', bounced_at = $3 where message_id = $1 and subscriber_id = $2 and bounce is null returning 1`,
    [of.messageId, of.subscriberId, ctx.now()],
  );
  return marked.length > 0 ? 'complaint' : 'known';
}

async function whyNot(ctx: Context, of: DeliveryKey): Promise<Taken> {
  const mail = await find(ctx, of);
  if (!mail) return 'unknown';
  if (mail.state === 'sending') return 'too-early';
  await ctx.journal.write(await bounceEntries(ctx.db, of.subscriberId));
  return 'known';
}

async function find(ctx: Context, of: DeliveryKey): Promise<Mail | null> {
  const [mail] = await ctx.db.query<Mail>(
    `select d.state, d.kind, c.id as "consentId", coalesce(c.confirmed_at > d.settled_at, false) as "isOld"
     from delivery d left join consent c on c.id = d.consent_id and c.subscriber_id = d.subscriber_id
     where d.message_id = $1 and d.subscriber_id = $2 and d.state in ('sending', 'sent', 'unknown', 'failed')`,
    [of.messageId, of.subscriberId],
  );
  return mail ?? null;
}
