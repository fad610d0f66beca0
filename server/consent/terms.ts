import { createHash } from 'node:crypto';
import { canonicalize } from '../ledger/jcs.js';
import { authorityOf } from './authority.js';
import { inWords, textOf, type ListFacts } from './catalogue.js';
import { PROOF_YEARS, PURGE_DAYS } from './periods.js';

/**
 * What holds for everybody who joins a list, in one language (standards.md 3.2): kept once as a text, and named in each record by its hash, so that records
 * stay small. `dpv:`, `pd:` and `eu-gdpr:` terms are those of the W3C Data Privacy Vocabulary.
 */
export interface Terms {
  readonly format: 'zgoda-terms/v1';
  readonly language: string;
  readonly list: { readonly id: string; readonly name: string; readonly frequency: string };
  readonly controller: {
    readonly name: string;
    readonly address: string;
    readonly contact: string;
    readonly dpo?: string;
  };
  readonly purposes: readonly { readonly id: string; readonly text: string; readonly type: string }[];
  readonly consent_type: string;
  readonly lawful_basis: string;
  readonly pii_types: readonly { readonly type: string; readonly name: string; readonly optional: boolean }[];
  readonly sensitive: boolean;
  readonly special_category: boolean;
  /** Beside the controller; empty: nobody. */
  readonly recipients: readonly string[];
  readonly storage_locations: readonly string[];
  /** To countries outside the European Economic Area, with their safeguards; empty: none. */
  readonly transfers: readonly string[];
  readonly retention: { readonly rule: string; readonly unconfirmed: string; readonly proof_after_end: string };
  readonly withdrawal_method: string;
  readonly privacy_rights: readonly string[];
  readonly authority: { readonly name: string; readonly url: string };
  readonly jurisdiction: string;
  readonly validity: string;
  /** How the box stands before anybody touches it. */
  readonly box_default: 'unticked';
}

/** The terms of a list as they are kept: canonical JSON, and SHA-256 of it in lower-case hex. */
export interface KeptTerms {
  readonly body: string;
  readonly sha256: string;
}

export const VALIDITY = 'until-withdrawn';
const RIGHTS = ['A7-3', 'A13', 'A15', 'A16', 'A17', 'A18', 'A20', 'A21', 'A77'].map((article) => `eu-gdpr:${article}`);
const kept = new WeakMap<ListFacts, Map<string, KeptTerms>>();

/** What a list says in a language, or in its own where it has none in that one. Computed once for each reading of the catalogue. */
export function termsOf(list: ListFacts, language: string): KeptTerms {
  const known = kept.get(list) ?? new Map<string, KeptTerms>();
  kept.set(list, known);
  const found = known.get(language);
  if (found) return found;
  const body = canonicalize(writeTerms(list, language));
  const terms = { body, sha256: createHash('sha256').update(body, 'utf8').digest('hex') };
  known.set(language, terms);
  return terms;
}

function writeTerms(list: ListFacts, language: string): Terms {
  const { organisation } = list;
  const text = textOf(list, language);
  const authority = authorityOf(organisation.jurisdiction);
  return {
    format: 'zgoda-terms/v1',
    language,
    list: { id: list.id, name: text.name, frequency: text.frequency },
    controller: {
      name: organisation.legalName,
      address: organisation.postalAddress,
      contact: organisation.privacyContact,
      ...(organisation.officer === null ? {} : { dpo: organisation.officer }),
    },
    purposes: [
      {
        id: list.id,
        text: text.about,
        type: list.kind === 'tracking' ? 'dpv:ServiceUsageAnalytics' : 'dpv:DirectMarketing',
      },
    ],
    consent_type: 'dpv:ExpressedConsent',
    lawful_basis: 'consent',
    pii_types: [
      { type: 'pd:EmailAddress', name: 'e-mail address', optional: false },
      { type: 'pd:IPAddress', name: 'network address, as evidence', optional: false },
      ...(list.kind === 'tracking'
        ? [{ type: 'pd:Behavioral', name: 'which mails are opened and which links followed', optional: false }]
        : []),
      { type: 'pd:DeviceSoftware', name: 'browser and its languages as it names them, as evidence', optional: true },
      ...organisation.attributes.map((rule) => ({
        ...{ type: 'dpv:PersonalData', name: inWords(rule.labels, language, organisation.language) || rule.name },
        optional: true,
      })),
    ],
    sensitive: organisation.attributes.some(({ isSensitive }) => isSensitive),
    special_category: false,
    recipients: [...(text.sharedWith === '' ? [] : [text.sharedWith]), ...organisation.recipients],
    storage_locations: organisation.storageLocations,
    transfers: organisation.transfers,
    retention: {
      rule: text.retention === '' ? VALIDITY : text.retention,
      unconfirmed: `P${PURGE_DAYS}D`,
      proof_after_end: `P${PROOF_YEARS}Y`,
    },
    withdrawal_method: 'link in every mail, one-click header, settings page',
    privacy_rights: RIGHTS,
    authority: { name: authority.name, url: authority.href },
    jurisdiction: organisation.jurisdiction,
    validity: VALIDITY,
    box_default: 'unticked',
  };
}
