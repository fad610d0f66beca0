import { hash } from 'node:crypto';

/** Root of the tree without leaves: SHA-256 of nothing. RFC 6962 2.1. */
export const EMPTY_ROOT: Buffer = hash('sha256', Buffer.alloc(0), 'buffer');

const LEAF_PREFIX = Buffer.from([0]);
const NODE_PREFIX = Buffer.from([1]);

/** Hash of one leaf's data; 32 bytes. RFC 6962 2.1. */
export function leafHash(data: Buffer): Buffer {
  return hash('sha256', Buffer.concat([LEAF_PREFIX, data]), 'buffer');
}

/** Hash of an inner node over its two children (32 bytes each); 32 bytes. RFC 6962 2.1. */
export function nodeHash(left: Buffer, right: Buffer): Buffer {
  return hash('sha256', Buffer.concat([NODE_PREFIX, left, right]), 'buffer');
}

/** Root over leaf hashes, or over equal perfect subtrees of which the last may be smaller; 32 bytes. RFC 6962 2.1. */
export function rootOf(hashes: readonly Buffer[]): Buffer {
  const [only] = hashes;
  if (only === undefined) return EMPTY_ROOT;
  if (hashes.length === 1) return only;
  const split = splitPoint(hashes.length);
  return nodeHash(rootOf(hashes.slice(0, split)), rootOf(hashes.slice(split)));
}

/** Largest power of two below `size` (at least 2). RFC 6962 2.1 calls it k. */
export function splitPoint(size: number): number {
  let power = 1;
  while (power * 2 < size) power *= 2;
  return power;
}

/** A claim that a leaf stands at `index` of the tree of `size` leaves. Hashes are 32 bytes. */
export interface InclusionClaim {
  readonly index: number;
  readonly size: number;
  readonly leafHash: Buffer;
  readonly root: Buffer;
  readonly proof: readonly Buffer[];
}

/** Whether the audit path leads from the leaf to the root. RFC 9162 2.1.3.2. */
export function verifyInclusion(claim: InclusionClaim): boolean {
  if (!areSizes(claim.index, claim.size) || claim.index >= claim.size) return false;
  if (!areHashes([claim.leafHash, ...claim.proof])) return false;
  let fn = claim.index;
  let sn = claim.size - 1;
  let r = claim.leafHash;
  for (const p of claim.proof) {
    if (sn === 0) return false;
    if (fn % 2 === 1 || fn === sn) {
      r = nodeHash(p, r);
      while (fn % 2 === 0 && fn !== 0) [fn, sn] = [half(fn), half(sn)];
    } else {
      r = nodeHash(r, p);
    }
    [fn, sn] = [half(fn), half(sn)];
  }
  return sn === 0 && r.equals(claim.root);
}

/** A claim that the tree of `size2` leaves begins with the tree of `size1` leaves. */
export interface ConsistencyClaim {
  readonly size1: number;
  readonly size2: number;
  readonly root1: Buffer;
  readonly root2: Buffer;
  readonly proof: readonly Buffer[];
}

/** Whether the newer tree extends the older one. RFC 9162 2.1.4.2. False from size 0, which proves nothing: see `verifyFromEmpty`. */
export function verifyConsistency({ size1, size2, root1, root2, proof }: ConsistencyClaim): boolean {
  if (!areSizes(size1, size2) || size1 === 0 || size1 > size2 || !areHashes(proof)) return false;
  if (size1 === size2) return proof.length === 0 && root1.equals(root2);
  const path = isPowerOfTwo(size1) ? [root1, ...proof] : proof;
  const [first, ...rest] = path;
  if (first === undefined || proof.length === 0) return false;
  let fn = size1 - 1;
  let sn = size2 - 1;
  while (fn % 2 === 1) [fn, sn] = [half(fn), half(sn)];
  let fr = first;
  let sr = first;
  for (const c of rest) {
    if (sn === 0) return false;
    if (fn % 2 === 1 || fn === sn) {
      fr = nodeHash(c, fr);
      sr = nodeHash(c, sr);
      while (fn % 2 === 0 && fn !== 0) [fn, sn] = [half(fn), half(sn)];
    } else {
      sr = nodeHash(sr, c);
    }
    [fn, sn] = [half(fn), half(sn)];
  }
  return sn === 0 && fr.equals(root1) && sr.equals(root2);
}

/** Whether a tree may follow the empty one: the witness protocol wants an empty proof, and a tree of size 0 has one root only. P-26. */
export function verifyFromEmpty(size2: number, root2: Buffer, proof: readonly Buffer[]): boolean {
  return areSizes(size2) && proof.length === 0 && (size2 > 0 || root2.equals(EMPTY_ROOT));
}

// Bit operators of JavaScript end at 32 bits; a log does not.
function half(value: number): number {
  return Math.floor(value / 2);
}

function isPowerOfTwo(value: number): boolean {
  return Number.isInteger(Math.log2(value)) && 2 ** Math.log2(value) === value;
}

function areSizes(...sizes: readonly number[]): boolean {
  return sizes.every((size) => Number.isSafeInteger(size) && size >= 0);
}

function areHashes(hashes: readonly Buffer[]): boolean {
  return hashes.every((bytes) => bytes.length === 32);
}
