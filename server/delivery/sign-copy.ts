import type { OrganisationFacts } from '../consent/catalogue.js';
import type { Context } from '../context.js';
import { signMail } from './signing.js';
import { domainOf } from '../mail/address.js';
import { splitFields } from '../mail/header-lines.js';
import type { HeaderField } from '../mail/headers.js';
import { soleAddress } from '../mail/sole-address.js';
import { domainsOf } from './known-domains.js';

/**
 * A finished message with its DKIM signatures before it, for the domain of its From (M-11, M-30). CRLF line ends. null: that domain is not the organisation's any
 * more.
 */
export async function signCopy(
  ctx: Context,
  organisation: OrganisationFacts,
  message: Buffer,
): Promise<Buffer[] | null> {
  const { fields, body } = splitFields(message);
  const headers = fields.map(toField);
  const from = headers.find(([name]) => name.toLowerCase() === 'from')?.[1] ?? '';
  const address = soleAddress(from.replace(/\r\n(?=[ \t])/g, '').trim()) ?? '';
  const domain = domainOf(address);
  if (!(await domainsOf(ctx, organisation)).includes(domain)) return null;
  const signatures = await signMail(ctx, organisation, { headers, body }, domain);
  return [Buffer.from(signatures.map((signature) => `${signature}\r\n`).join('')), message];
}

// A letter for each byte: what was UTF-8 is signed as it stands.
function toField(line: string): HeaderField {
  const colon = line.indexOf(':');
  return [line.slice(0, colon).trimEnd(), Buffer.from(line.slice(colon + 1), 'latin1').toString('utf8')];
}
