import { CONSENT_COLUMNS, isOurConsent, type LoadedConsent } from '../consent/act.js';
import { catalogue, trackingIn } from '../consent/catalogue.js';
import type { Context } from '../context.js';

const NOBODY: ReadonlyMap<string, string> = new Map();

/** Of some subscribers of an organisation, those who agreed to tracking: the consent of each. Judged as mail is: what we did not write counts for nothing (T6). */
export async function agreedToTracking(
  ctx: Context,
  organisationId: string,
  subscriberIds: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const purpose = trackingIn(await catalogue(ctx), organisationId);
  if (!purpose || subscriberIds.length === 0) return NOBODY;
  const rows = await ctx.db.query<LoadedConsent>(
    `select ${CONSENT_COLUMNS} from consent c where c.purpose_id = $1 and c.subscriber_id = any($2::uuid[]) and c.state = 'confirmed' and c.basis = any($3)
       and not exists (select from consent_event e where e.sign_up_id = c.sign_up_id and e.previous_id in (c.last_event_id, e.id))`,
    [purpose.id, subscriberIds, purpose.acceptedBases],
  );
  return new Map(rows.filter((row) => isOurConsent(ctx.keyring, row)).map((row) => [row.subscriberId, row.id]));
}
