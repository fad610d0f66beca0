import { catalogue } from '../consent/catalogue.js';
import type { Context } from '../context.js';

/** Where mail that comes back is taken in, by organisation. */
export async function returnDomains(ctx: Context): Promise<Map<string, string>> {
  const { organisations } = await catalogue(ctx);
  return new Map(
    organisations.flatMap(({ id, inboundDomain }) => (inboundDomain ? [[id, inboundDomain] as const] : [])),
  );
}
