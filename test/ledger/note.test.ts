import { createPrivateKey, createPublicKey, sign } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { formatCheckpoint, openCheckpoint, parseCheckpoint, signCheckpoint } from '../../server/ledger/checkpoint.js';
import { Malformed } from '../../server/ledger/malformed.js';
import {
  formatVkey,
  openNote,
  parseNote,
  parseVkey,
  signNote,
  verifierKey,
  verifyEd25519,
} from '../../server/ledger/note.js';
import { itWithShared, itWithVectors } from '../support/shared.js';

interface SignedNote {
  verify: { vkey: string; skey?: string; seed_hex?: string; note: string }[];
  vkey_must_reject: string[];
  note_must_reject_with_PeterNeumann_trusted: { why: string; note?: string; note_b64?: string }[];
  peter_sig_line: string;
  text: string;
}
interface CheckpointVectors {
  spec_example: string;
  marshal: { origin: string; size: number; hash_ascii: string; body: string }[];
  must_reject_body: string[];
}
interface Cosignature {
  derived: {
    log_seed_hex: string;
    log_vkey: string;
    witness_vkey: string;
    checkpoint_body: string;
    checkpoint: string;
  };
}
interface Derived {
  single_leaf_tree: { root_hex: string; checkpoint_body: string; checkpoint: string; log_vkey: string };
}
interface Ed25519Vectors {
  rfc8032: { name: string; seed_hex: string; public_hex: string; message_hex: string; signature_hex: string }[];
  rfc8032_test1024: { seed_hex: string; public_hex: string; message_hex: string; signature_hex: string };
  wycheproof_negative: { tests: { tcId: number; pk: string; msg: string; sig: string; comment: string }[] };
}
interface TrustedRoot {
  tlogs: { baseUrl: string; publicKey: { rawBytes: string; keyDetails: string } }[];
}
interface SigstoreBundle {
  verificationMaterial: { tlogEntries: { inclusionProof: { checkpoint: { envelope: string } } }[] };
}

const hex = (text: string) => Buffer.from(text, 'hex');
const keyOf = (seed: Buffer) =>
  createPrivateKey({
    key: Buffer.concat([hex('302e020100300506032b657004220420'), seed]),
    format: 'der',
    type: 'pkcs8',
  });
const key = keyOf(Buffer.alloc(32, 9));
const logKey = verifierKey('log.example.org', key);
const checkpoint = { origin: 'log.example.org', size: 3, root: Buffer.alloc(32, 1) };

describe('Ed25519', () => {
  itWithVectors('passes RFC 8032', 'ed25519', (vectors) => {
    const { rfc8032, rfc8032_test1024 } = vectors as Ed25519Vectors;

    for (const { seed_hex, public_hex, message_hex, signature_hex } of [...rfc8032, rfc8032_test1024]) {
      expect(sign(null, hex(message_hex), keyOf(hex(seed_hex))).toString('hex')).to.equal(signature_hex);
      expect(verifyEd25519(hex(public_hex), hex(message_hex), hex(signature_hex))).to.equal(true);
    }
  });

  itWithVectors('refuses what Wycheproof says is no signature', 'ed25519', (vectors) => {
    for (const { tcId, pk, msg, sig, comment } of (vectors as Ed25519Vectors).wycheproof_negative.tests) {
      expect(verifyEd25519(hex(pk), hex(msg), hex(sig)), `${tcId} ${comment}`).to.equal(false);
    }
  });

  it('answers no for keys and signatures of the wrong length', () => {
    expect(verifyEd25519(Buffer.alloc(31), 'text', Buffer.alloc(64))).to.equal(false);
    expect(verifyEd25519(Buffer.alloc(32), 'text', Buffer.alloc(63))).to.equal(false);
  });
});

describe('a verifier key', () => {
  itWithVectors('is read and written as the vectors say', 'signed_note', (vectors) => {
    for (const { vkey } of (vectors as SignedNote).verify) expect(formatVkey(parseVkey(vkey))).to.equal(vkey);
  });

  itWithVectors('is refused when it is mangled', 'signed_note', (vectors) => {
    const { vkey_must_reject, verify } = vectors as SignedNote;
    const mangled = verify.flatMap(({ vkey }) => [...substrings(vkey), ...increments(vkey)]);

    for (const vkey of [...vkey_must_reject, ...mangled]) expect(() => parseVkey(vkey), vkey).to.throw(Malformed);
  });

  it('belongs to an Ed25519 key with a name that fits a note', () => {
    expect(() => verifierKey('two words', key)).to.throw(Malformed);
    expect(() => verifierKey('a+b', key)).to.throw(Malformed);
    expect(() => verifierKey('a\u2003b', key)).to.throw(Malformed);
    expect(() => verifierKey('', key)).to.throw(Malformed);
    expect(verifierKey('log.example.org', createPublicKey(key))).to.deep.equal(logKey);
  });
});

describe('a signed note', () => {
  itWithVectors('opens under its keys and ignores unknown ones', 'signed_note', (vectors) => {
    for (const { vkey, note } of (vectors as SignedNote).verify) {
      const trusted = parseVkey(vkey);

      const opened = openNote(note, [trusted]);

      expect(note.startsWith(`${opened.text}\n— `)).to.equal(true);
      expect(opened.signedBy).to.deep.equal([trusted]);
      expect(() => openNote(note, [logKey]))
        .to.throw(Malformed)
        .with.property('what', 'signature');
    }
  });

  itWithVectors('is signed byte for byte as the vectors say', 'signed_note', (vectors) => {
    const { text, verify, peter_sig_line } = vectors as SignedNote;
    const [, peter, enoch] = verify;
    const peterSeed = Buffer.from(peter!.skey!.split('+').slice(4).join('+'), 'base64').subarray(1);

    expect(signNote(text, 'PeterNeumann', keyOf(peterSeed))).to.equal(peter!.note);
    expect(signNote(text, 'EnochRoot', keyOf(hex(enoch!.seed_hex!)))).to.equal(enoch!.note.replace(peter_sig_line, ''));
  });

  itWithVectors('is refused when it is malformed', 'signed_note', (vectors) => {
    const { note_must_reject_with_PeterNeumann_trusted: cases, text, peter_sig_line, verify } = vectors as SignedNote;
    const trusted = [parseVkey(verify[1]!.vkey)];

    for (const { why, note, note_b64 } of cases) {
      const bytes = note_b64 === undefined ? (note ?? `${text}\n${peter_sig_line.repeat(101)}`) : note_b64;
      const input = note_b64 === undefined ? bytes : Buffer.from(bytes, 'base64');
      expect(() => openNote(input, trusted), why).to.throw(Malformed);
    }
    expect(openNote(`${text}\n${peter_sig_line.repeat(100)}`, trusted).text).to.equal(text);
    expect(() => openNote(`${text}\n— Bad Name ${peter_sig_line.split(' ')[2]!}`, trusted)).to.throw(Malformed);
  });

  itWithShared('of the specifications can be read', ['corpus', 'merkle', 'C2SP+C2SP'], (path) => {
    for (const file of readdirSync(path)) {
      expect(parseNote(readFileSync(join(path, file))).signatures.length, file).to.be.greaterThan(0);
    }
  });

  it('is refused after any change to its text or signature', () => {
    const note = signCheckpoint(checkpoint, key);
    fc.assert(
      fc.property(
        fc.nat(note.length - 1),
        fc.string({ minLength: 1, maxLength: 1, unit: 'grapheme-ascii' }),
        (at, by) => {
          const bent = note.slice(0, at) + by + note.slice(at + 1);
          fc.pre(bent !== note);

          expect(() => openCheckpoint(bent, [logKey])).to.throw(Malformed);
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('never fails in another way than Malformed, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array(), fc.string({ unit: 'binary' })), (bytes) => {
        const input = typeof bytes === 'string' ? bytes : Buffer.from(bytes);

        expect(() => openCheckpoint(input, [logKey])).to.throw(Malformed);
      }),
    );
  });

  it('is not signed when its text could not be read back', () => {
    for (const text of ['no newline', 'tab\there\n', 'return\r\n', 'lone \ud800\n']) {
      expect(() => signNote(text, 'log.example.org', key)).to.throw(Malformed);
    }
  });
});

describe('a checkpoint', () => {
  itWithVectors('is written and read as the vectors say', 'tlog_checkpoint', (vectors) => {
    const { marshal, must_reject_body, spec_example } = vectors as CheckpointVectors;

    for (const { origin, size, hash_ascii, body } of marshal) {
      expect(formatCheckpoint({ origin, size, root: Buffer.from(hash_ascii) })).to.equal(body);
      expect(() => parseCheckpoint(body), 'a root has 32 bytes').to.throw(Malformed);
    }
    for (const body of must_reject_body) expect(() => parseCheckpoint(body), body).to.throw(Malformed);
    expect(parseCheckpoint(parseNote(spec_example).text)).to.include({
      origin: 'example.com/behind-the-sofa',
      size: 20852163,
    });
  });

  itWithVectors('of the derived log is reproduced', 'recommended_formats_derived', (vectors) => {
    const { root_hex, checkpoint_body, checkpoint: signed, log_vkey } = (vectors as Derived).single_leaf_tree;

    const opened = openCheckpoint(signed, [parseVkey(log_vkey)]);

    expect(opened.root.toString('hex')).to.equal(root_hex);
    expect(formatCheckpoint(opened)).to.equal(checkpoint_body);
  });

  itWithVectors('with a cosignature is opened by the log key', 'tlog_cosignature_ed25519', (vectors) => {
    const {
      log_seed_hex,
      log_vkey,
      witness_vkey,
      checkpoint: signed,
      checkpoint_body,
    } = (vectors as Cosignature).derived;
    const seed = keyOf(hex(log_seed_hex));
    const body = parseCheckpoint(checkpoint_body);

    const keys = [parseVkey(log_vkey), parseVkey(witness_vkey)];

    expect(formatVkey(verifierKey(body.origin, seed))).to.equal(log_vkey);
    expect(signed.startsWith(signCheckpoint(body, seed))).to.equal(true);
    expect(openCheckpoint(signed, keys).note.signatures.length).to.equal(2);
  });

  it('has exactly three lines in their one spelling', () => {
    const root = checkpoint.root.toString('base64');
    const spellings = [
      `log\n03\n${root}\n`,
      `log\n+3\n${root}\n`,
      `log\n3 \n${root}\n`,
      `log\n9007199254740992\n${root}\n`,
      `log\n3\n${root.slice(0, -2)}F=\n`,
      `log\n3\n${root}\n\n`,
      `log\n3\n${root}\nextension\n`,
      `log\n3\n${root}`,
      `\n3\n${root}\n`,
    ];

    for (const text of spellings) expect(() => parseCheckpoint(text), text).to.throw(Malformed);
  });

  it('is not opened by the key of another log', () => {
    const foreign = signNote(formatCheckpoint(checkpoint), 'other.example.org', key);

    expect(() => openCheckpoint(foreign, [verifierKey('other.example.org', key)]))
      .to.throw(Malformed)
      .with.property('what', 'checkpoint');
  });

  it('is never signed for a size or root that no tree has', () => {
    expect(() => signCheckpoint({ ...checkpoint, root: Buffer.alloc(31) }, key)).to.throw(RangeError);
    expect(() => signCheckpoint({ ...checkpoint, size: -1 }, key)).to.throw(RangeError);
    expect(() => signCheckpoint({ ...checkpoint, origin: 'two\nlines' }, key)).to.throw(RangeError);
  });

  itWithShared(
    'of Rekor v2 opens under the key of its log, and only then',
    ['corpus', 'merkle', 'sigstore+sigstore-conformance', 'bundle-verify'],
    (path) => {
      const folders = readdirSync(path).filter((folder) => existsSync(join(path, folder, 'trusted_root.json')));
      for (const folder of folders) {
        const root = JSON.parse(readFileSync(join(path, folder, 'trusted_root.json'), 'utf8')) as TrustedRoot;
        const file = readFileSync(join(path, folder, 'bundle.sigstore.json'), 'utf8');
        const { tlogEntries } = (JSON.parse(file) as SigstoreBundle).verificationMaterial;
        const keys = root.tlogs
          .filter(({ publicKey }) => publicKey.keyDetails === 'PKIX_ED25519')
          .map(({ baseUrl, publicKey }) =>
            verifierKey(
              new URL(baseUrl).host,
              createPublicKey({ key: Buffer.from(publicKey.rawBytes, 'base64'), format: 'der', type: 'spki' }),
            ),
          );

        const open = () => openCheckpoint(tlogEntries[0]!.inclusionProof.checkpoint.envelope, keys);

        if (folder.endsWith('_fail')) expect(open, folder).to.throw(Malformed);
        else expect(open().size, folder).to.equal(736);
      }
      expect(folders.length).to.be.greaterThan(5);
    },
  );
});

function substrings(vkey: string): string[] {
  return Array.from({ length: vkey.length }, (_, length) => vkey.slice(0, length));
}

function increments(vkey: string): string[] {
  return Array.from(
    { length: vkey.length },
    (_, at) => vkey.slice(0, at) + String.fromCharCode(vkey.charCodeAt(at) + 1) + vkey.slice(at + 1),
  );
}
