import { expect } from 'chai';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT } from '../../server/config.js';
import { signCheckpoint } from '../../server/ledger/checkpoint.js';
import type { ReceiptParts } from '../../server/ledger/receipt.js';
import { verifyReceipt, type Trust, type Verdict } from '../../server/verify/verify.js';
import { makeAuthority, type Authority } from '../support/authority.js';
import { ed25519 } from '../support/keys.js';
import { vkey } from '../support/receipts.js';
import {
  cosigned,
  ORIGIN,
  stampedReceipt,
  vkeyOf,
  WITNESS,
  WITNESS_VKEY,
  type StampedScene,
} from '../support/stamped-receipts.js';

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
      const text = await stampedReceipt({ cosign: cosigned(ed25519(3)) });

      expect(wordsOf(verdict(text, { witnesses: [WITNESS_VKEY] }), 'witnesses')).to.contain(WITNESS);
      expect(verdict(text, { witnesses: [WITNESS_VKEY] }).exitCode).to.equal(0);
      expect(wordsOf(verdict(text, {}), 'witnesses')).to.equal('');
      expect(wordsOf(verdict(text, {}), 'other witnesses')).to.contain(`nobody checked them: ${WITNESS}`);
      expect(verdict(text, {}).exitCode).to.equal(0);
    });

    it('is incomplete where a policy asks for more than signed', async () => {
      const text = await stampedReceipt({ cosign: cosigned(ed25519(3)) });
      const plain = await stampedReceipt();
      const second = vkeyOf('witness.example.org/other', ed25519(9), 4);
      const one = `witness council ${WITNESS_VKEY}\nquorum council\n`;
      const both = `witness council ${WITNESS_VKEY} https://w.example\nwitness b ${second}\ngroup all all council b\nquorum all\n`;
      const any = `# two\nwitness council ${WITNESS_VKEY}\nwitness b ${second}\ngroup some 1 council b\nquorum some\n`;

      expect(verdict(text, { policy: one }).exitCode).to.equal(0);
      expect(verdict(text, { policy: any }).exitCode).to.equal(0);
      expect(verdict(text, { policy: both }).exitCode).to.equal(2);
      expect(verdict(plain, { policy: one }).exitCode).to.equal(2);
      expect(verdict(plain, { policy: `witness council ${WITNESS_VKEY}\nquorum none\n` }).exitCode).to.equal(0);
      for (const bad of [
        'quorum nobody\n',
        'witness a b\nquorum none\n',
        `witness council ${WITNESS_VKEY}\n`,
        'frob\n',
      ])
        expect(verdict(text, { policy: bad }).exitCode, bad).to.equal(2);
    });

    it('takes the log key of a policy for pinned', async () => {
      const policy = `log ${vkey}\nwitness council ${WITNESS_VKEY}\nquorum council\n`;

      const { exitCode } = verifyReceipt(await stampedReceipt({ cosign: cosigned(ed25519(3)) }), { vkeys: [], policy });

      expect(exitCode).to.equal(0);
    });

    it('tells of those that only the receipt names, and refuses them when they are wrong', async () => {
      const policy = `witness council ${WITNESS_VKEY}\nquorum council\n`;
      const change = (parts: ReceiptParts): ReceiptParts => ({ ...parts, policy });
      const text = await stampedReceipt({ cosign: cosigned(ed25519(3)), change });
      const forged = await stampedReceipt({ cosign: cosigned(ed25519(4)), change });

      expect(wordsOf(verdict(text, {}), 'other witnesses'))
        .to.contain('only this receipt names')
        .and.contain(WITNESS);
      expect(verdict(text, {}).exitCode).to.equal(0);
      expect(verdict(forged, {}).exitCode).to.equal(1);
      expect(verdict(await stampedReceipt({ change }), {}).exitCode).to.equal(0);
    });

    it('refuses a witness’s signature that is wrong', async () => {
      const text = await stampedReceipt({ cosign: cosigned(ed25519(4)) });

      expect(verdict(text, { witnesses: [WITNESS_VKEY] }).exitCode).to.equal(1);
    });
  });

  describe('time stamps', () => {
    it('tells when, by whom, and under whose certificate', async () => {
      const text = await stampedReceipt({ stampedBy: authority! });

      expect(wordsOf(verdict(text, {}), 'time stamp')).to.contain('Example Time, which you did not say that you trust');
      expect(verdict(text, {}).exitCode).to.equal(0);
      const trusting = verdict(text, { anchorCerts: [authority!.root] });
      expect(wordsOf(trusting, 'time stamp')).to.contain('Example Time, which you trust');
      expect(wordsOf(trusting, 'written down in time')).to.contain('was in the log by');
      expect(trusting.exitCode).to.equal(0);
    });

    it('reads those made with elliptic curves', async () => {
      const text = await stampedReceipt({ stampedBy: other! });

      expect(wordsOf(verdict(text, { anchorCerts: [other!.root] }), 'time stamp')).to.contain('which you trust');
    });

    it('does not trust another authority than the one it was told to', async () => {
      const text = await stampedReceipt({ stampedBy: other! });

      expect(wordsOf(verdict(text, { anchorCerts: [authority!.root] }), 'time stamp')).to.contain('did not say');
    });

    it('refuses an event that claims to be older than its first stamp allows', async () => {
      const anchorCerts = [authority!.root];
      const backdated = { stampedBy: authority!, interval: 'PT1H', minutesAgo: 120 };

      expect(failedIn(verdict(await stampedReceipt(backdated), { anchorCerts }))).to.include('written down in time');
      expect(verdict(await stampedReceipt({ ...backdated, minutesAgo: 30 }), { anchorCerts }).exitCode).to.equal(0);
      expect(failedIn(verdict(await stampedReceipt({ ...backdated, minutesAgo: -30 }), { anchorCerts }))).to.not.be
        .empty;
    });

    it('refuses an event that was not yet in the log when it should have been', async () => {
      const late = { stampedBy: authority!, interval: 'PT1H', minutesAgo: 120, stampedSize: 1 };

      const { checks, exitCode } = verdict(await stampedReceipt(late), { anchorCerts: [authority!.root] });

      expect(
        checks.filter(({ ok }) => ok === false).map(({ words }) => words.replace(/\d{4}-\S+Z/g, '#')),
      ).to.deep.equal([
        'requested of # was first stamped at #: later than the log promises',
        'offered of # was not yet in the log at #: it was written down later than it claims',
        'confirmed of # was not yet in the log at #: it was written down later than it claims',
      ]);
      expect(exitCode).to.equal(1);
    });

    it('is incomplete without a stamp where the reader trusts an authority, unless it is too young for one', async () => {
      const trust = { anchorCerts: [authority!.root] };
      const exitOf = async (scene: StampedScene): Promise<number> =>
        verdict(await stampedReceipt(scene), trust).exitCode;

      expect(await exitOf({ interval: 'PT1H', minutesAgo: 30 })).to.equal(0);
      expect(await exitOf({ interval: 'PT1H', minutesAgo: 120 })).to.equal(2);
      expect(await exitOf({ interval: null, minutesAgo: 1 })).to.equal(2);
      expect(await exitOf({ interval: 'P9999D', minutesAgo: 120 })).to.equal(2);
      expect(await exitOf({ stampedBy: authority!, interval: null })).to.equal(0);
      expect(await exitOf({ stampedBy: authority!, interval: null, minutesAgo: 3000 })).to.equal(2);
      expect(await exitOf({ stampedBy: authority!, interval: 'P9999D', minutesAgo: 3000 })).to.equal(2);
    });

    it('finds the keys and certificates that lie in DATA_DIR/trust', async () => {
      const folder = mkdtempSync(join(tmpdir(), 'zgoda-trust-'));
      const file = join(folder, 'receipt.json');
      mkdirSync(join(folder, 'trust'));
      writeFileSync(file, await stampedReceipt({ interval: 'PT1H', minutesAgo: 120 }));
      const env = { ...process.env, DATA_DIR: folder };
      const exitCode = (): number | null =>
        spawnSync(process.execPath, [join(ROOT, 'dist/server/cli.js'), 'verify', file], { env }).status;

      const codes = [exitCode()];
      writeFileSync(join(folder, 'trust', 'log.vkey'), `${vkey}\n`);
      codes.push(exitCode());
      writeFileSync(join(folder, 'trust', 'authority.pem'), authority!.root);
      codes.push(exitCode());

      expect(codes).to.deep.equal([2, 0, 2]);
      rmSync(folder, { recursive: true });
    });

    it('refuses a stamp of something else', async () => {
      const text = await stampedReceipt({ stampedBy: authority!, stamps: (note) => `${note} ` });

      expect(failedIn(verdict(text, {}))).to.deep.equal(['time stamp']);
    });

    it('refuses a stamp whose certificate is not for time stamps alone', async () => {
      const text = await stampedReceipt({ stampedBy: careless! });

      expect(failedIn(verdict(text, {}))).to.deep.equal(['time stamp']);
    });

    it('refuses a token in which any byte was changed', async () => {
      const text = await stampedReceipt({ stampedBy: authority! });
      const [whole = ''] = /(?<="token": ")[^"]{100,}/.exec(text) ?? [];
      const token = Buffer.from(whole, 'base64');

      const taken = Array.from(token.keys()).filter((at) => {
        const { exitCode } = verdict(text.replace(whole, flip(token, at).toString('base64')), {
          anchorCerts: [authority!.root],
        });
        return exitCode === 0;
      });

      expect(taken).to.deep.equal([]);
      const noise = text.replace(whole, Buffer.from('no token').toString('base64'));
      expect(failedIn(verdict(noise, {}))).to.deep.equal(['time stamp']);
    });

    it('refuses a stamp of a tree that holds none of the events', async () => {
      const note = signCheckpoint({ origin: ORIGIN, size: 40, root: Buffer.alloc(32, 7) }, ed25519(1));
      const text = await stampedReceipt({
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
      expect(wordsOf(verdict(await stampedReceipt({ interval: null }), {}), 'backdating')).to.contain(
        'what the operator says',
      );
    });
  });

  describe('keys that the log had before', () => {
    it('counts them where the reader pinned them too', async () => {
      const change = (parts: ReceiptParts): ReceiptParts => ({
        ...parts,
        log: { ...parts.log, vkey: vkeyOf(ORIGIN, ed25519(2), 1), formerVkeys: [vkey] },
      });
      const text = await stampedReceipt({ change });
      const next = vkeyOf(ORIGIN, ed25519(2), 1);

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

function flip(bytes: Buffer, at: number): Buffer {
  const changed = Buffer.from(bytes);
  changed[at] = (changed[at] ?? 0) ^ 1;
  return changed;
}
