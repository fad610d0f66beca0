import type { OrganisationFacts } from '../consent/catalogue.js';
import type { Context } from '../context.js';
import { signerOf } from '../delivery/signing.js';
import { signDkim } from '../mail/dkim.js';
import { splitFields } from '../mail/header-lines.js';
import type { HeaderField } from '../mail/headers.js';

/** A finished message with its DKIM signature before it (M-30). CRLF line ends. */
export async function signCopy(ctx: Context, organisation: OrganisationFacts, message: Buffer): Promise<Buffer[]> {
  const { fields, body } = splitFields(message);
  const { domain, selector, key } = await signerOf(ctx, organisation);
  const signature = await signDkim({ headers: fields.map(toField), body, domain, selector, key, now: ctx.now() });
  return [Buffer.from(`${signature}\r\n`), message];
}

// A letter for each byte: what was UTF-8 is signed as it stands.
function toField(line: string): HeaderField {
  const colon = line.indexOf(':');
  return [line.slice(0, colon).trimEnd(), Buffer.from(line.slice(colon + 1), 'latin1').toString('utf8')];
}
