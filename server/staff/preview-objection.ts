import type { OrganisationFacts } from '../consent/catalogue.js';
import type { Context } from '../context.js';
import { sendingDomains } from '../delivery/sending-domains.js';
import { Refusal } from '../errors.js';
import { domainOf } from '../mail/address.js';
import { readSubmission } from '../mail/submission.js';

/** Why the gateway would not take a message with this header for an organisation, in English; null: it would. */
export async function objectionTo(
  ctx: Context,
  organisation: OrganisationFacts,
  header: Buffer,
): Promise<string | null> {
  const domains = await sendingDomains(ctx, organisation);
  try {
    const { from } = readSubmission(header);
    const isTheirs = domains.includes(domainOf(from));
    return isTheirs ? null : `From must be at ${domains.join(' or ')}`;
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const { why } = error.facts;
    return typeof why === 'string' ? why : error.message;
  }
}
