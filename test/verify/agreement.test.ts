import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect } from 'chai';
import type { Browser, Page } from 'playwright-core';
import { ROOT } from '../../server/config.js';
import { verifyReceipt } from '../../server/verify/verify.js';
import { makeAuthority, type Authority } from '../support/authority.js';
import { launchBrowser } from '../support/browser.js';
import { hasPython, python } from '../support/python.js';
import { receipt, vkey } from '../support/receipts.js';
import { startTestService, type TestService } from '../support/service.js';
import { verifierCases, type VerifierCase } from '../support/verifier-cases.js';

describe('Three verifiers that share nothing', function () {
  this.timeout(120_000);
  const authorities: Authority[] = [];
  let cases: VerifierCase[] = [];
  before(async () => {
    for (const options of [{}, { name: 'Another Time', key: 'ec' } as const]) {
      const made = makeAuthority(options);
      if (made) authorities.push(made);
    }
    cases = await verifierCases(authorities);
  });
  after(() => authorities.forEach((authority) => authority.close()));

  const wanted = (): string[] => cases.map(({ title, exitCode }) => `${title}: ${exitCode}`);
  const given = (answers: readonly unknown[]): string[] =>
    cases.map(({ title }, at) => `${title}: ${String(answers[at])}`);

  it('the program answers every receipt as it must', () => {
    const answers = cases.map(({ text, trust }) => verifyReceipt(text, trust).exitCode);

    expect(given(answers)).to.deep.equal(wanted());
    expect(cases.length).to.be.greaterThan(60);
  });

  it('the one in Python answers the same', function () {
    if (!hasPython()) return this.skip();

    const answers = python('--batch', cases.map(asLine));

    expect(given(answers)).to.deep.equal(wanted());
  });

  describe('the page', () => {
    let browser: Browser | null = null;
    let service: TestService | null = null;
    before(async function () {
      browser = await launchBrowser();
      if (!browser) return this.skip();
      service = await startTestService();
    });
    after(async () => {
      await service?.stop();
      await browser?.close();
    });

    for (const kind of ['from a disk', 'from Zgoda'] as const) {
      it(`answers the same, opened ${kind}`, async () => {
        const page = await browser!.newPage();
        await page.goto(
          kind === 'from a disk'
            ? pathToFileURL(join(ROOT, 'public', 'verify.html')).href
            : `${service!.base}/public/verify.html`,
        );

        const answers = await answersOf(page, cases);

        expect(given(answers)).to.deep.equal(wanted());
        await page.close();
      });
    }

    it('and the one in Python are taken in by no changed character either', async function () {
      const page = await browser!.newPage();
      await page.goto(pathToFileURL(join(ROOT, 'public', 'verify.html')).href);
      const text = await receipt();
      const changed = Array.from({ length: 120 }, (_, part): VerifierCase => {
        const at = Math.floor((text.length * part) / 120);
        const by = text[at] === 'A' ? 'B' : 'A';
        const one = { title: `character ${at}`, text: text.slice(0, at) + by + text.slice(at + 1) };
        const trust = { vkeys: [vkey] };
        return { ...one, trust, exitCode: verifyReceipt(one.text, trust).exitCode };
      });

      const answers = [
        await answersOf(page, changed),
        ...(hasPython() ? [python('--batch', changed.map(asLine))] : []),
      ];

      for (const each of answers)
        expect(changed.filter(({ exitCode }, at) => (each[at] === 0) !== (exitCode === 0))).to.deep.equal([]);
      await page.close();
    });
  });
});

function asLine({ text, trust }: VerifierCase): object {
  return {
    receipt: text,
    vkeys: trust.vkeys,
    witnesses: trust.witnesses,
    policy: trust.policy,
    certs: trust.anchorCerts,
  };
}

async function answersOf(page: Page, cases: readonly VerifierCase[]): Promise<unknown[]> {
  const asked = cases.map(({ text, trust }) => ({
    text,
    trust: {
      ...{ vkeys: trust.vkeys, witnesses: trust.witnesses ?? [], policy: trust.policy ?? '' },
      certs: (trust.anchorCerts ?? []).join('\n'),
    },
  }));
  return page.evaluate(`${JSON.stringify(asked)}.map(({ text, trust }) => verifyReceipt(text, trust).code)`);
}
