import { catalogue, type OrganisationFacts } from '../consent/catalogue.js';
import type { Context } from '../context.js';
import { dkimRecord, isPublished } from '../mail/dkim-record.js';
import { dkimKeysOf, type DkimKeyFacts } from './dkim-keys.js';
import type { Lookup } from './dns.js';
import { useKey } from './rotate-dkim.js';
import { allDomains, verifyDomain } from './sending-domains.js';

/** What the DNS has shown since the last look. */
export interface Shown {
  readonly keysUsed: readonly DkimKeyFacts[];
  readonly domainsVerified: readonly string[];
  /** Still waited for. */
  readonly keysWaiting: readonly DkimKeyFacts[];
  readonly domainsWaiting: readonly string[];
}

/** Looks for the keys that wait and for the domains that are not verified, of all organisations, and takes into use what the DNS shows. */
export async function lookForAll(ctx: Context, lookup: Lookup): Promise<number> {
  let done = 0;
  for (const organisation of (await catalogue(ctx)).organisations)
    for (const { domain } of await waitingFor(ctx, organisation)) {
      const { keysUsed, domainsVerified } = await lookForKeys(ctx, organisation, { domain, lookup });
      for (const { selector } of keysUsed)
        ctx.logger.info({ domain, selector }, 'the DNS shows a new key: it signs now');
      for (const one of domainsVerified) ctx.logger.info({ domain: one }, 'the DNS shows our key: the domain may send');
      done += keysUsed.length + domainsVerified.length;
    }
  return done;
}

/** The same for one domain. */
export async function lookForKeys(
  ctx: Context,
  organisation: OrganisationFacts,
  { domain, lookup }: { domain: string; lookup: Lookup },
): Promise<Shown> {
  const owner = { organisationId: organisation.id, domain };
  const keys = await dkimKeysOf(ctx, owner);
  const waiting = keys.filter(({ state }) => state === 'waiting');
  const keysUsed: DkimKeyFacts[] = [];
  for (const key of waiting) if (await isShown(lookup, key)) keysUsed.push(key);
  for (const key of keysUsed) await useKey(ctx, key, owner);
  const isUnverified = (await allDomains(ctx, organisation)).some((one) => one.domain === domain && !one.isVerified);
  // Ours is whose key stands there: the first one signs already, but nothing leaves from the domain yet.
  const isOurs = isUnverified && (await anyShown(lookup, keys));
  if (isOurs) await verifyDomain(ctx, organisation, domain);
  return {
    keysUsed,
    domainsVerified: isOurs ? [domain] : [],
    keysWaiting: waiting.filter((key) => !keysUsed.includes(key)),
    domainsWaiting: isUnverified && !isOurs ? [domain] : [],
  };
}

/** Does the DNS show this key? A resolver that does not answer shows nothing. */
async function isShown(lookup: Lookup, key: DkimKeyFacts): Promise<boolean> {
  const pieces = await lookup(dkimRecord(key).name).catch(() => []);
  return isPublished(
    pieces.map((text) => text.join('')),
    key,
  );
}

async function anyShown(lookup: Lookup, keys: readonly DkimKeyFacts[]): Promise<boolean> {
  for (const key of keys) if (key.state !== 'former' && (await isShown(lookup, key))) return true;
  return false;
}

/** Cheap: nothing is asked of the DNS where nothing is waited for. */
async function waitingFor(ctx: Context, organisation: OrganisationFacts): Promise<{ domain: string }[]> {
  return ctx.db.query(
    `select domain from dkim_key where organisation_id = $1 and used_from is null
     union select domain from sending_domain where organisation_id = $1 and verified_at is null`,
    [organisation.id],
  );
}
