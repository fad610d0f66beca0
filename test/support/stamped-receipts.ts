import { createHash, createPublicKey, sign, type KeyObject } from 'node:crypto';
import { signCheckpoint } from '../../server/ledger/checkpoint.js';
import { leafHash, rootOf } from '../../server/ledger/merkle.js';
import { formatVkey, verifierKey } from '../../server/ledger/note.js';
import { inclusionProof } from '../../server/ledger/prove.js';
import { buildReceipt, type ReceiptParts } from '../../server/ledger/receipt.js';
import { commit, leafData, type ConsentRecord } from '../../server/ledger/record.js';
import type { Authority } from './authority.js';
import { ed25519 } from './keys.js';

export const ORIGIN = 'consent.example.org/log';
export const WITNESS = 'witness.example.org/council';
const logKey = ed25519(1);
/** Of a witness, whose key is `ed25519(3)`. */
export const WITNESS_VKEY = vkeyOf(WITNESS, ed25519(3), 4);
const secret = Buffer.alloc(16, 5);

// Lag of the events behind the clock, in minutes: stamps are made by a real authority, which knows the time.
export interface StampedScene {
  readonly minutesAgo?: number;
  readonly interval?: string | null;
  readonly stampedBy?: Authority;
  /** Of the tree that is stamped; 5 holds all three events, and others signed it. */
  readonly stampedSize?: number;
  readonly alterToken?: (token: Buffer) => Buffer;
  /** What the authority stamps instead. */
  readonly stamps?: (note: string) => string;
  readonly cosign?: (note: string) => string;
  /** The later tree does not begin with the leaves of the earlier ones. */
  readonly laterFork?: boolean;
  readonly key?: KeyObject;
  readonly change?: (parts: ReceiptParts) => ReceiptParts;
}

/** A c2sp vkey; type 1 of a log, 4 of a witness. */
export function vkeyOf(name: string, key: KeyObject, type: number): string {
  if (type === 1) return formatVkey(verifierKey(name, key));
  const x = Buffer.from(createPublicKey(key).export({ format: 'jwk' }).x ?? '', 'base64url');
  const encoded = Buffer.concat([Buffer.of(type), x]);
  return `${name}+${idOf(name, encoded).toString('hex')}+${encoded.toString('base64')}`;
}

function idOf(name: string, encoded: Buffer): Buffer {
  return createHash('sha256').update(`${name}\n`).update(encoded).digest().subarray(0, 4);
}

/** Adds a witness's line to a note; under the same name whichever key it is made with. */
export function cosigned(key: KeyObject): (note: string) => string {
  return (note) => {
    const body = note.slice(0, note.indexOf('\n\n') + 1);
    const time = Buffer.alloc(8);
    time.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 1000)));
    const signature = sign(null, Buffer.from(`cosignature/v1\ntime ${time.readBigUInt64BE()}\n${body}`), key);
    const id = Buffer.from(WITNESS_VKEY.split('+')[1] ?? '', 'hex');
    return `${note}— ${WITNESS} ${Buffer.concat([id, time, signature]).toString('base64')}\n`;
  };
}

/** Ada's consent at leaves 0, 1 and 2; a later tree of five that others signed. */
export async function stampedReceipt(scene: StampedScene = {}): Promise<string> {
  const { minutesAgo = 10, interval = 'P1D', key = logKey } = scene;
  const now = Date.now();
  const at = (second: number): string => new Date(now - minutesAgo * 60_000 + second * 1000).toISOString();
  const common = { schema_version: 1, subject_ref: 'ada', list_id: 'news', list_name: 'News' } as const;
  const controller = { name: 'Example' };
  const records: { record: ConsentRecord; opening: Buffer; commitment: Buffer }[] = [];
  const add = (record: Partial<ConsentRecord>): void => {
    const whole = { ...common, controller, prev_event_commit: null, ...record } as ConsentRecord;
    const opening = Buffer.alloc(32, records.length + 1);
    records.push({ record: whole, opening, commitment: commit(opening, whole) });
  };
  const last = (): string => records.at(-1)!.commitment.toString('base64');
  add({ record_id: 'r1', kind: 'requested', happened_at: at(0) });
  const token = {
    ref: 'ref',
    secret_sha256: createHash('sha256').update(secret).digest('hex'),
    expires_at: at(86_400),
  };
  add({
    record_id: 'r2',
    kind: 'offered',
    happened_at: at(1),
    token,
    request_commit: last(),
    prev_event_commit: last(),
  });
  add({
    ...{ record_id: 'r3', kind: 'confirmed', happened_at: at(2), secret: secret.toString('base64url') },
    ...{ confirm: { method: 'POST' }, prev_event_commit: last() },
  });
  const leaves = [
    ...records.map((one) => leafHash(leafData(one.commitment))),
    Buffer.alloc(32, 8),
    Buffer.alloc(32, 9),
  ];
  const noteOf = (size: number): string =>
    signCheckpoint({ origin: ORIGIN, size, root: rootOf(leaves.slice(0, size)) }, key);
  const read = async (_: number, start: number, end: number): Promise<Buffer[]> =>
    Promise.resolve(leaves.slice(start, end));
  const readOthers = async (_: number, start: number, end: number): Promise<Buffer[]> =>
    Promise.resolve(others.slice(start, end));
  const whole = (scene.cosign ?? ((note: string) => note))(noteOf(5));
  const others = scene.laterFork ? [leaves[0]!, Buffer.alloc(32, 1), ...leaves.slice(2)] : leaves;
  const fork = signCheckpoint({ origin: ORIGIN, size: 5, root: rootOf(others) }, key);
  const stamped = scene.stampedSize === undefined ? whole : noteOf(scene.stampedSize);
  const events = await Promise.all(
    records.map(async ({ record, opening }, index) => ({
      ...{ record, opening, fields: {} },
      proof: { index, hashes: await inclusionProof(read, index, index + 1), checkpoint: noteOf(index + 1) },
      later:
        scene.laterFork && index === 1
          ? []
          : [
              {
                ...{ index, checkpoint: scene.laterFork ? fork : whole },
                hashes: await inclusionProof(scene.laterFork ? readOthers : read, index, 5),
              },
            ],
    })),
  );
  const by = scene.stampedBy;
  const stamps = scene.stamps ?? ((note: string): string => note);
  const alterToken = scene.alterToken ?? ((token: Buffer): Buffer => token);
  const parts: ReceiptParts = {
    ...{ number: '2', issuedAt: new Date(now), claim: 'consent', list: 'News', organisation: 'Example' },
    log: { origin: ORIGIN, vkey: vkeyOf(ORIGIN, key, 1) },
    ...{ events, policy: null, texts: [] },
    anchors: {
      interval,
      stamps: by
        ? [
            {
              checkpoint: stamped,
              tokens: [{ authority: 'https://time.example', token: alterToken(by.token(stamps(stamped))) }],
            },
          ]
        : [],
    },
  };
  return buildReceipt(scene.change?.(parts) ?? parts);
}
