import { catalogue } from '../consent/catalogue.js';
import type { Context } from '../context.js';
import { returnAddress } from '../links/bounce-token.js';
import type { BuiltMail } from './built-mail.js';

/** Gives mails the envelope sender that names them, where their organisation takes mail in; others keep their own (M-36), and a report none (RFC 3464 section 2). */
export async function returnPaths(ctx: Context): Promise<(built: BuiltMail) => BuiltMail> {
  const { organisations } = await catalogue(ctx);
  const domains = new Map(organisations.map(({ id, inboundDomain }) => [id, inboundDomain]));
  return (built) => {
    const domain = domains.get(built.delivery.organisationId);
    return domain && built.from !== '' ? { ...built, from: returnAddress(ctx.keyring, domain, built.delivery) } : built;
  };
}
