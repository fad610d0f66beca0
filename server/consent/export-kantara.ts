import { confirmedIn, type ExportFacts } from './export-facts.js';

/** A Kantara consent receipt, version 1.1: what most tools for consent receipts read. */
export function toKantara(facts: ExportFacts): object {
  const { records, terms } = facts;
  const confirmed = confirmedIn(records);
  const end = records.findLast((record) => ['confirmed', 'withdrawn', 'renewed'].includes(record.kind)) ?? confirmed;
  return {
    version: 'KI-CR-v1.1.0',
    jurisdiction: terms.jurisdiction,
    // Seconds since 1970.
    consentTimestamp: Math.floor(Date.parse(confirmed.happened_at) / 1000),
    collectionMethod: records[0]?.collection_method ?? 'web-form',
    consentReceiptID: end.record_id,
    language: confirmed.language ?? terms.language,
    piiPrincipalId: confirmed.subject_ref,
    piiControllers: [controllerOf(facts)],
    policyUrl: facts.policyUrl,
    services: [
      {
        service: terms.list.name,
        purposes: terms.purposes.map((purpose, place) => ({
          purpose: purpose.text,
          purposeCategory: [purpose.type],
          // The wording beside the box was ticked, and a mailed link confirmed.
          consentType: 'EXPLICIT',
          piiCategory: terms.pii_types.map(({ name }) => name),
          primaryPurpose: place === 0,
          termination: end.kind === 'withdrawn' ? `withdrawn at ${end.happened_at}` : terms.withdrawal_method,
          thirdPartyDisclosure: terms.recipients.length > 0,
          ...(terms.recipients.length > 0 ? { thirdPartyName: terms.recipients.join('; ') } : {}),
        })),
      },
    ],
    sensitive: terms.sensitive || terms.special_category,
    spiCat: [],
  };
}

function controllerOf({ terms, policyUrl }: ExportFacts): object {
  const { name, address, contact, dpo } = terms.controller;
  return {
    piiController: name,
    onBehalf: false,
    contact: dpo ?? contact,
    address: { streetAddress: address, addressCountry: terms.jurisdiction },
    email: contact,
    // The schema asks for one; there is none.
    phone: '',
    piiControllerUrl: policyUrl,
  };
}
