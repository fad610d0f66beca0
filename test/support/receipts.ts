import { createHash, type KeyObject } from 'node:crypto';
import { signCheckpoint } from '../../server/ledger/checkpoint.js';
import { leafHash, rootOf } from '../../server/ledger/merkle.js';
import { formatVkey, verifierKey } from '../../server/ledger/note.js';
import { inclusionProof } from '../../server/ledger/prove.js';
import { buildReceipt, type ReceiptEvent, type ReceiptParts } from '../../server/ledger/receipt.js';
import { commit, commitField, leafData, type ConsentRecord } from '../../server/ledger/record.js';
import { ed25519 } from './keys.js';

export const ORIGIN = 'consent.example.org/log';
export const WORDING = 'Yes, mail me the news of Przykład, about once a week.';
export const NOTICE = 'Who we are, and what we do with your address.';
export const sha256 = (text: string | Buffer) => createHash('sha256').update(text).digest('hex');
export const bytes = (fill: number) => Buffer.alloc(32, fill);
export const logKey = ed25519(1);
export const vkey = formatVkey(verifierKey(ORIGIN, logKey));
export const secret = Buffer.alloc(16, 5);

/** Ada's records; `change` bends them before they are committed to, so that only the verifier's own rules can object. */
export type Change = (record: ConsentRecord) => ConsentRecord;
export const unchanged: Change = (record) => record;

const common = {
  schema_version: 1,
  subject_ref: 'subject-ada',
  list_id: 'news',
  list_name: 'News',
  controller: { name: 'Przykład Sp. z o.o.' },
} as const;
const fields = {
  address: { salt: bytes(21), value: 'ada@example.org' },
  ip: { salt: bytes(22), value: '192.0.2.1' },
};

export function history(
  change: Change,
  { withdraw = false, renew = false }: Pick<Scene, 'withdraw' | 'renew'>,
): { record: ConsentRecord; opening: Buffer; commitment: Buffer }[] {
  const events: { record: ConsentRecord; opening: Buffer; commitment: Buffer }[] = [];
  const append = (record: ConsentRecord) => {
    const bent = change(record);
    const opening = bytes(events.length + 11);
    events.push({ record: bent, opening, commitment: commit(opening, bent) });
  };
  const last = () => events.at(-1)!.commitment.toString('base64');
  append({
    ...common,
    record_id: 'r1',
    kind: 'requested',
    happened_at: '2026-03-01T10:00:00.000Z',
    wording: { version: '3', sha256: sha256(WORDING) },
    notice: { version: '7', sha256: sha256(NOTICE) },
    fields: {
      address: commitField(fields.address.salt, 'address', fields.address.value),
      ip: commitField(fields.ip.salt, 'ip', fields.ip.value),
    },
    prev_event_commit: null,
  });
  append({
    ...common,
    record_id: 'r2',
    kind: 'offered',
    happened_at: '2026-03-01T10:00:02.000Z',
    token: { ref: 'ref', secret_sha256: sha256(secret), expires_at: '2026-03-08T10:00:00.000Z' },
    request_commit: last(),
    prev_event_commit: last(),
  });
  append({
    ...common,
    record_id: 'r3',
    kind: 'confirmed',
    happened_at: '2026-03-01T11:00:00.000Z',
    secret: secret.toString('base64url'),
    confirm: { method: 'POST', language: 'pl' },
    prev_event_commit: last(),
  });
  if (withdraw) {
    append({
      ...common,
      record_id: 'r4',
      kind: 'withdrawn',
      happened_at: '2026-04-01T11:00:00.000Z',
      withdrawal: { channel: 'one-click' },
      prev_event_commit: last(),
    });
  }
  if (renew) {
    append({
      ...common,
      record_id: 'r5',
      kind: 'renewed',
      happened_at: '2026-04-01T11:05:00.000Z',
      prev_event_commit: last(),
    });
  }
  return events;
}

export interface Scene {
  readonly change?: Change;
  readonly withdraw?: boolean;
  /** The withdrawal was taken back. */
  readonly renew?: boolean;
  /** Sizes of the checkpoints that the proofs of the events lead to. */
  readonly sizes?: readonly number[];
  readonly key?: KeyObject;
  readonly parts?: (parts: ReceiptParts) => ReceiptParts;
  /** Another leaf at index 0, from this event on: a second history. */
  readonly forkFrom?: number;
}

/** A receipt from a log in which Ada's events stand at 2, 5, 9, 12 and 15 among others. */
export async function receipt(scene: Scene = {}): Promise<string> {
  const { change = unchanged, sizes = [6, 8, 11, 15, 16], key = logKey } = scene;
  const indices = [2, 5, 9, 12, 15];
  const records = history(change, scene);
  const events: ReceiptEvent[] = [];
  for (const [at, { record, opening }] of records.entries()) {
    const leaves = Array.from({ length: 16 }, (_, index) => {
      const own = records[indices.indexOf(index)];
      const isForked = index === 0 && at >= (scene.forkFrom ?? Infinity);
      return leafHash(own === undefined ? Buffer.from(isForked ? 'fork' : `other ${index}`) : leafData(own.commitment));
    });
    const size = sizes[at]!;
    const hashes = await inclusionProof(
      async (_, start, end) => Promise.resolve(leaves.slice(start, end)),
      indices[at]!,
      size,
    );
    const checkpoint = signCheckpoint({ origin: ORIGIN, size, root: rootOf(leaves.slice(0, size)) }, key);
    events.push({
      record,
      opening,
      fields: at === 0 ? fields : {},
      proof: { index: indices[at]!, hashes, checkpoint },
    });
  }
  const parts: ReceiptParts = {
    number: '9',
    issuedAt: new Date('2026-03-01T11:00:01.000Z'),
    log: { origin: ORIGIN, vkey: formatVkey(verifierKey(ORIGIN, key)) },
    claim: 'consent' as const,
    anchors: { interval: null, stamps: [] },
    policy: null,
    list: 'News',
    organisation: 'Przykład Sp. z o.o.',
    events,
    texts: [WORDING, NOTICE],
  };
  return buildReceipt(scene.parts?.(parts) ?? parts);
}

/** An answer by mail, a letter for each byte. */
const REPLY = 'From: ada@example.org\r\n\r\nTAK, zgadzam si\u00c4\u0099\r\n';

export const only =
  (kind: string, change: Change): Change =>
  (record) =>
    record.kind === kind ? change(record) : record;

/** What a receipt must not get through with: in words, the check that says so, and the scene. */
export const BROKEN: readonly (readonly [string, string, Scene])[] = [
  [
    'a secret that the mail did not hold',
    'secret',
    {
      change: only('confirmed', (record) => ({ ...record, secret: Buffer.alloc(16, 6).toString('base64url') })),
    },
  ],
  [
    'a confirmation that reveals nothing',
    'secret',
    {
      change: only('confirmed', (record) => ({ ...record, secret: '' })),
    },
  ],
  [
    'a confirmation after the link expired',
    'in time',
    {
      change: only('confirmed', (record) => ({ ...record, happened_at: '2026-03-09T10:00:00.000Z' })),
    },
  ],
  [
    'a confirmation before its offer',
    'order',
    {
      change: only('confirmed', (record) => ({ ...record, happened_at: '2026-03-01T10:00:01.999Z' })),
    },
  ],
  ['an offer that was not in the log before the confirmation', 'offered first', { sizes: [6, 10, 11] }],
  [
    'an offer for another request',
    'chain',
    {
      change: only('offered', (record) => ({ ...record, request_commit: bytes(3).toString('base64') })),
    },
  ],
  [
    'a confirmation of another offer',
    'chain',
    {
      change: only('confirmed', (record) => ({ ...record, prev_event_commit: bytes(3).toString('base64') })),
    },
  ],
  [
    'a withdrawal that follows nothing',
    'chain',
    {
      withdraw: true,
      change: only('withdrawn', (record) => ({ ...record, prev_event_commit: null })),
    },
  ],
  [
    'events of two people',
    'one consent',
    {
      change: only('offered', (record) => ({ ...record, subject_ref: 'subject-boris' })),
    },
  ],
  [
    'events of two lists',
    'one consent',
    {
      change: only('offered', (record) => ({ ...record, list_id: 'offers' })),
    },
  ],
  [
    'an event twice',
    'one consent',
    {
      parts: (parts) => ({ ...parts, events: [...parts.events, parts.events[2]!] }),
    },
  ],
  [
    'a mail that was handed over before it was offered',
    'handed over',
    { change: only('confirmed', (record) => handedOver(record, '2026-03-01T10:00:01.999Z')) },
  ],
  [
    'a mail that was handed over after it was confirmed',
    'handed over',
    { change: only('confirmed', (record) => handedOver(record, '2026-03-01T11:05:00.001Z')) },
  ],
  [
    'an answer that is another than that which confirmed',
    'event 3 (confirmed), answer',
    { change: only('confirmed', (record) => answered(record, 'TAK')), parts: withReply },
  ],
  ['another organisation at its head', 'heading', { parts: (parts) => ({ ...parts, organisation: 'Somebody' }) }],
  ['another list at its head', 'heading', { parts: (parts) => ({ ...parts, list: 'Offers' }) }],
  ['a text that no record refers to', 'texts', { parts: (parts) => ({ ...parts, texts: [...parts.texts, 'more'] }) }],
  [
    'a field that the record does not commit to',
    'event 2 (offered), ip',
    {
      parts: (parts) => ({
        ...parts,
        events: parts.events.map((event, at) => (at === 1 ? { ...event, fields: { ip: fields.ip } } : event)),
      }),
    },
  ],
];

function handedOver(record: ConsentRecord, at: string): ConsentRecord {
  return Object.assign({ ...record }, { mail_handoff: { at, reply: '250 ok' } });
}

// What `withReply` discloses hashes as it should where this is the same.
function answered(record: ConsentRecord, reply: string): ConsentRecord {
  const confirm = { ...record.confirm, sha256: sha256(Buffer.from(reply, 'latin1')) };
  const fields = { reply: commitField(bytes(23), 'reply', REPLY) };
  return Object.assign({ ...record }, { confirm, fields });
}

function withReply(parts: ReceiptParts): ReceiptParts {
  const reply = { salt: bytes(23), value: REPLY };
  return {
    ...parts,
    events: parts.events.map((event) => (event.record.kind === 'confirmed' ? { ...event, fields: { reply } } : event)),
  };
}

/** Scenes that are not broken, or not only, and the exit code for each. */
export const SCENES: readonly (readonly [string, number, Scene])[] = [
  ['a confirmed consent', 0, {}],
  ['one without its disclosed fields', 0, { parts: each((event) => ({ ...event, fields: {} })) }],
  ['one whose withdrawal was taken back', 0, { withdraw: true, renew: true }],
  [
    'one whose mail was handed over in between',
    0,
    { change: only('confirmed', (record) => handedOver(record, '2026-03-01T10:00:03.000Z')) },
  ],
  [
    'one that an answer confirmed',
    0,
    { change: only('confirmed', (record) => answered(record, REPLY)), parts: withReply },
  ],
  ['a withdrawal', 0, { withdraw: true, parts: (parts) => ({ ...parts, claim: 'withdrawal' }) }],
  ['a withdrawn one that is to prove a consent', 1, { withdraw: true }],
  ['a withdrawal that is not there', 1, { parts: (parts) => ({ ...parts, claim: 'withdrawal' }) }],
  [
    'a withdrawal that was taken back',
    1,
    { withdraw: true, renew: true, parts: (parts) => ({ ...parts, claim: 'withdrawal' }) },
  ],
  ['one whose withdrawal is hidden', 2, { withdraw: true, renew: true, parts: without(3) }],
  [
    'a withdrawal without what it withdraws',
    2,
    { withdraw: true, parts: (parts) => ({ ...without(0, 3)(parts), claim: 'withdrawal', texts: [] }) },
  ],
  ['a log of one’s own', 2, { key: ed25519(2) }],
  [
    'a log of one’s own that brings the true key along',
    1,
    { key: ed25519(2), parts: (parts) => ({ ...parts, log: { origin: ORIGIN, vkey } }) },
  ],
  ['one without its request', 2, { parts: (parts) => ({ ...without(0)(parts), texts: [] }) }],
  ['one without its offer', 2, { parts: without(1) }],
  ['one without its confirmation', 2, { parts: without(2) }],
  ['one without a text', 2, { parts: (parts) => ({ ...parts, texts: [WORDING] }) }],
  [
    'one that staff wrote down, and that was confirmed',
    0,
    { change: only('requested', (record) => ({ ...record, kind: 'staff-entered' })) },
  ],
  [
    'what was imported, and nobody confirmed',
    2,
    {
      change: only('requested', (record) => ({ ...record, kind: 'imported' })),
      parts: without(1, 2),
    },
  ],
  [
    'a withdrawal without a checkpoint between offer and confirmation',
    2,
    {
      ...{ withdraw: true, sizes: [11, 11, 11, 15] },
      parts: (parts) => ({ ...parts, claim: 'withdrawal' }),
    },
  ],
  ['a record of another version', 2, { change: (record) => ({ ...record, schema_version: 2 as 1 }) }],
  ['two trees of one size', 3, { forkFrom: 1, sizes: [6, 6, 11] }],
  ['a later tree that does not begin with the earlier one', 3, { forkFrom: 2 }],
];

function without(at: number, count = 1): (parts: ReceiptParts) => ReceiptParts {
  return (parts) => ({ ...parts, events: parts.events.toSpliced(at, count) });
}

function each(
  change: (event: ReceiptParts['events'][number]) => ReceiptParts['events'][number],
): (parts: ReceiptParts) => ReceiptParts {
  return (parts) => ({ ...parts, events: parts.events.map(change) });
}
