import { expect } from 'chai';
import { toDpv } from '../../server/consent/export-dpv.js';
import type { ExportFacts } from '../../server/consent/export-facts.js';
import { toKantara } from '../../server/consent/export-kantara.js';
import type { Terms } from '../../server/consent/terms.js';
import type { ConsentRecord } from '../../server/ledger/record.js';

const CONFIRMED = '6f0c4a2e-8a57-4a0e-9d2f-1f2b3c4d5e6f';
const WITHDRAWN = '7f0c4a2e-8a57-4a0e-9d2f-1f2b3c4d5e6f';
const terms: Terms = {
  ...{ format: 'zgoda-terms/v1', language: 'en', list: { id: 'news', name: 'News', frequency: 'weekly' } },
  controller: {
    name: 'Mill Lane Ltd',
    address: 'Mill Lane 4, Dublin',
    contact: 'privacy@mill.example',
    dpo: 'dpo@mill.example',
  },
  purposes: [{ id: 'news', text: 'Courses and tools.', type: 'dpv:DirectMarketing' }],
  ...{ consent_type: 'dpv:ExpressedConsent', lawful_basis: 'consent' },
  pii_types: [
    { type: 'pd:EmailAddress', name: 'e-mail address', optional: false },
    { type: 'pd:DeviceSoftware', name: 'browser', optional: true },
  ],
  ...{ sensitive: false, special_category: false, recipients: ['Mail Carrier GmbH'], storage_locations: ['Ireland'] },
  ...{
    transfers: ['USA: standard clauses'],
    withdrawal_method: 'link in every mail',
    privacy_rights: ['eu-gdpr:A7-3'],
  },
  retention: { rule: 'until-withdrawn', unconfirmed: 'P14D', proof_after_end: 'P3Y' },
  authority: { name: 'Data Protection Commission', url: 'https://www.dataprotection.ie/' },
  ...{ jurisdiction: 'IE', validity: 'until-withdrawn', box_default: 'unticked' },
};
const common = {
  schema_version: 1,
  ...{ subject_ref: 'random-1', list_id: 'news', list_name: 'News', language: 'en' },
  ...{ entity: 'subject', prev_event_commit: null },
  notice: { version: '3', sha256: 'ab'.repeat(32) },
} as const;
const records: ConsentRecord[] = [
  {
    ...common,
    ...{ record_id: 'r-1', kind: 'requested', happened_at: '2026-03-01T10:00:00.000Z', collection_method: 'web-form' },
    form: { url: 'https://mill.example/join' },
  },
  { ...common, record_id: 'r-2', kind: 'offered', happened_at: '2026-03-01T10:00:01.000Z', entity: 'system' },
  {
    ...common,
    ...{
      record_id: CONFIRMED,
      kind: 'confirmed',
      happened_at: '2026-03-01T10:05:00.000Z',
      validity: 'until-withdrawn',
    },
    confirm: { method: 'POST' },
  },
];
const withdrawn: ConsentRecord = {
  ...common,
  ...{ record_id: WITHDRAWN, kind: 'withdrawn', happened_at: '2026-05-01T09:00:00.000Z' },
  withdrawal: { channel: 'one-click' },
};
const facts: ExportFacts = {
  ...{ receiptId: 'consent.example.org/log#42', issuedAt: '2026-06-01T00:00:00.000Z', records, terms },
  ...{ wording: 'I want news.', policyUrl: 'https://mill.example/privacy/mill' },
};

/** Every mandatory field of ISO/IEC TS 27560 (and of the GDPR), and where the DPV profile has it. */
const MANDATORY: readonly (readonly [field: string, path: string, value: unknown])[] = [
  ['schema version', 'record.dct:conformsTo', 'https://w3id.org/dpv/schema/dpv-27560#record-eu-gdpr'],
  ['record id', 'record.dct:identifier', CONFIRMED],
  ['receipt schema', 'dct:conformsTo', 'https://w3id.org/dpv/schema/dpv-27560#receipt-eu-gdpr'],
  ['receipt id', 'dpv:hasIdentifier', 'consent.example.org/log#42'],
  ['receipt time', 'dct:created', '2026-06-01T00:00:00.000Z'],
  ['pii principal id', 'record.dpv:hasDataSubject.dct:identifier', 'random-1'],
  ['privacy notice', 'record.dpv:hasNotice.dct:identifier', 'ab'.repeat(32)],
  ['language', 'record.dct:language', 'en'],
  ['purpose', 'record.dpv:hasProcess.0.dpv:hasPurpose.dct:description', 'Courses and tools.'],
  ['purpose type', 'record.dpv:hasProcess.0.dpv:hasPurpose.skos:broader', 'dpv:DirectMarketing'],
  ['lawful basis', 'record.dpv:hasLegalBasis', 'eu-gdpr:A6-1-a'],
  ['pii type', 'record.dpv:hasProcess.0.dpv:hasPersonalData.0.skos:broader', 'pd:EmailAddress'],
  ['pii optional', 'record.dpv:hasProcess.0.dpv:hasPersonalData.1.dpv:hasNecessity', 'dpv:Optional'],
  ['party id', 'record.dpv:hasDataController.dct:identifier', 'https://mill.example/privacy/mill'],
  ['party name', 'record.dpv:hasDataController.dpv:hasName', 'Mill Lane Ltd'],
  ['party address', 'record.dpv:hasDataController.dpv:hasAddress', 'Mill Lane 4, Dublin'],
  ['party contact', 'record.dpv:hasDataController.dpv:hasContact', 'mailto:privacy@mill.example'],
  ['party type', 'record.dpv:hasDataController.@type', 'dpv:DataController'],
  ['storage locations', 'record.dpv:hasProcess.0.dpv:hasStorageCondition.0.dpv:hasLocation.0', 'Ireland'],
  ['retention period', 'record.dpv:hasProcess.0.dpv:hasStorageCondition.1.dpv:hasDuration', 'until-withdrawn'],
  ['transfers', 'record.dpv:hasProcess.0.dpv:hasProcessing.dct:description.0', 'USA: standard clauses'],
  ['jurisdiction', 'record.dpv:hasJurisdiction', 'loc:IE'],
  ['recipient third parties', 'record.dpv:hasProcess.0.dpv:hasRecipient.1', 'Mail Carrier GmbH'],
  ['withdrawal method', 'record.dpv:hasConsentControl.0.dct:description', 'link in every mail'],
  ['privacy rights', 'record.dpv:hasRight.0.@type.1', 'eu-gdpr:A7-3'],
  ['authority', 'record.dpv:hasAuthority.dpv:hasName', 'Data Protection Commission'],
  ['event time', 'record.dpv:hasConsentStatus.1.dpv:isIndicatedAtTime', '2026-03-01T10:05:00.000Z'],
  ['validity duration', 'record.dpv:hasConsentStatus.1.dct:valid', 'until-withdrawn'],
  ['entity id', 'record.dpv:hasConsentStatus.1.dpv:isIndicatedBy', 'dpv:DataSubject'],
  ['event type', 'record.dpv:hasConsentStatus.1.@type.1', 'dpv:ExpressedConsent'],
  ['event state', 'record.dpv:hasConsentStatus.1.@type.0', 'dpv:ConsentGiven'],
];

describe('a consent record for other systems', () => {
  describe('in the W3C Data Privacy Vocabulary', () => {
    for (const [field, path, value] of MANDATORY) {
      it(`says ${field}`, () => {
        expect(at(toDpv(facts), path)).to.equal(value);
      });
    }

    it('explains every prefix that it uses', () => {
      const written = JSON.stringify(toDpv(facts));
      const context = Object.keys(at(toDpv(facts), '@context') as object);

      const used = [...written.matchAll(/"([a-z]+(?:-[a-z]+)?):[A-Za-z]/g)].map(([, prefix]) => prefix);

      const schemes = ['https', 'urn', 'mailto'];
      expect([...new Set(used)].filter((prefix) => !schemes.includes(prefix ?? ''))).to.have.members(
        context.filter((prefix) => written.includes(`"${prefix}:`)),
      );
    });

    it('tells the withdrawal as the last state, and says where data lies even if nobody said so', () => {
      const after = { ...facts, records: [...records, withdrawn], terms: { ...terms, storage_locations: [] } };

      const states = at(toDpv(after), 'record.dpv:hasConsentStatus') as Record<string, unknown>[];

      expect(states.at(-1)).to.include({ '@type': 'dpv:ConsentWithdrawn', 'dpv:hasIndicationMethod': 'one-click' });
      expect(at(toDpv(after), 'record.dpv:hasProcess.0.dpv:hasStorageCondition.0.dpv:hasLocation.0')).to.equal(
        'loc:IE',
      );
    });
  });

  describe('as a Kantara receipt', () => {
    it('has every member that version 1.1 asks for', () => {
      const receipt = toKantara(facts) as Record<string, unknown>;

      expect(receipt).to.include({
        ...{ version: 'KI-CR-v1.1.0', jurisdiction: 'IE', consentTimestamp: 1772359500, collectionMethod: 'web-form' },
        ...{ consentReceiptID: CONFIRMED, language: 'en', piiPrincipalId: 'random-1', sensitive: false },
        policyUrl: 'https://mill.example/privacy/mill',
      });
      expect(at(receipt, 'piiControllers.0')).to.deep.include({
        piiController: 'Mill Lane Ltd',
        email: 'privacy@mill.example',
      });
      expect(at(receipt, 'services.0.purposes.0')).to.deep.include({
        ...{ purpose: 'Courses and tools.', consentType: 'EXPLICIT', primaryPurpose: true, thirdPartyDisclosure: true },
        ...{ piiCategory: ['e-mail address', 'browser'], thirdPartyName: 'Mail Carrier GmbH' },
      });
    });

    it('says when the consent ended', () => {
      const receipt = toKantara({ ...facts, records: [...records, withdrawn] });

      expect(at(receipt, 'services.0.purposes.0.termination')).to.equal('withdrawn at 2026-05-01T09:00:00.000Z');
      expect(at(receipt, 'consentReceiptID')).to.equal(WITHDRAWN);
    });
  });

  it('is not made of a request that nobody confirmed', () => {
    const pending = { ...facts, records: records.slice(0, 2) };

    expect(() => toDpv(pending)).to.throw('confirmed');
    expect(() => toKantara(pending)).to.throw('confirmed');
  });
});

function at(value: unknown, path: string): unknown {
  const full = path.replace(/^record\./, 'dpv:hasRecordOfActivity.');
  return full.split('.').reduce<unknown>((part, name) => (part as Record<string, unknown>)[name], value);
}
