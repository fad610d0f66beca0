import { domainToASCII } from 'node:url';
import type { OrganisationFacts } from '../consent/catalogue.js';
import type { Context } from '../context.js';
import { Refusal } from '../errors.js';
import { dkimKeysOf, type DkimKeyFacts } from './dkim-keys.js';
import { fromDomain } from './signing.js';

const LABEL = /^(?!-)[a-z0-9-]{1,63}(?<!-)$/;

/** Adds a domain to those of an organisation; it may stand in From once the DNS shows our key there. Returns its keys. Throws `body-invalid`. */
export async function addDomain(ctx: Context, organisation: OrganisationFacts, name: string): Promise<DkimKeyFacts[]> {
  const domain = readDomain(name);
  if (domain === fromDomain(organisation))
    throw new Refusal('body-invalid', `${domain} is the domain that ${organisation.name} sends from already.`);
  await ctx.db.query(
    `insert into sending_domain (organisation_id, domain, added_at) values ($1, $2, $3) on conflict (organisation_id, domain) do nothing`,
    [organisation.id, domain, ctx.now()],
  );
  return dkimKeysOf(ctx, { organisationId: organisation.id, domain });
}

/** Takes a domain away again: mail from it is refused from now on. Keys that signed stay, for mail on its way. Throws `not-found`. */
export async function removeDomain(ctx: Context, organisation: OrganisationFacts, name: string): Promise<void> {
  const gone = await ctx.db.query(
    `with unused as (delete from dkim_key where organisation_id = $1 and domain = $2 and used_from is null)
     delete from sending_domain where organisation_id = $1 and domain = $2 returning domain`,
    [organisation.id, readDomain(name)],
  );
  if (gone.length === 0) throw new Refusal('not-found', `${organisation.name} has no further domain ${name}.`);
}

/** As it stands in the DNS: A-labels, lower case. Throws `body-invalid`. */
export function readDomain(name: string): string {
  const domain = domainToASCII(name.trim().replace(/\.$/, '')).toLowerCase();
  const labels = domain.split('.');
  if (
    labels.length < 2 ||
    domain.length > 253 ||
    !labels.every((label) => LABEL.test(label)) ||
    /^\d+$/.test(labels.at(-1) ?? '')
  )
    throw new Refusal('body-invalid', `${JSON.stringify(name)} is not a domain, such as example.org.`);
  return domain;
}
