import type { OrganisationFacts } from '../consent/catalogue.js';
import type { Context } from '../context.js';
import type { Lookup } from './dns.js';
import { lookForKeys } from './look-for-keys.js';
import { allDomains, type SendingDomain } from './sending-domains.js';

/** Looks for our keys in the DNS of the domains that wait; returns all. */
export async function checkDomains(
  ctx: Context,
  organisation: OrganisationFacts,
  lookup: Lookup,
): Promise<SendingDomain[]> {
  for (const { domain, isVerified } of await allDomains(ctx, organisation))
    if (!isVerified) await lookForKeys(ctx, organisation, { domain, lookup });
  return allDomains(ctx, organisation);
}
