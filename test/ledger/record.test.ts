import { createHmac, hkdfSync } from 'node:crypto';
import { expect } from 'chai';
import { canonicalize } from '../../server/ledger/jcs.js';
import { leafHash } from '../../server/ledger/merkle.js';
import { commit, commitField, leafData } from '../../server/ledger/record.js';
import { itWithVectors } from '../support/shared.js';

interface Derived {
  commitment: { record: object; jcs_utf8: string; opening_r_hex: string; commitment_hex: string };
  leaf: { leaf_utf8: string; leaf_len: number; leaf_hash_hex: string };
}
interface Hmac {
  tests: { name: string; key_hex: string; data_hex: string; mac_hex: string }[];
}
interface Hkdf {
  tests: { ikm_hex: string; salt_hex: string; info_hex: string; L: number; okm_hex: string }[];
}

const opening = Buffer.alloc(32, 7);

describe('a record and its leaf', () => {
  itWithVectors('commit as the vectors say', 'recommended_formats_derived', (vectors) => {
    const { commitment, leaf } = vectors as Derived;

    const committed = commit(Buffer.from(commitment.opening_r_hex, 'hex'), commitment.record);
    const data = leafData(committed);

    expect(canonicalize(commitment.record)).to.equal(commitment.jcs_utf8);
    expect(committed.toString('hex')).to.equal(commitment.commitment_hex);
    expect(data.toString()).to.equal(leaf.leaf_utf8);
    expect(data.length).to.equal(leaf.leaf_len);
    expect(leafHash(data).toString('hex')).to.equal(leaf.leaf_hash_hex);
  });

  it('take an opening of 32 bytes only, because HMAC pads shorter ones', () => {
    expect(() => commit(Buffer.alloc(31), {})).to.throw(RangeError);
    expect(() => commit(Buffer.alloc(33), {})).to.throw(RangeError);
    expect(() => leafData(Buffer.alloc(31))).to.throw(RangeError);
    expect(() => commitField(Buffer.alloc(16), 'ip', '::1')).to.throw(RangeError);
  });

  it('hold no fractions', () => {
    expect(() => commit(opening, { deep: [{ n: 0.5 }] })).to.throw(RangeError);
    expect(() => commit(opening, { n: 2 ** 53 })).to.throw(RangeError);
  });

  it('change with the record, whatever the order of its members', () => {
    const one = commit(opening, { a: 1, b: 2 });

    expect(commit(opening, { b: 2, a: 1 })).to.deep.equal(one);
    expect(commit(opening, { b: 2, a: 2 })).not.to.deep.equal(one);
    expect(commit(Buffer.alloc(32, 8), { b: 2, a: 1 })).not.to.deep.equal(one);
  });
});

describe('a redactable field', () => {
  it('is bound to its name and value', () => {
    const one = commitField(opening, 'ip', '192.0.2.1');

    expect(Buffer.from(one, 'base64')).to.have.length(32);
    expect(commitField(opening, 'user_agent', '192.0.2.1')).not.to.equal(one);
    expect(commitField(opening, 'ip', '192.0.2.2')).not.to.equal(one);
    expect(commitField(Buffer.alloc(32, 8), 'ip', '192.0.2.1')).not.to.equal(one);
  });

  it('cannot move bytes between name and value', () => {
    expect(() => commitField(opening, 'a\0b', 'c')).to.throw(RangeError);
    expect(commitField(opening, 'a', 'b\0c')).not.to.equal(commitField(opening, 'ab', '\0c'));
  });

  it('cannot be opened by another text with the same UTF-8', () => {
    expect(() => commitField(opening, 'mail', '\ud800')).to.throw(RangeError);
  });
});

describe('the primitives below', () => {
  itWithVectors('HMAC-SHA256 passes RFC 4231', 'hmac_sha256', (vectors) => {
    for (const { name, key_hex, data_hex, mac_hex } of (vectors as Hmac).tests) {
      const mac = createHmac('sha256', Buffer.from(key_hex, 'hex')).update(Buffer.from(data_hex, 'hex')).digest('hex');

      expect(mac.slice(0, mac_hex.length), name).to.equal(mac_hex);
    }
  });

  itWithVectors('HKDF-SHA256 passes RFC 5869', 'hkdf_sha256', (vectors) => {
    for (const { ikm_hex, salt_hex, info_hex, L, okm_hex } of (vectors as Hkdf).tests) {
      const [ikm, salt, info] = [ikm_hex, salt_hex, info_hex].map((hex) => Buffer.from(hex, 'hex'));

      expect(Buffer.from(hkdfSync('sha256', ikm!, salt!, info!, L)).toString('hex')).to.equal(okm_hex);
    }
  });
});
