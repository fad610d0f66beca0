import type { OrganisationFacts } from '../consent/catalogue.js';
import type { Context } from '../context.js';
import { sendingDomains } from './sending-domains.js';

/** How long they are believed, in ms: each mail asks, and they rarely change. */
const FRESH_MS = 5_000;
const kept = new WeakMap<Context, Map<string, { at: number; domains: Promise<readonly string[]> }>>();

/** The domains that an organisation may write into From, read anew every five seconds. Not with a transaction open (T17). */
export async function domainsOf(ctx: Context, organisation: OrganisationFacts): Promise<readonly string[]> {
  const known = kept.get(ctx) ?? new Map<string, { at: number; domains: Promise<readonly string[]> }>();
  kept.set(ctx, known);
  const before = known.get(organisation.id);
  if (before && Date.now() - before.at < FRESH_MS) return before.domains;
  const domains = sendingDomains(ctx, organisation);
  known.set(organisation.id, { at: Date.now(), domains });
  // A failed read must not be remembered.
  domains.catch(() => known.delete(organisation.id));
  return domains;
}
