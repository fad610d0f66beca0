import { listIn, type Catalogue, type ListFacts } from '../consent/catalogue.js';
import type { Credential } from './credential.js';

/** A list that a mail is for; null: none is named; a text: why what is named cannot be. */
export type NamedList = ListFacts | null | string;

/** The list that the envelope names, `bounce+SLUG@`, else the credential's own. Whatever else stands before an @ is the sender's business. */
export function listOfEnvelope(known: Catalogue, credential: Credential, sender: string): NamedList {
  const slug = /^bounce\+([^@]+)@/i.exec(sender)?.[1];
  if (slug !== undefined) return listInScope(known, credential, slug.toLowerCase());
  return credential.defaultListId === null ? null : listIn(known, credential.defaultListId);
}

/** A list by its slug, if the credential may send to it. A list out of its scope looks like none. */
export function listInScope(known: Catalogue, credential: Credential, slug: string): ListFacts | string {
  const list = known.lists.find((one) => one.slug === slug && credential.listIds.includes(one.id));
  return list ?? 'this credential may not send to the list that is named';
}
