import type { OrganisationFacts } from '../consent/catalogue.js';
import type { Context } from '../context.js';
import { domainOf } from '../mail/address.js';
import { signDkim, type MailToSign, type SigningKey } from '../mail/dkim.js';
import { dkimKeysOf } from './dkim-keys.js';
import { signApart } from './sign-apart.js';

/** RSA first: some look at the first signature only, and not all know Ed25519. */
export type Signers = readonly [SigningKey, ...SigningKey[]];

/** Other processes may have taken a new key into use: keys are read anew so often. Former ones stay published much longer. */
const FRESH_MS = 60_000;
const kept = new WeakMap<Context, Map<string, { at: number; signers: Promise<Signers> }>>();

/**
 * The `DKIM-Signature` headers of a mail, one for each key of the domain: that of From (M-31). Sign last, and only for `sendingDomains`. Not with a transaction
 * open (T17).
 */
export async function signMail(
  ctx: Context,
  organisation: OrganisationFacts,
  mail: Omit<MailToSign, 'now'>,
  domain = fromDomain(organisation),
): Promise<string[]> {
  return signDkim({ ...mail, now: ctx.now() }, await signersOf(ctx, organisation, domain), signApart);
}

/** The keys that sign for a domain of an organisation now. Made on first use, and kept encrypted. Not with a transaction open (T17). */
export async function signersOf(
  ctx: Context,
  organisation: OrganisationFacts,
  domain = fromDomain(organisation),
): Promise<Signers> {
  const known = kept.get(ctx) ?? new Map<string, { at: number; signers: Promise<Signers> }>();
  kept.set(ctx, known);
  const place = `${organisation.id} ${domain}`;
  const fresh = known.get(place);
  if (fresh && Date.now() - fresh.at < FRESH_MS) return fresh.signers;
  const signers = load(ctx, organisation.id, domain);
  known.set(place, { at: Date.now(), signers });
  // A failed read must not be remembered.
  signers.catch(() => known.delete(place));
  return signers;
}

/** Forgets what was read, after a change. */
export function forgetSigners(ctx: Context): void {
  kept.delete(ctx);
}

/** The domain of the address that an organisation sends from, in lower case. */
export function fromDomain({ fromAddress }: Pick<OrganisationFacts, 'fromAddress'>): string {
  return domainOf(fromAddress);
}

async function load(ctx: Context, organisationId: string, domain: string): Promise<Signers> {
  const keys = await dkimKeysOf(ctx, { organisationId, domain });
  const used = (algorithm: string): SigningKey[] =>
    keys.filter((key) => key.state === 'used' && key.algorithm === algorithm).slice(0, 1);
  const [first, ...others] = [...used('rsa'), ...used('ed25519')];
  if (!first) throw new Error(`no key signs for ${domain}`);
  return [first, ...others];
}
