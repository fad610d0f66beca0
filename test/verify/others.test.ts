import { createHash, createPublicKey, sign, type KeyObject } from 'node:crypto';
import { expect } from 'chai';
import { signCheckpoint } from '../../server/ledger/checkpoint.js';
import { leafHash, rootOf } from '../../server/ledger/merkle.js';
import { formatVkey, verifierKey } from '../../server/ledger/note.js';
import { inclusionProof } from '../../server/ledger/prove.js';
import { buildReceipt, type ReceiptParts } from '../../server/ledger/receipt.js';
import { commit, leafData, type ConsentRecord } from '../../server/ledger/record.js';
import { verifyReceipt, type Trust, type Verdict } from '../../server/verify/verify.js';
import { makeAuthority, type Authority } from '../support/authority.js';
import { ed25519 } from '../support/keys.js';

const ORIGIN = 'consent.example.org/log';
const WITNESS = 'witness.example.org/council';
const logKey = ed25519(1);
const nextKey = ed25519(2);
const witnessKey = ed25519(3);
const vkey = vkeyOf(ORIGIN, logKey, 1);
const witness = vkeyOf(WITNESS, witnessKey, 4);
const NOW = new Date();
const secret = Buffer.alloc(16, 5);

// Lag of the events behind the clock, in minutes: stamps are made by a real authority, which knows the time.
interface Scene {
  readonly minutesAgo?: number;
  readonly interval?: string | null;
  readonly stampedBy?: Authority;
  readonly alterToken?: (token: Buffer) => Buffer;
  /** What the authority stamps instead. */
  readonly stamps?: (note: string) => string;
  readonly cosign?: (note: string) => string;
  readonly key?: KeyObject;
  readonly change?: (parts: ReceiptParts) => ReceiptParts;
}

describe('The verifier, of what others signed', () => {
  let authority: Authority | null = null;
  let other: Authority | null = null;
  let careless: Authority | null = null;
  before(function () {
    authority = makeAuthority();
    other = makeAuthority({ name: 'Another Time', key: 'ec' });
    careless = makeAuthority({ name: 'Web Server', usage: 'timeStamping' });
    if (!authority) this.skip();
  });
  after(() => [authority, other, careless].forEach((one) => one?.close()));

  describe('witnesses', () => {
    it('names those that the reader trusts, and none otherwise', async () => {
      const text = await receipt({ cosign: cosigned(witnessKey) });

      expect(wordsOf(verdict(text, { witnesses: [witness] }), 'witnesses')).to.contain(WITNESS);
      expect(verdict(text, { witnesses: [witness] }).exitCode).to.equal(0);
      expect(wordsOf(verdict(text, {}), 'witnesses')).to.equal('');
      expect(verdict(text, {}).exitCode).to.equal(0);
    });

    it('is incomplete where a policy asks for more than signed', async () => {
      const text = await receipt({ cosign: cosigned(witnessKey) });
      const plain = await receipt();
      const second = vkeyOf('witness.example.org/other', ed25519(9), 4);
      const one = `witness council ${witness}\nquorum council\n`;
      const both = `witness council ${witness} https://w.example\nwitness b ${second}\ngroup all all council b\nquorum all\n`;
      const any = `# two\nwitness council ${witness}\nwitness b ${second}\ngroup some 1 council b\nquorum some\n`;

      expect(verdict(text, { policy: one }).exitCode).to.equal(0);
      expect(verdict(text, { policy: any }).exitCode).to.equal(0);
      expect(verdict(text, { policy: both }).exitCode).to.equal(2);
      expect(verdict(plain, { policy: one }).exitCode).to.equal(2);
      expect(verdict(plain, { policy: `witness council ${witness}\nquorum none\n` }).exitCode).to.equal(0);
      for (const bad of ['quorum nobody\n', 'witness a b\nquorum none\n', `witness council ${witness}\n`, 'frob\n'])
        expect(verdict(text, { policy: bad }).exitCode, bad).to.equal(2);
    });

    it('takes the log key of a policy for pinned', async () => {
      const policy = `log ${vkey}\nwitness council ${witness}\nquorum council\n`;

      const { exitCode } = verifyReceipt(await receipt({ cosign: cosigned(witnessKey) }), { vkeys: [], policy });

      expect(exitCode).to.equal(0);
    });

    it('refuses a witness’s signature that is wrong', async () => {
      const text = await receipt({ cosign: cosigned(ed25519(4)) });

      expect(verdict(text, { witnesses: [witness] }).exitCode).to.equal(1);
    });
  });

  describe('time stamps', () => {
    it('tells when, by whom, and under whose certificate', async () => {
      const text = await receipt({ stampedBy: authority! });

      expect(wordsOf(verdict(text, {}), 'time stamp')).to.contain('Example Time, which you did not say that you trust');
      expect(verdict(text, {}).exitCode).to.equal(0);
      const trusting = verdict(text, { anchorCerts: [authority!.root] });
      expect(wordsOf(trusting, 'time stamp')).to.contain('Example Time, which you trust');
      expect(wordsOf(trusting, 'written down in time')).to.contain('was in the log by');
      expect(trusting.exitCode).to.equal(0);
    });

    it('reads those made with elliptic curves', async () => {
      const text = await receipt({ stampedBy: other! });

      expect(wordsOf(verdict(text, { anchorCerts: [other!.root] }), 'time stamp')).to.contain('which you trust');
    });

    it('does not trust another authority than the one it was told to', async () => {
      const text = await receipt({ stampedBy: other! });

      expect(wordsOf(verdict(text, { anchorCerts: [authority!.root] }), 'time stamp')).to.contain('did not say');
    });

    it('refuses an event that claims to be older than its first stamp allows', async () => {
      const anchorCerts = [authority!.root];
      const backdated = { stampedBy: authority!, interval: 'PT1H', minutesAgo: 120 };

      expect(failedIn(verdict(await receipt(backdated), { anchorCerts }))).to.include('written down in time');
      expect(verdict(await receipt({ ...backdated, minutesAgo: 30 }), { anchorCerts }).exitCode).to.equal(0);
      expect(failedIn(verdict(await receipt({ ...backdated, minutesAgo: -30 }), { anchorCerts }))).to.not.be.empty;
    });

    it('refuses a stamp of something else', async () => {
      const text = await receipt({ stampedBy: authority!, stamps: (note) => `${note} ` });

      expect(failedIn(verdict(text, {}))).to.deep.equal(['time stamp']);
    });

    it('refuses a stamp whose certificate is not for time stamps alone', async () => {
      const text = await receipt({ stampedBy: careless! });

      expect(failedIn(verdict(text, {}))).to.deep.equal(['time stamp']);
    });

    it('lets no changed byte of a token tell another time or authority', async () => {
      const anchorCerts = [authority!.root];
      const token = authority!.token('x');
      for (let at = 0; at < token.length; at += Math.ceil(token.length / 60)) {
        let whole = token;
        const text = await receipt({
          stampedBy: { ...authority!, token: (note) => (whole = authority!.token(note)) },
          alterToken: (made) => flip(made, at),
        });
        const good = text.replace(flip(whole, at).toString('base64'), whole.toString('base64'));
        const done = verdict(text, { anchorCerts });
        const told = wordsOf(done, 'time stamp');

        const isHarmless = told === wordsOf(verdict(good, { anchorCerts }), 'time stamp');
        expect(done.exitCode === 1 || !told.includes('which you trust') || isHarmless, `byte ${at}: ${told}`).to.equal(
          true,
        );
      }
      const noise = await receipt({ stampedBy: authority!, alterToken: () => Buffer.from('no token') });
      expect(failedIn(verdict(noise, {}))).to.deep.equal(['time stamp']);
    });

    it('refuses a stamp of a tree that holds none of the events', async () => {
      const note = signCheckpoint({ origin: ORIGIN, size: 40, root: Buffer.alloc(32, 7) }, logKey);
      const text = await receipt({
        change: (parts) => ({
          ...parts,
          anchors: {
            interval: 'P1D',
            stamps: [{ checkpoint: note, tokens: [{ authority: 'x', token: authority!.token(note) }] }],
          },
        }),
      });

      expect(failedIn(verdict(text, {}))).to.deep.equal(['time stamp']);
    });

    it('says plainly where nobody stamped', async () => {
      expect(wordsOf(verdict(await receipt({ interval: null }), {}), 'backdating')).to.contain(
        'what the operator says',
      );
    });
  });

  describe('keys that the log had before', () => {
    it('counts them where the reader pinned them too', async () => {
      const change = (parts: ReceiptParts): ReceiptParts => ({
        ...parts,
        log: { ...parts.log, vkey: vkeyOf(ORIGIN, nextKey, 1), formerVkeys: [vkey] },
      });
      const text = await receipt({ change });
      const next = vkeyOf(ORIGIN, nextKey, 1);

      expect(verifyReceipt(text, { vkeys: [next] }).exitCode).to.equal(2);
      expect(verifyReceipt(text, { vkeys: [next, vkey] }).exitCode).to.equal(0);
    });
  });
});

function verdict(text: string, trust: Omit<Trust, 'vkeys'>): Verdict {
  return verifyReceipt(text, { vkeys: [vkey], ...trust });
}

function wordsOf(done: Verdict, name: string): string {
  return done.checks
    .filter((check) => check.name === name)
    .map((check) => check.words)
    .join('; ');
}

function failedIn(done: Verdict): string[] {
  return [...new Set(done.checks.filter((check) => check.ok === false).map((check) => check.name))];
}

function vkeyOf(name: string, key: KeyObject, type: number): string {
  if (type === 1) return formatVkey(verifierKey(name, key));
  const x = Buffer.from(createPublicKey(key).export({ format: 'jwk' }).x ?? '', 'base64url');
  const encoded = Buffer.concat([Buffer.of(type), x]);
  return `${name}+${idOf(name, encoded).toString('hex')}+${encoded.toString('base64')}`;
}

function idOf(name: string, encoded: Buffer): Buffer {
  return createHash('sha256').update(`${name}\n`).update(encoded).digest().subarray(0, 4);
}

/** Adds a witness's line to a note; under the same name whichever key it is made with. */
function cosigned(key: KeyObject): (note: string) => string {
  return (note) => {
    const body = note.slice(0, note.indexOf('\n\n') + 1);
    const time = Buffer.alloc(8);
    time.writeBigUInt64BE(BigInt(Math.floor(NOW.getTime() / 1000)));
    const signature = sign(null, Buffer.from(`cosignature/v1\ntime ${time.readBigUInt64BE()}\n${body}`), key);
    const id = Buffer.from(witness.split('+')[1] ?? '', 'hex');
    return `${note}— ${WITNESS} ${Buffer.concat([id, time, signature]).toString('base64')}\n`;
  };
}

function flip(bytes: Buffer, at: number): Buffer {
  const changed = Buffer.from(bytes);
  changed[at] = (changed[at] ?? 0) ^ 1;
  return changed;
}

/** Ada's consent at leaves 0, 1 and 2; a later tree of five that others signed. */
async function receipt(scene: Scene = {}): Promise<string> {
  const { minutesAgo = 10, interval = 'P1D', key = logKey } = scene;
  const at = (second: number): string => new Date(NOW.getTime() - minutesAgo * 60_000 + second * 1000).toISOString();
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
  const whole = (scene.cosign ?? ((note: string) => note))(noteOf(5));
  const events = await Promise.all(
    records.map(async ({ record, opening }, index) => ({
      ...{ record, opening, fields: {} },
      proof: { index, hashes: await inclusionProof(read, index, index + 1), checkpoint: noteOf(index + 1) },
      later: [{ index, hashes: await inclusionProof(read, index, 5), checkpoint: whole }],
    })),
  );
  const by = scene.stampedBy;
  const stamps = scene.stamps ?? ((note: string): string => note);
  const alterToken = scene.alterToken ?? ((token: Buffer): Buffer => token);
  const parts: ReceiptParts = {
    ...{ number: '2', issuedAt: NOW, claim: 'consent', list: 'News', organisation: 'Example' },
    log: { origin: ORIGIN, vkey: vkeyOf(ORIGIN, key, 1) },
    ...{ events, policy: null, texts: [] },
    anchors: {
      interval,
      stamps: by
        ? [
            {
              checkpoint: whole,
              tokens: [{ authority: 'https://time.example', token: alterToken(by.token(stamps(whole))) }],
            },
          ]
        : [],
    },
  };
  return buildReceipt(scene.change?.(parts) ?? parts);
}
