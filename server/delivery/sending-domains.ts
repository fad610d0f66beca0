import type { OrganisationFacts } from '../consent/catalogue.js';
import type { Context } from '../context.js';

/** The domains that an organisation may write into From, in lower case (T12): we sign for them. */
export async function sendingDomains(_ctx: Context, organisation: OrganisationFacts): Promise<readonly string[]> {
  const { fromAddress } = organisation;
  return Promise.resolve([fromAddress.slice(fromAddress.lastIndexOf('@') + 1).toLowerCase()]);
}
