import type { OrganisationFacts } from '../consent/catalogue.js';
import type { Context } from '../context.js';
import { isSealed, seal } from '../keys/seal.js';
import { fromDomain } from './signing.js';

/** A domain of an organisation. */
export interface SendingDomain {
  readonly domain: string;
  /** May it stand in From? That of the organisation's address always may. */
  readonly isVerified: boolean;
  /** Was it added by hand? */
  readonly isFurther: boolean;
}

/** The domains that an organisation may use in From (A-labels, lower case): that of its address, and further ones that the DNS has shown to be its own. */
export async function sendingDomains(ctx: Context, organisation: OrganisationFacts): Promise<readonly string[]> {
  return (await allDomains(ctx, organisation)).flatMap(({ domain, isVerified }) => (isVerified ? [domain] : []));
}

/** The same with those that are not verified yet. */
export async function allDomains(ctx: Context, organisation: OrganisationFacts): Promise<SendingDomain[]> {
  const own = fromDomain(organisation);
  const rows = await ctx.db.query<{ domain: string; verified_at: Date | null; seal: Buffer | null }>(
    'select domain, verified_at, seal from sending_domain where organisation_id = $1 and domain <> $2 order by added_at, domain',
    [organisation.id, own],
  );
  const further = rows.map(({ domain, verified_at: at, seal: given }) => ({
    domain,
    isVerified: at !== null && isSealed(ctx.keyring, 'sending-domain', [organisation.id, domain, at], given),
    isFurther: true,
  }));
  return [{ domain: own, isVerified: true, isFurther: false }, ...further];
}

/** Notes that the DNS has shown our key at a domain. */
export async function verifyDomain(ctx: Context, organisation: OrganisationFacts, domain: string): Promise<void> {
  const now = ctx.now();
  await ctx.db.query(
    'update sending_domain set verified_at = $3, seal = $4 where organisation_id = $1 and domain = $2',
    [organisation.id, domain, now, seal(ctx.keyring, 'sending-domain', [organisation.id, domain, now])],
  );
}
