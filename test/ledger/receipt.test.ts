import { createHash } from 'node:crypto';
import { expect } from 'chai';
import { buildReceipt, RECEIPT_LIMITS, type ReceiptParts } from '../../server/ledger/receipt.js';
import { parseProof } from '../../server/ledger/tlog-proof.js';

const parts: ReceiptParts = {
  number: '42',
  issuedAt: new Date('2026-03-01T10:00:00.000Z'),
  log: { origin: 'log.example.org', vkey: 'vkey' },
  claim: 'consent' as const,
  anchors: { interval: null, stamps: [] },
  policy: null,
  list: 'News',
  organisation: 'Example',
  events: [
    {
      record: {
        schema_version: 1,
        record_id: 'r1',
        subject_ref: 's1',
        kind: 'requested',
        happened_at: '2026-03-01T10:00:00.000Z',
        list_id: 'news',
        list_name: 'News',
        prev_event_commit: null,
      },
      opening: Buffer.alloc(32, 1),
      fields: { ip: { salt: Buffer.alloc(32, 2), value: '192.0.2.1' } },
      proof: { index: 7, hashes: [Buffer.alloc(32, 3)], checkpoint: 'checkpoint\n' },
    },
  ],
  texts: ['Zażółć gęślą jaźń'],
};

describe('a receipt', () => {
  it('holds everything that a verifier needs, in one readable file', () => {
    const text = buildReceipt(parts);

    const receipt = JSON.parse(text) as { events: { kind: string; record: object; fields: object; proof: string }[] };
    const [event] = receipt.events;
    expect(receipt).to.include({ format: 'zgoda-receipt/v1', number: '42', issued_at: '2026-03-01T10:00:00.000Z' });
    expect(receipt).to.deep.include({ log: parts.log, limits: [...RECEIPT_LIMITS] });
    expect(receipt).to.deep.include({ texts: { [sha256(parts.texts[0]!)]: parts.texts[0] } });
    expect(event!.kind).to.equal('requested');
    expect(event!.record).to.deep.equal(parts.events[0]!.record);
    expect(event!.fields).to.deep.equal({
      ip: { salt: Buffer.alloc(32, 2).toString('base64'), value: '192.0.2.1' },
    });
    expect(parseProof(event!.proof)).to.deep.equal({ ...parts.events[0]!.proof, extra: Buffer.alloc(32, 1) });
    expect(text).to.match(/^\{\n {2}"format"/);
  });

  it('is not built with an opening that is none', () => {
    const events = parts.events.map((event) => ({ ...event, opening: Buffer.alloc(16) }));

    expect(() => buildReceipt({ ...parts, events })).to.throw(RangeError);
  });
});

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
