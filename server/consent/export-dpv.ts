import type { ConsentRecord, EventKind } from '../ledger/record.js';
import { confirmedIn, type ExportFacts } from './export-facts.js';

/** Where the names are explained. */
const CONTEXT = {
  dpv: 'https://w3id.org/dpv#',
  pd: 'https://w3id.org/dpv/pd#',
  loc: 'https://w3id.org/dpv/loc#',
  'eu-gdpr': 'https://w3id.org/dpv/legal/eu/gdpr#',
  dct: 'http://purl.org/dc/terms/',
  rdf: 'http://www.w3.org/1999/02/22-rdf-syntax-ns#',
  skos: 'http://www.w3.org/2004/02/skos/core#',
};

const STATUS: Partial<Record<EventKind, string>> = {
  requested: 'dpv:ConsentRequested',
  confirmed: 'dpv:ConsentGiven',
  renewed: 'dpv:RenewedConsentGiven',
  'changed-address': 'dpv:RenewedConsentGiven',
  withdrawn: 'dpv:ConsentWithdrawn',
};

/** A consent receipt with its record, in the profile of ISO/IEC TS 27560 that the W3C DPV community wrote for the GDPR; JSON-LD. */
export function toDpv(facts: ExportFacts): object {
  return {
    '@context': CONTEXT,
    '@id': `urn:uuid:${last(facts.records).record_id}#receipt`,
    '@type': 'dpv:ConsentReceipt',
    'dct:conformsTo': 'https://w3id.org/dpv/schema/dpv-27560#receipt-eu-gdpr',
    'dct:identifier': facts.receiptId,
    'dpv:hasIdentifier': facts.receiptId,
    'dct:created': facts.issuedAt,
    'dpv:hasRecordOfActivity': recordOf(facts),
  };
}

function recordOf(facts: ExportFacts): object {
  const { records, terms } = facts;
  const confirmed = confirmedIn(records);
  return {
    '@id': `urn:uuid:${confirmed.record_id}`,
    '@type': 'dpv:ConsentRecord',
    'dct:conformsTo': 'https://w3id.org/dpv/schema/dpv-27560#record-eu-gdpr',
    'dct:hasVersion': String(confirmed.schema_version),
    'dct:identifier': confirmed.record_id,
    'dct:language': confirmed.language ?? terms.language,
    'dpv:hasDataSubject': { '@type': 'dpv:DataSubject', 'dct:identifier': confirmed.subject_ref },
    'dpv:hasDataController': controllerOf(facts),
    'dpv:hasJurisdiction': `loc:${terms.jurisdiction}`,
    'dpv:hasApplicableLaw': 'eu-gdpr:GDPR',
    'dpv:hasLegalBasis': terms.lawful_basis === 'consent' ? 'eu-gdpr:A6-1-a' : terms.lawful_basis,
    'dpv:hasNotice': noticeOf(facts, confirmed),
    'dpv:hasProcess': processOf(facts),
    'dpv:hasConsentControl': [
      { '@type': 'dpv:WithdrawConsent', 'dct:description': terms.withdrawal_method },
      { '@type': 'dpv:ProvideConsent', 'dct:description': records[0]?.collection_method ?? 'web-form' },
    ],
    'dpv:hasRight': terms.privacy_rights.map((right) => ({ '@type': ['dpv:DataSubjectRight', right] })),
    'dpv:hasAuthority': {
      '@type': 'dpv:Authority',
      'dpv:hasName': terms.authority.name,
      'dpv:hasContact': terms.authority.url,
    },
    'dpv:hasConsentStatus': records.flatMap((record) => statusOf(facts, record)),
  };
}

function controllerOf({ terms, policyUrl }: ExportFacts): object {
  const { name, address, contact, dpo } = terms.controller;
  return {
    '@id': policyUrl,
    '@type': 'dpv:DataController',
    'dct:identifier': policyUrl,
    'dpv:hasName': name,
    'dpv:hasAddress': address,
    'dpv:hasContact': `mailto:${contact}`,
    ...(dpo === undefined
      ? {}
      : { 'dpv:hasRepresentative': { '@type': 'dpv:DataProtectionOfficer', 'dpv:hasContact': dpo } }),
  };
}

function noticeOf({ policyUrl, wording, records }: ExportFacts, confirmed: ConsentRecord): object {
  const requested = records[0] ?? confirmed;
  return {
    '@id': policyUrl,
    '@type': 'dpv:ConsentNotice',
    'dct:identifier': confirmed.notice?.sha256 ?? confirmed.wording?.sha256,
    'dct:hasVersion': confirmed.notice?.version ?? confirmed.wording?.version,
    'dct:date': requested.happened_at,
    'dct:language': requested.language,
    'dct:description': wording,
    ...(requested.form ? { 'dct:source': requested.form.url } : {}),
  };
}

function processOf({ terms }: ExportFacts): object[] {
  return terms.purposes.map((purpose) => ({
    '@type': 'dpv:Process',
    'dct:identifier': purpose.id,
    'dpv:hasService': terms.list.name,
    'dpv:hasPurpose': { '@type': 'dpv:Purpose', 'skos:broader': purpose.type, 'dct:description': purpose.text },
    'dpv:hasPersonalData': terms.pii_types.map(({ type, name, optional }) => ({
      'skos:broader': type,
      'dct:description': name,
      'dpv:hasNecessity': optional ? 'dpv:Optional' : 'dpv:Required',
      'dpv:hasDataSource': 'dpv:DataSubjectDataSource',
    })),
    'dpv:hasRecipient': [terms.controller.name, ...terms.recipients],
    'dpv:hasStorageCondition': [
      { '@type': 'dpv:StorageLocation', 'dpv:hasLocation': placesOf(terms) },
      { '@type': 'dpv:StorageDuration', 'dpv:hasDuration': terms.retention.rule },
      { '@type': 'dpv:StorageDeletion', 'dpv:hasDuration': terms.retention.proof_after_end },
    ],
    ...(terms.transfers.length > 0
      ? { 'dpv:hasProcessing': { '@type': 'dpv:Transfer', 'dct:description': terms.transfers } }
      : {}),
  }));
}

// Mandatory: where the file of the organisation does not say, the jurisdiction is what is known.
function placesOf({ storage_locations: places, jurisdiction }: ExportFacts['terms']): readonly string[] {
  return places.length > 0 ? places : [`loc:${jurisdiction}`];
}

function statusOf({ terms }: ExportFacts, record: ConsentRecord): object[] {
  const status = STATUS[record.kind];
  if (status === undefined) return [];
  const isGiven = status.endsWith('Given');
  return [
    {
      '@type': isGiven ? [status, terms.consent_type] : status,
      'dct:identifier': record.record_id,
      'dpv:isIndicatedAtTime': record.happened_at,
      'dpv:isIndicatedBy': record.entity === 'subject' ? 'dpv:DataSubject' : (record.entity ?? 'dpv:DataSubject'),
      'dpv:hasIndicationMethod': methodOf(record),
      ...(isGiven ? { 'dct:valid': record.validity ?? terms.validity } : {}),
    },
  ];
}

function methodOf({ kind, collection_method: collected, confirm, withdrawal, cause }: ConsentRecord): string {
  if (kind === 'requested') return collected ?? 'web-form';
  if (confirm) return confirm.method === 'reply' ? 'signed reply to a mail' : 'button on a page behind a mailed link';
  return withdrawal?.channel ?? cause ?? kind;
}

function last(records: readonly ConsentRecord[]): ConsentRecord {
  return records.at(-1) ?? confirmedIn(records);
}
