import type { OrganisationFacts } from '../consent/catalogue.js';
import type { Context } from '../context.js';
import { signMail } from '../delivery/signing.js';
import { Refusal } from '../errors.js';
import { splitFields } from '../mail/header-lines.js';
import type { HeaderField } from '../mail/headers.js';
import { soleAddress } from '../mail/sole-address.js';
import { domainOf } from './read-in.js';

/** A finished message with its DKIM signatures before it, by the keys of its From domain (M-30, M-31). CRLF line ends. Its From was checked when it came in. */
export async function signCopy(ctx: Context, organisation: OrganisationFacts, message: Buffer): Promise<Buffer[]> {
  const { fields, body } = splitFields(message);
  const headers = fields.map(toField);
  const signatures = await signMail(ctx, organisation, { headers, body }, domainOf(fromOf(headers)));
  return [Buffer.from(signatures.map((one) => `${one}\r\n`).join('')), message];
}

function fromOf(headers: readonly HeaderField[]): string {
  const value = headers.find(([name]) => name.toLowerCase() === 'from')?.[1] ?? '';
  const address = soleAddress(value.replace(/\r\n(?=[ \t])/g, ''));
  if (address === null) throw new Refusal('message-refused', 'The message is refused: it has no From.');
  return address;
}

// A letter for each byte: what was UTF-8 is signed as it stands.
function toField(line: string): HeaderField {
  const colon = line.indexOf(':');
  return [line.slice(0, colon).trimEnd(), Buffer.from(line.slice(colon + 1), 'latin1').toString('utf8')];
}
