import type { NewEvent } from '../ledger/append.js';
import { noticeOf, textOf, type ListFacts, type Wording } from './catalogue.js';
import { termsOf, VALIDITY } from './terms.js';

/** The part of a record that says which list, whose, under which words: the same in every event of a chapter (standards.md 3.2). */
export function listRecord(
  list: ListFacts,
  wording: Wording,
  language: string,
): Omit<NewEvent['record'], 'prev_event_commit'> {
  const { organisation } = list;
  const notice = noticeOf(list, language);
  return {
    language,
    list_id: list.id,
    list_name: textOf(list, language).name,
    lawful_basis: 'consent',
    controller: {
      name: organisation.legalName,
      address: organisation.postalAddress,
      contact: organisation.privacyContact,
    },
    jurisdiction: organisation.jurisdiction,
    wording: { version: String(wording.version), sha256: wording.sha256.toString('hex') },
    ...(notice ? { notice: { version: String(notice.version), sha256: notice.sha256.toString('hex') } } : {}),
    terms: { sha256: termsOf(list, language).sha256 },
    validity: VALIDITY,
  };
}
