import addressparser from 'nodemailer/lib/addressparser';
import { domainOf, tryAddress } from './address.js';
import { mailboxField, type HeaderField } from './headers.js';
import type { RawField } from './mime-fields.js';

/** Fields of a copy that say for whom it is. */
export interface AddressedTo {
  readonly headers: readonly HeaderField[];
  /** Names of fields that go. */
  readonly without: readonly string[];
}

const AS_IT_IS: AddressedTo = { headers: [], without: [] };
const FIELDS = ['to', 'cc', 'resent-to', 'resent-cc'];

/**
 * For whom the copy of one reader is: where the message names other people, only for that reader, since nobody is to learn who else is on a list (F-01). The
 * sender's own addresses, on `ownDomains`, are no other people. `reader` as envelopes take it.
 */
export function addressedTo(fields: readonly RawField[], reader: string, ownDomains: readonly string[]): AddressedTo {
  const named = namedIn(fields);
  const others = named.filter((address) => !ownDomains.includes(domainOf(address)));
  if (others.length === 0) return AS_IT_IS;
  const normal = tryAddress(reader)?.normal ?? reader;
  if (others.every((address) => address === normal)) return AS_IT_IS;
  return { headers: [mailboxField('To', { address: reader })], without: FIELDS };
}

// A message goes to many: it is read once for them.
const known = new WeakMap<readonly RawField[], readonly string[]>();

function namedIn(fields: readonly RawField[]): readonly string[] {
  const named =
    known.get(fields) ?? fields.filter(({ name }) => FIELDS.includes(name)).flatMap(({ value }) => addressesIn(value));
  known.set(fields, named);
  return named;
}

/** Normalised; what cannot be read counts as somebody else. */
function addressesIn(value: string): string[] {
  return addressparser(value, { flatten: true }).map(({ address }) => tryAddress(address)?.normal ?? address);
}
