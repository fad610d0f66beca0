import { spawnSync } from 'node:child_process';
import { createHash, type KeyObject } from 'node:crypto';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { ROOT } from '../../server/config.js';
import { signCheckpoint } from '../../server/ledger/checkpoint.js';
import { leafHash, rootOf } from '../../server/ledger/merkle.js';
import { formatVkey, verifierKey } from '../../server/ledger/note.js';
import { inclusionProof } from '../../server/ledger/prove.js';
import { buildReceipt, type ReceiptEvent, type ReceiptParts } from '../../server/ledger/receipt.js';
import { commit, commitField, leafData, type ConsentRecord } from '../../server/ledger/record.js';
import { ed25519 } from '../support/keys.js';
import { runVerify, verifyReceipt, type Verdict } from '../../server/verify/verify.js';

type Loose = null | boolean | number | string | Loose[] | { [name: string]: Loose };

const ORIGIN = 'consent.example.org/log';
const WORDING = 'Yes, mail me the news of Przykład, about once a week.';
const NOTICE = 'Who we are, and what we do with your address.';
const sha256 = (text: string | Buffer) => createHash('sha256').update(text).digest('hex');
const bytes = (fill: number) => Buffer.alloc(32, fill);
const logKey = ed25519(1);
const vkey = formatVkey(verifierKey(ORIGIN, logKey));
const secret = Buffer.alloc(16, 5);

/** Ada's records; `change` bends them before they are committed to, so that only the verifier's own rules can object. */
type Change = (record: ConsentRecord) => ConsentRecord;
const unchanged: Change = (record) => record;

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

function history(change: Change, withdraw: boolean): { record: ConsentRecord; opening: Buffer; commitment: Buffer }[] {
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
  return events;
}

interface Scene {
  readonly change?: Change;
  readonly withdraw?: boolean;
  /** Sizes of the checkpoints that the proofs of the events lead to. */
  readonly sizes?: readonly number[];
  readonly key?: KeyObject;
  readonly parts?: (parts: ReceiptParts) => ReceiptParts;
  /** Another leaf at index 0, from this event on: a second history. */
  readonly forkFrom?: number;
}

/** A receipt from a log in which Ada's events stand at 2, 5, 9 and 12 among others. */
async function receipt(scene: Scene = {}): Promise<string> {
  const { change = unchanged, withdraw = false, sizes = [6, 8, 11, 15], key = logKey } = scene;
  const indices = [2, 5, 9, 12];
  const records = history(change, withdraw);
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

const verdictOn = (text: string, vkeys = [vkey]) => verifyReceipt(text, { vkeys });
const exitOf = async (scene: Scene) => verdictOn(await receipt(scene)).exitCode;
const failedIn = (verdict: Verdict) => verdict.checks.filter((check) => check.ok !== true).map((check) => check.name);
const only =
  (kind: string, change: Change): Change =>
  (record) =>
    record.kind === kind ? change(record) : record;

describe('the verifier', () => {
  it('accepts a confirmed consent under the pinned key of its log', async () => {
    const verdict = verdictOn(await receipt());

    expect(failedIn(verdict)).to.deep.equal([]);
    expect(verdict.exitCode).to.equal(0);
  });

  it('accepts a receipt that holds fields back', async () => {
    const parts = (given: ReceiptParts) => ({
      ...given,
      events: given.events.map((event) => ({ ...event, fields: {} })),
    });

    expect(await exitOf({ parts })).to.equal(0);
  });

  it('says incomplete without a pinned key, with a foreign one, or with a mangled one', async () => {
    const text = await receipt();

    expect(verdictOn(text, []).exitCode).to.equal(2);
    expect(verdictOn(text, [formatVkey(verifierKey(ORIGIN, ed25519(2)))]).exitCode).to.equal(2);
    expect(verdictOn(text, ['not a key', `${vkey}x`]).exitCode).to.equal(2);
    expect(verdictOn(await receipt({ key: ed25519(2) })).exitCode).to.equal(2);
  });

  it('says incomplete when a part is missing', async () => {
    const without = (at: number) => (parts: ReceiptParts) => ({ ...parts, events: parts.events.toSpliced(at, 1) });

    expect(await exitOf({ parts: (parts) => ({ ...without(0)(parts), texts: [] }) })).to.equal(2);
    expect(await exitOf({ parts: without(1) })).to.equal(2);
    expect(await exitOf({ parts: without(2) })).to.equal(2);
    expect(await exitOf({ withdraw: true, parts: without(2) })).to.equal(2);
    expect(await exitOf({ parts: (parts) => ({ ...parts, texts: [WORDING] }) })).to.equal(2);
  });

  it('says no when the consent was withdrawn in the same file, and yes to the withdrawal alone', async () => {
    const claim = 'withdrawal' as const;
    const parts = (given: ReceiptParts) => ({ ...given, claim, events: given.events.slice(3), texts: [] });

    expect(failedIn(verdictOn(await receipt({ withdraw: true })))).to.deep.equal(['outcome']);
    expect(await exitOf({ withdraw: true, parts })).to.equal(0);
    expect(await exitOf({ withdraw: true, parts: (given) => ({ ...given, claim }) })).to.equal(0);
  });

  it('says no to a withdrawal that is claimed and not there', async () => {
    const parts = (given: ReceiptParts) => ({ ...given, claim: 'withdrawal' as const });

    expect(failedIn(verdictOn(await receipt({ parts })))).to.deep.equal(['outcome']);
  });

  it('says contradiction when the log signed two trees of one size', async () => {
    expect(await exitOf({ forkFrom: 1, sizes: [6, 6, 11] })).to.equal(3);
    expect(await exitOf({ forkFrom: 1, sizes: [6, 6, 11], key: ed25519(2) })).to.equal(3);
  });

  it('says contradiction when a later tree does not begin with the earlier one', async () => {
    expect(await exitOf({ forkFrom: 2 })).to.equal(3);
  });

  it('does not take a badly signed checkpoint for a contradiction', async () => {
    const text = (await receipt()).replace(/\\n8\\n[A-Za-z0-9+/=]+\\n/, `\\n6\\n${bytes(0).toString('base64')}\\n`);

    expect(verdictOn(text).exitCode).to.equal(1);
  });

  const rules: [string, string, Scene][] = [
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
  for (const [title, check, scene] of rules) {
    it(`refuses ${title}`, async () => {
      const verdict = verdictOn(await receipt(scene));

      expect(verdict.exitCode).to.equal(1);
      expect(failedIn(verdict)).to.include(check);
    });
  }
});

describe('the verifier, given a hostile file', () => {
  it('refuses every change to a value that counts', async () => {
    const whole = JSON.parse(await receipt()) as Record<string, Loose>;
    const places = leavesOf({
      format: whole['format']!,
      log: whole['log']!,
      events: whole['events']!,
      texts: whole['texts']!,
      list: whole['list']!,
      organisation: whole['organisation']!,
    });
    const another = fc.oneof(
      fc.string(),
      fc.constantFrom<Loose>(null, true, 0, 1, -1, '', [], {}),
      fc.tuple(fc.nat(), fc.integer({ min: 1, max: 127 })),
    );
    const seen = new Set<number>();

    fc.assert(
      fc.property(fc.constantFrom(...places), another, (place, by) => {
        const before = valueAt(whole, place);
        const after =
          Array.isArray(by) && by.length === 2 && typeof before === 'string'
            ? bent(before, by as [number, number])
            : by;
        fc.pre(JSON.stringify(after) !== JSON.stringify(before));

        const { exitCode } = verdictOn(JSON.stringify(replaced(whole, place, after)));

        seen.add(exitCode);
        expect(exitCode, place.join('.')).not.to.equal(0);
      }),
      { numRuns: 4000 },
    );
    expect(seen.has(1)).to.equal(true);
  });

  it('refuses every member or event that is taken out, added or moved', async () => {
    const whole = JSON.parse(await receipt()) as Record<string, Loose>;
    const events = whole['events'] as Record<string, Loose>[];

    for (const [at, event] of events.entries()) {
      for (const name of Object.keys(event['record'] as object)) {
        const text = JSON.stringify(replaced(whole, ['events', String(at), 'record', name], undefined));
        expect(verdictOn(text).exitCode, name).to.equal(1);
      }
      const added = replaced(whole, ['events', String(at), 'record', 'more'], 'x');
      expect(verdictOn(JSON.stringify(added)).exitCode).to.equal(1);
    }
    expect(verdictOn(JSON.stringify({ ...whole, events: events.toReversed() })).exitCode).to.equal(1);
    expect(verdictOn(JSON.stringify({ ...whole, events: [] })).exitCode).to.equal(1);
  });

  it('refuses every changed character but those of number, date of issue, limits and blanks', async () => {
    const text = await receipt();
    const meaning = (file: string): string | null => {
      try {
        const labels = { number: '', issued_at: '', limits: [] };
        return JSON.stringify({ ...(JSON.parse(file) as object), ...labels });
      } catch {
        return null;
      }
    };
    const same = meaning(text);

    fc.assert(
      fc.property(
        fc.nat(text.length - 1),
        fc.string({ unit: 'binary-ascii', minLength: 1, maxLength: 1 }),
        (at, by) => {
          const changed = text.slice(0, at) + by + text.slice(at + 1);
          fc.pre(meaning(changed) !== same);

          const { exitCode } = verdictOn(changed);

          expect(exitCode, changed.slice(at - 80, at + 80)).not.to.equal(0);
        },
      ),
      { numRuns: 3000 },
    );
  });

  it('never throws, and never says yes to noise', () => {
    const noise = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.json(),
      fc.jsonValue().map((value) => JSON.stringify({ format: 'zgoda-receipt/v1', number: '', events: [value] })),
      fc
        .dictionary(fc.constantFrom('events', 'log', 'texts', 'list', 'number'), fc.jsonValue())
        .map((parts) => JSON.stringify({ format: 'zgoda-receipt/v1', ...parts })),
    );
    fc.assert(
      fc.property(noise, fc.array(fc.string()), (text, vkeys) => {
        expect(verdictOn(text, vkeys).exitCode).to.equal(1);
      }),
      { numRuns: 2000 },
    );
  });

  it('refuses members that stand twice, fractions, depth, lone surrogates and size', async () => {
    const text = await receipt();
    const bad = [
      text.replace('"list": "News"', '"list": "Offers", "list": "News"'),
      text.replace('"kind": "requested",', '"kind": "refused", "kind": "requested",'),
      text.replace('"schema_version": 1', '"schema_version": 1.0'),
      text.replace('"schema_version": 1', '"schema_version": 1e0'),
      text.replace('"schema_version": 1', '"schema_version": 9007199254740993'),
      text.replace('"schema_version": 1', '"schema_version": -0'),
      text.replace('"list": "News"', '"list": "\\ud800"'),
      text.replace('"list": "News"', `"list": ${'['.repeat(100000)}`),
      `${text}{}`,
      `\ufeff${text}`,
      ' '.repeat(20 * 1024 * 1024) + text,
    ];

    for (const file of bad) expect(verdictOn(file).exitCode, file.slice(0, 60)).to.equal(1);
  });

  it('is not confused by members named like those of objects', async () => {
    const text = await receipt();

    expect(verdictOn(text.replace('{', '{ "__proto__": {"list": "x"}, "constructor": 1,')).exitCode).to.equal(2);
    expect(verdictOn(text.replace('"schema_version": 1', '"__proto__": {}, "schema_version": 1')).exitCode).to.equal(1);
  });
});

describe('the verifier, on the command line', () => {
  const folder = mkdtempSync(join(tmpdir(), 'verify-'));
  const file = join(folder, 'receipt.json');
  after(() => rmSync(folder, { recursive: true }));

  it('prints each check in words, and what no receipt proves', async () => {
    writeFileSync(file, await receipt());
    const lines: string[] = [];

    const exitCode = await runVerify({ file, vkeys: [vkey], json: false }, (line) => lines.push(line));

    expect(exitCode).to.equal(0);
    expect(lines.join('\n'))
      .to.match(/ok {2}secret/)
      .and.match(/VALID/)
      .and.match(/No receipt proves that a human/);
  });

  it('prints nothing that could move the cursor or turn the text around', async () => {
    const hostile = '\u001b[2J\u001b]0;title\u0007\u202eevil\u2066\u200b\r\n\u009b31m\u0000red';
    const text = JSON.stringify({ ...(JSON.parse(await receipt()) as object), list: hostile });
    const twice = (await receipt()).replace(
      '"number"',
      `${JSON.stringify(hostile)}: 1, ${JSON.stringify(hostile)}: 1, "number"`,
    );
    const kind = await receipt({
      change: only('offered', (record) => ({ ...record, list_name: hostile, list_id: hostile })),
    });

    for (const source of [text, twice, kind, kind.replaceAll('"offered"', JSON.stringify(hostile))]) {
      const lines: string[] = [];
      writeFileSync(file, source);
      for (const json of [true, false]) {
        await runVerify({ file, vkeys: [vkey, hostile], json }, (line) => lines.push(line));
      }
      expect(lines.join('')).not.to.match(/[\p{Cc}\p{Cf}]|\[2J|\[31m/u);
      expect(lines.join('').replaceAll('\\n', '')).not.to.match(/\\u/);
    }
  });

  it('answers incomplete for a missing file and no for bytes that are not UTF-8', async () => {
    const silent = () => undefined;
    writeFileSync(file, Buffer.from([0x7b, 0xff, 0x7d]));

    expect(await runVerify({ file: join(folder, 'none'), vkeys: [], json: false }, silent)).to.equal(2);
    expect(await runVerify({ file: folder, vkeys: [], json: false }, silent)).to.equal(2);
    expect(await runVerify({ file, vkeys: [], json: false }, silent)).to.equal(1);
  });

  it('runs alone, as one copied file', async () => {
    const alone = join(folder, 'verify.mjs');
    copyFileSync(join(ROOT, 'dist/server/verify/verify.js'), alone);
    writeFileSync(file, await receipt());
    const run = (...args: string[]) => spawnSync(process.execPath, [alone, ...args], { encoding: 'utf8', cwd: folder });

    const valid = run(file, '--vkey', vkey, '--json');

    expect(valid.status, valid.stderr).to.equal(0);
    expect((JSON.parse(valid.stdout) as Verdict).exitCode).to.equal(0);
    expect(run(file).status).to.equal(2);
    expect(run().status).to.equal(64);
  });

  it('imports nothing but what Node has', () => {
    const source = readFileSync(join(ROOT, 'server/verify/verify.ts'), 'utf8');
    const imported = [...source.matchAll(/\b(?:from|import|require)\s*\(?\s*['"]([^'"]+)['"]/g)].map(
      ([, name]) => name,
    );

    expect(imported).not.to.deep.equal([]);
    expect(imported.every((name) => name!.startsWith('node:'))).to.equal(true);
  });
});

function leavesOf(value: Loose, place: string[] = []): string[][] {
  if (typeof value !== 'object' || value === null) return [place];
  return Object.entries(value).flatMap(([name, part]) => leavesOf(part, [...place, name]));
}

function valueAt(value: Loose, place: string[]): Loose | undefined {
  const [name, ...rest] = place;
  if (name === undefined) return value;
  return valueAt((value as Record<string, Loose>)[name]!, rest);
}

function replaced(value: Loose, place: string[], by: Loose | undefined): Loose | undefined {
  const [name, ...rest] = place;
  if (name === undefined) return by;
  const part = replaced((value as Record<string, Loose>)[name] ?? null, rest, by);
  if (Array.isArray(value)) return value.with(Number(name), part!);
  return { ...(value as Record<string, Loose>), [name]: part! };
}

function bent(text: string, [at, by]: [number, number]): string {
  if (text === '') return 'x';
  const place = at % text.length;
  return text.slice(0, place) + String.fromCharCode((text.charCodeAt(place) + by) % 0xd800) + text.slice(place + 1);
}
