import { createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import fc from 'fast-check';
import { parseCheckpoint } from '../../server/ledger/checkpoint.js';
import { cosign, findCosignature, openCosignature } from '../../server/ledger/cosignature.js';
import { Malformed } from '../../server/ledger/malformed.js';
import { COSIGNATURE, formatVkey, parseNote, parseVkey, verifierKey } from '../../server/ledger/note.js';
import { itWithShared, itWithVectors } from '../support/shared.js';

interface Vectors {
  spec_example: { line: string; key_id: string; timestamp: number };
  derived: {
    witness_seed_hex: string;
    witness_vkey: string;
    log_vkey: string;
    timestamp: number;
    checkpoint_body: string;
    checkpoint: string;
  };
}

const NAME = 'witness.example.org/test';
const key = privateKey('01'.repeat(32));
const witness = verifierKey(NAME, key, COSIGNATURE);
const text = 'log.example.org\n8\nXcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=\n';
const now = new Date('2026-01-01T00:00:00.900Z');

describe('a cosignature', () => {
  itWithVectors('is made and read byte for byte as published', 'tlog_cosignature_ed25519', (vectors) => {
    const { derived } = vectors as Vectors;
    const signer = privateKey(derived.witness_seed_hex);
    const signedAt = new Date(derived.timestamp * 1000);

    const { line } = cosign(derived.checkpoint_body, { name: NAME, key: signer, now: signedAt });
    const lines = derived.checkpoint.slice(derived.checkpoint_body.length + 1);
    const found = findCosignature(derived.checkpoint_body, lines, parseVkey(derived.witness_vkey));

    expect(derived.checkpoint.endsWith(line)).to.be.true;
    expect(found).to.deep.equal({ line, signedAt });
    expect(formatVkey(verifierKey(NAME, signer, COSIGNATURE))).to.equal(derived.witness_vkey);
    expect(findCosignature(derived.checkpoint_body, lines, parseVkey(derived.log_vkey))).to.be.null;
  });

  itWithVectors('has the frame of the example in the specification', 'tlog_cosignature_ed25519', (vectors) => {
    const { spec_example: example } = vectors as Vectors;

    const [signature] = parseNote(`${text}\n${example.line.trimEnd()}\n`).signatures;

    expect(signature?.keyId.toString('hex')).to.equal(example.key_id);
    expect(signature?.signature.readBigUInt64BE(0)).to.equal(BigInt(example.timestamp));
    expect(signature?.signature).to.have.length(72);
  });

  itWithShared(
    'stands beside the signature of the log in the note of the corpus',
    ['corpus', 'merkle', 'C2SP+C2SP', 'tlog-cosignature.example1.txt'],
    (path) => {
      const note = parseNote(readFileSync(path));

      expect(parseCheckpoint(note.text).size).to.equal(20_852_163);
      expect(note.signatures.map(({ signature }) => signature.length)).to.deep.equal([64, 72]);
    },
  );

  it('says the second at which it was given', () => {
    const { line, signedAt } = cosign(text, { name: NAME, key, now });

    expect(signedAt.toISOString()).to.equal('2026-01-01T00:00:00.000Z');
    expect(findCosignature(text, line, witness)?.signedAt).to.deep.equal(signedAt);
  });

  it('is refused under another text, another key, another name, or with any byte changed', () => {
    const { line } = cosign(text, { name: NAME, key, now });
    const [signature] = parseNote(`${text}\n${line}`).signatures;
    if (!signature) throw new Error('no signature');
    const other = verifierKey(NAME, privateKey('02'.repeat(32)), COSIGNATURE);

    expect(() => openCosignature(text.replace('8', '9'), signature, witness)).to.throw(Malformed);
    expect(() => openCosignature(text, signature, other)).to.throw(Malformed);
    expect(() => openCosignature(text, { ...signature, name: 'someone.else' }, witness)).to.throw(Malformed);
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 71 }), fc.integer({ min: 1, max: 255 }), (place, flip) => {
        const bytes = Buffer.from(signature.signature);
        bytes[place] = (bytes[place] ?? 0) ^ flip;
        expect(() => openCosignature(text, { ...signature, signature: bytes }, witness)).to.throw(Malformed);
      }),
    );
  });

  it('is no cosignature as a plain signature by the same key, nor the other way round', () => {
    const plain = verifierKey(NAME, key);
    const { line } = cosign(text, { name: NAME, key, now });

    expect(findCosignature(text, line, plain)).to.be.null;
    expect(plain.keyId).not.to.deep.equal(witness.keyId);
  });

  it('is not found where there is none, and not looked for in what is no signature line', () => {
    const { line } = cosign(text, { name: 'other.example.org', key, now });

    expect(findCosignature(text, line, witness)).to.be.null;
    expect(() => findCosignature(text, '<html>\n', witness)).to.throw(Malformed);
    expect(() => findCosignature(text, line.trimEnd(), witness)).to.throw(Malformed);
  });
});

function privateKey(seedHex: string) {
  const der = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), Buffer.from(seedHex, 'hex')]);
  return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
}
