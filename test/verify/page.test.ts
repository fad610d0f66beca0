import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import axe from 'axe-core';
import { expect } from 'chai';
import type { Browser, Page } from 'playwright-core';
import { ROOT } from '../../server/config.js';
import { verifyReceipt, type Trust } from '../../server/verify/verify.js';
import { makeAuthority, type Authority } from '../support/authority.js';
import { launchBrowser } from '../support/browser.js';
import { ed25519 } from '../support/keys.js';
import { BROKEN, receipt, SCENES, vkey } from '../support/receipts.js';
import { cosigned, stampedReceipt, WITNESS_VKEY } from '../support/stamped-receipts.js';
import { itWithVectors } from '../support/shared.js';
import { startTestService, type TestService } from '../support/service.js';

const FILE = join(ROOT, 'public', 'verify.html');

interface Given {
  readonly text: string;
  readonly trust: Trust;
}

describe('The page that checks receipts', function () {
  this.timeout(120_000);
  let browser: Browser | null = null;
  let page: Page;
  let authority: Authority | null = null;
  let curves: Authority | null = null;
  const asked: string[] = [];
  before(async function () {
    browser = await launchBrowser();
    if (!browser) return this.skip();
    authority = makeAuthority();
    curves = makeAuthority({ name: 'Another Time', key: 'ec' });
    page = await browser.newPage({ locale: 'en-GB' });
    page.on('request', (request) => asked.push(request.url()));
    page.on('pageerror', (error) => asked.push(`error: ${error.message}`));
    await page.goto(pathToFileURL(FILE).href);
  });
  after(async () => {
    authority?.close();
    curves?.close();
    await browser?.close();
  });

  it('carries a policy of its own that lets only what is in it run, and nothing be asked for', () => {
    const html = readFileSync(FILE, 'utf8');
    const [policy = ''] = /(?<=http-equiv="Content-Security-Policy" content=")[^"]+/.exec(html) ?? [];

    for (const tag of ['script', 'style']) {
      const inside = new RegExp(`<${tag}>([^]*?)</${tag}>`).exec(html)?.[1] ?? '';
      const hash = createHash('sha256').update(inside).digest('base64');
      expect(policy, `the hash of its ${tag}`).to.contain(`${tag}-src 'sha256-${hash}'`);
    }
    expect(policy).to.contain("default-src 'none'").and.not.to.contain('connect-src');
    expect(html).not.to.match(/\b(src|href|action)=|fetch\(|XMLHttpRequest|import\(|eval\(|innerHTML/);
  });

  it('says the same as the program of every receipt, whole or broken', async () => {
    const scenes = [...SCENES, ...BROKEN.map(([title, , scene]) => [title, scene] as const)];
    for (const [title, scene] of scenes) await agree(title, { text: await receipt(scene), trust: { vkeys: [vkey] } });
    await agree('no pinned key', { text: await receipt(), trust: { vkeys: [] } });
    await agree('keys that are none', { text: await receipt(), trust: { vkeys: ['x', vkey], witnesses: ['y'] } });
    await agree('no receipt', { text: '{}', trust: { vkeys: [vkey] } });
  });

  it('says the same of witnesses, policies and time stamps', async function () {
    if (!authority || !curves) return this.skip();
    const signed = await stampedReceipt({ cosign: cosigned(ed25519(3)) });
    const forged = await stampedReceipt({ cosign: cosigned(ed25519(4)) });
    const vkeys = [vkey];
    const witnesses = [WITNESS_VKEY];
    const policy = `witness council ${WITNESS_VKEY}\ngroup all all council\nquorum all\n`;
    await agree('a witness', { text: signed, trust: { vkeys, witnesses } });
    await agree('a policy', { text: signed, trust: { vkeys, policy } });
    await agree('a policy that is not met', { text: await stampedReceipt(), trust: { vkeys, policy } });
    await agree('no policy', { text: signed, trust: { vkeys, policy: 'quorum nobody\n' } });
    await agree('a forged witness', { text: forged, trust: { vkeys, witnesses } });
    for (const by of [authority, curves]) {
      const text = await stampedReceipt({ stampedBy: by });
      await agree('a stamp', { text, trust: { vkeys } });
      await agree('a stamp that is trusted', { text, trust: { vkeys, anchorCerts: [by.root] } });
      await agree('a stamp of another authority', { text, trust: { vkeys, anchorCerts: [authority.root] } });
    }
    const anchorCerts = [authority.root];
    const late = await stampedReceipt({ stampedBy: authority, interval: 'PT1H', minutesAgo: 120 });
    await agree('a backdated event', { text: late, trust: { vkeys, anchorCerts } });
    const other = await stampedReceipt({ stampedBy: authority, stamps: (note) => `${note} ` });
    await agree('a stamp of something else', { text: other, trust: { vkeys, anchorCerts } });
    for (const at of [40, 120, 200, 2100, -30]) {
      const alterToken = (token: Buffer): Buffer => {
        const changed = Buffer.from(token);
        changed[(at + token.length) % token.length]! ^= 1;
        return changed;
      };
      await agree(`byte ${at}`, {
        text: await stampedReceipt({ stampedBy: authority, alterToken }),
        trust: { vkeys, anchorCerts },
      });
    }
  });

  it('is not taken in by one changed byte', async () => {
    const text = await receipt();
    for (let at = 0; at < text.length; at += Math.ceil(text.length / 60)) {
      const changed = text.slice(0, at) + (text[at] === 'A' ? 'B' : 'A') + text.slice(at + 1);
      const ours = verifyReceipt(changed, { vkeys: [vkey] }).exitCode;
      expect((await verdictOf({ text: changed, trust: { vkeys: [vkey] } })) === 0, `character ${at}`).to.equal(
        ours === 0,
      );
    }
  });

  itWithVectors(
    'agrees with the signatures of RFC 8032, and refuses what it must refuse',
    'ed25519',
    async (vectors) => {
      const { rfc8032, wycheproof_negative: negative } = vectors as Signatures;
      const cases = [
        ...rfc8032.map((one) => [one.public_hex, one.message_hex, one.signature_hex]),
        ...negative.tests.map(({ pk, msg, sig }) => [pk, msg, sig]),
      ];

      const answers = await page.evaluate(`${JSON.stringify(cases)}.map((parts) =>
      ed25519(...parts.map((hex) => Uint8Array.from(hex.match(/../g) ?? [], (byte) => parseInt(byte, 16)))))`);

      expect(answers).to.deep.equal([...rfc8032.map(() => true), ...negative.tests.map(() => false)]);
    },
  );

  it('takes a file, tells the result first, and what was agreed', async () => {
    await page.reload();
    await page.fill('#keys', vkey);
    await page.setInputFiles('#file', {
      name: 'receipt.json',
      mimeType: 'application/json',
      buffer: Buffer.from(await receipt()),
    });

    expect(await page.locator('#result h2').first().innerText()).to.equal('✓ Valid');
    expect(await page.evaluate('document.activeElement.id')).to.equal('result');
    expect(await page.locator('#result').innerText())
      .to.contain('Yes, mail me the news')
      .and.contain('ada@example.org');
    await page.click('#pl');
    expect(await page.locator('#result h2').first().innerText()).to.equal('✓ Ważny');
    expect(await page.title()).to.equal('Ważny – Sprawdź dowód zgody');
    await page.click('#en');
  });

  it('asks for a receipt where there is none', async () => {
    await page.reload();
    await page.click('button[type=submit]');

    expect(await page.locator('#wrong').innerText()).to.contain('choose a file');
  });

  it('asks nobody for anything', () => {
    expect(asked.filter((url) => !url.startsWith('file:'))).to.deep.equal([]);
  });

  describe('served by Zgoda', () => {
    let service: TestService;
    before(async () => {
      service = await startTestService();
    });
    after(async () => service.stop());

    for (const [scheme, width] of [
      ['light', 1280],
      ['dark', 320],
    ] as const) {
      it(`runs under a policy for it alone, and is there for everybody (${scheme}, ${width} px)`, async () => {
        const context = await browser!.newContext({
          colorScheme: scheme,
          viewport: { width, height: 700 },
          bypassCSP: false,
        });
        const served = await context.newPage();
        const answer = await served.goto(`${service.base}/public/verify.html`);
        await served.fill('#keys', vkey);
        await served.setInputFiles('#file', {
          name: 'r.json',
          mimeType: 'application/json',
          buffer: Buffer.from(await receipt()),
        });

        expect(await served.locator('#result h2').first().innerText()).to.contain('Valid');
        expect(answer?.headers()['content-security-policy']).to.contain("default-src 'none'").and.contain("'sha256-");
        expect(answer?.headers()['cache-control']).not.to.contain('immutable');
        const overflow = await served.evaluate('document.documentElement.scrollWidth - innerWidth');
        expect(overflow).to.be.at.most(0);
        await context.close();
        const plain = await browser!.newContext({
          colorScheme: scheme,
          viewport: { width, height: 700 },
          bypassCSP: true,
        });
        const audited = await plain.newPage();
        await audited.goto(`${service.base}/public/verify.html`);
        await audited.setInputFiles('#file', {
          name: 'r.json',
          mimeType: 'application/json',
          buffer: Buffer.from(await receipt()),
        });
        await audited.addScriptTag({ content: axe.source });
        const faults = await audited.evaluate(
          'axe.run().then((found) => found.violations.map((one) => `${one.id}: ${one.nodes.map((node) => node.html)}`))',
        );
        expect(faults).to.deep.equal([]);
        await plain.close();
      });
    }
  });

  async function agree(title: string, given: Given): Promise<void> {
    const ours = verifyReceipt(given.text, given.trust);

    expect(
      await verdictOf(given),
      `${title}\n${ours.checks.map((one) => `${one.ok} ${one.name}: ${one.words}`).join('\n')}`,
    ).to.equal(ours.exitCode);
  }

  async function verdictOf({ text, trust }: Given): Promise<number> {
    const given = {
      ...{ vkeys: trust.vkeys, witnesses: trust.witnesses ?? [], policy: trust.policy ?? '' },
      certs: (trust.anchorCerts ?? []).join('\n'),
    };
    return page.evaluate(`verifyReceipt(${JSON.stringify(text)}, ${JSON.stringify(given)}).code`);
  }
});

interface Signatures {
  rfc8032: { public_hex: string; message_hex: string; signature_hex: string }[];
  wycheproof_negative: { tests: { pk: string; msg: string; sig: string }[] };
}
