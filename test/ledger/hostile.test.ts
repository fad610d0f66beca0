import { generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import { expect } from 'chai';
import { parseAddCheckpoint, parseSize } from '../../server/ledger/add-checkpoint.js';
import { findCosignature } from '../../server/ledger/cosignature.js';
import { Malformed } from '../../server/ledger/malformed.js';
import { COSIGNATURE, parseVkey, verifierKey } from '../../server/ledger/note.js';
import { parsePolicy } from '../../server/ledger/policy.js';
import { nonceFrom, openTimeStampReply } from '../../server/ledger/rfc3161.js';
import { readSubmission } from '../../server/witness/judge.js';
import { makePaperLog } from '../support/log.js';

const words = fc.constantFrom(
  'old',
  'log',
  'witness',
  'group',
  'quorum',
  'none',
  'all',
  '0',
  '1',
  '9',
  '—',
  'AAAA=',
  'a+b+c',
);
const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 300 }),
  fc.array(fc.oneof(words, fc.constantFrom(' ', '\n', '\n\n', '\t')), { maxLength: 40 }).map((parts) => parts.join('')),
);

describe('whatever comes from outside', () => {
  const key = verifierKey('w', generateKeyPairSync('ed25519').publicKey, COSIGNATURE);

  for (const [what, read] of [
    ['an add-checkpoint request', parseAddCheckpoint],
    ['a size', parseSize],
    ['a policy', parsePolicy],
    ['an answer of a witness', (any: string) => findCosignature('text\n', any, key)],
  ] as const) {
    it(`is read as ${what}, or refused as malformed, and nothing else`, () => {
      fc.assert(
        fc.property(text, (any) => {
          try {
            read(any);
          } catch (error) {
            expect(error).to.be.instanceOf(Malformed);
          }
        }),
        { numRuns: 500 },
      );
    });
  }

  it('gets an answer from a witness', async () => {
    const log = makePaperLog();
    const good = await log.request(2, 5);
    const bent = fc
      .tuple(fc.nat({ max: good.length - 1 }), fc.string({ unit: 'binary', maxLength: 3 }))
      .map(([place, more]) => good.slice(0, place) + more + good.slice(place + more.length));

    fc.assert(
      fc.property(fc.oneof(text, bent), (body) => {
        const result = readSubmission(body, [parseVkey(log.vkey)]);
        if ('status' in result) expect(result.status).to.be.oneOf([400, 403, 404]);
        else expect(result.note, 'what is accepted is signed').to.contain(log.note(5));
      }),
      { numRuns: 500 },
    );
  });

  it('is no time stamp', async () => {
    const asked = { note: 'note\n', nonce: nonceFrom(Buffer.alloc(8)), roots: [], now: new Date() };
    const der = fc
      .tuple(
        fc.constantFrom('3003020100', '300502010030', '30800000', '308400000000', 'a0800000'),
        fc.uint8Array({ maxLength: 60 }),
      )
      .map(([start, more]) => Buffer.concat([Buffer.from(start, 'hex'), more]));

    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
          der,
        ),
        async (bytes) => {
          const result = await openTimeStampReply(bytes, asked).catch((error: unknown) => error);
          expect(result).to.be.instanceOf(Malformed);
        },
      ),
      { numRuns: 500 },
    );
  });
});
