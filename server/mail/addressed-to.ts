import addressparser from 'nodemailer/lib/addressparser';
import { tryAddress } from './address.js';
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
  const named = fields.filter(({ name }) => FIELDS.includes(name)).flatMap(({ value }) => addressesIn(value));
  const isReader = (address: string): boolean => address === (tryAddress(reader)?.normal ?? reader);
  const isOwn = (address: string): boolean => ownDomains.includes(address.slice(address.lastIndexOf('@') + 1));
  if (named.every((address) => isReader(address) || isOwn(address))) return AS_IT_IS;
  return { headers: [mailboxField('To', { address: reader })], without: FIELDS };
}

/** Normalised; what cannot be read counts as somebody else. */
function addressesIn(value: string): string[] {
  return addressparser(value, { flatten: true }).map(({ address }) => tryAddress(address)?.normal ?? address);
}
