import { spawnSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { join as joinPath } from 'node:path';
import { expect } from 'chai';
import { ROOT } from '../../server/config.js';
import { loadReceipt } from '../../server/consent/receipt.js';
import { setup } from '../../server/consent/setup.js';
import { withdraw } from '../../server/consent/withdraw.js';
import { cosign } from '../../server/ledger/cosignature.js';
import { COSIGNATURE, formatVkey, parseNote, verifierKey } from '../../server/ledger/note.js';
import type { ConsentRecord } from '../../server/ledger/record.js';
import { logVkey } from '../../server/ledger/store.js';
import { DEMO } from '../../server/tour/demo.js';
import { verifyReceipt } from '../../server/verify/verify.js';
import { makeAuthority } from '../support/authority.js';
import { checkLedger, startTestService, type TestService } from '../support/service.js';
import { openSettings } from '../support/settings.js';
import { campaignMailTo, factsOf, one, oneClickLink, settled } from '../support/state.js';
import { join, pressConfirm, linkIn, signUp } from '../support/story.js';
import { formOf, get, linksOf, post, type Page } from '../support/web.js';

interface ReceiptFile {
  readonly number: string;
  readonly claim: string;
  readonly list: string;
  readonly events: readonly { readonly kind: string; readonly record: ConsentRecord; readonly later?: string[] }[];
  readonly anchors: { readonly stamps: readonly unknown[] };
}

describe('receipts of what became of a consent', function () {
  this.timeout(90_000);
  let service: TestService;

  before(async () => {
    service = await startTestService();
    await settled(service.ctx);
  });
  after(async () => {
    await checkLedger(service.ctx);
    await service.stop();
  });

  /** All receipts that the settings offer, newest chapter first. */
  async function receiptsOf(email: string): Promise<{ page: Page; files: { text: string; receipt: ReceiptFile }[] }> {
    await settled(service.ctx);
    const page = await (await openSettings(service, email)).show();
    const files: { text: string; receipt: ReceiptFile }[] = [];
    for (const link of linksOf(page, '/receipts/')) {
      const { text } = await get(link);
      files.push({ text, receipt: JSON.parse(text) as ReceiptFile });
    }
    return { page, files };
  }

  function exitOf(text: string, more: Parameters<typeof verifyReceipt>[1] = { vkeys: [] }): number {
    return verifyReceipt(text, { ...more, vkeys: [logVkey(service.ctx)] }).exitCode;
  }

  it('are not minted by leaving: only the settings, opened from the mailbox, offer them (T9)', async () => {
    await join(service, 'chen@gmail.com');
    const leave = oneClickLink(await campaignMailTo(service, 'chen@gmail.com'));

    const left = await post(leave, { 'List-Unsubscribe': 'One-Click' });

    expect(left.status).to.equal(200);
    for (const page of [left, await get(leave)])
      expect([...linksOf(page, '/receipts/'), ...linksOf(page, '/r/')]).to.deep.equal([]);
    const { page, files } = await receiptsOf('chen@gmail.com');
    expect(files).to.have.length(1);
    expect(page.text)
      .to.match(/confirmed on [^;]+; withdrawn on/)
      .and.to.match(/\(file, \d+\skB\)/);
  });

  it('prove the withdrawal with the whole chain, and never that the consent holds (T16)', async () => {
    const { files } = await receiptsOf('chen@gmail.com');
    const [{ text, receipt } = { text: '', receipt: {} as ReceiptFile }] = files;

    expect(receipt.claim).to.equal('withdrawal');
    expect(receipt.events.map(({ kind }) => kind)).to.deep.equal(['requested', 'offered', 'confirmed', 'withdrawn']);
    expect(receipt.events.at(-1)?.record).to.deep.include({ entity: 'subject', withdrawal: { channel: 'one-click' } });
    expect(exitOf(text)).to.equal(0);
    const lied = text.replace('"claim": "withdrawal"', '"claim": "consent"');
    expect(lied).to.not.equal(text);
    expect(exitOf(lied)).to.equal(1);
  });

  it('are verified the same by the program in another language', async function () {
    if (spawnSync('python3', ['--version']).status !== 0) this.skip();
    const { files } = await receiptsOf('chen@gmail.com');
    const cases = files.map(({ text }) => JSON.stringify({ receipt: text, vkeys: [logVkey(service.ctx)] }));
    const { stdout, stderr } = spawnSync('python3', [joinPath(ROOT, 'test', 'verify', 'independent.py'), '--batch'], {
      input: cases.join('\n'),
      encoding: 'utf8',
    });
    expect(stderr).to.equal('');
    expect(stdout.trim()).to.equal('0');
  });

  it('keep a receipt for every chapter of a list that was left and joined again', async () => {
    await join(service, 'chen@gmail.com');

    const { files } = await receiptsOf('chen@gmail.com');

    expect(files.map(({ receipt }) => receipt.claim)).to.deep.equal(['consent', 'withdrawal']);
    expect(new Set(files.map(({ receipt }) => receipt.number)).size).to.equal(2);
    for (const { text } of files) expect(exitOf(text)).to.equal(0);
  });

  it('say that a consent holds once its withdrawal was taken back', async () => {
    await join(service, 'dora@gmail.com');
    const link = linkIn(await campaignMailTo(service, 'dora@gmail.com'), 'u');
    const button = formOf(await get(link), 'unsubscribe');
    const undo = formOf(await post(button.action, button.fields), 'undo');
    await post(undo.action, undo.fields);

    const { files } = await receiptsOf('dora@gmail.com');

    const [{ text, receipt } = { text: '', receipt: {} as ReceiptFile }] = files;
    expect(receipt.claim).to.equal('consent');
    expect(receipt.events.slice(-3).map(({ kind }) => kind)).to.deep.equal(['confirmed', 'withdrawn', 'renewed']);
    expect(exitOf(text)).to.equal(0);
  });

  it('verify where the button was read in another language than the form, and the list is named by its id', async () => {
    await signUp(service, 'ewa@gmail.com');
    await pressConfirm(`${linkIn(await service.mailTo('ewa@gmail.com'), 'c')}?lang=pl`);

    const { files } = await receiptsOf('ewa@gmail.com');

    const [{ text, receipt } = { text: '', receipt: {} as ReceiptFile }] = files;
    expect(receipt.list).to.equal(receipt.events[0]?.record.list_id);
    expect(exitOf(text)).to.equal(0);
  });

  it('bring along what witnesses signed and authorities stamped, which a reader who trusts them can check', async function () {
    const authority = makeAuthority();
    if (!authority) this.skip();
    const { ctx } = service;
    await settled(ctx);
    const [head] = await ctx.db.query<{ size: string; note: string }>(
      'select size, note from log_checkpoint order by size desc limit 1',
    );
    const { privateKey: key } = generateKeyPairSync('ed25519');
    const vkey = formatVkey(verifierKey('council.example.org', key, COSIGNATURE));
    const { text: body } = parseNote(head?.note ?? '');
    const { line } = cosign(body, { name: 'council.example.org', key, now: ctx.now() });
    const note = `${head?.note ?? ''}${line}`;
    await ctx.db.query('insert into log_cosignature (size, witness, line, signed_at) values ($1, $2, $3, $4)', [
      ...[head?.size, vkey, line, ctx.now()],
    ]);
    await ctx.db.query('insert into log_stamp (size, authority, note, token, stamped_at) values ($1, $2, $3, $4, $5)', [
      ...[head?.size, 'https://tsa.example.org', note, authority.token(note), ctx.now()],
    ]);

    const receipt = await loadReceipt(ctx, (await factsOf(ctx, 'chen@gmail.com'))?.signUpId ?? '');

    const policy = `log ${logVkey(ctx)}\nwitness council ${vkey}\nquorum council\n`;
    const trust = { vkeys: [], policy, anchorCerts: [authority.root] };
    const verdict = verifyReceipt(receipt.file, { ...trust, vkeys: [logVkey(ctx)] });
    expect(verdict.exitCode, JSON.stringify(verdict.checks)).to.equal(0);
    expect(verdict.checks.filter(({ name }) => name === 'witnesses').map(({ ok }) => ok)).to.deep.equal([true]);
    expect(receipt.witnesses).to.deep.equal(['council.example.org']);
    expect(receipt.stamps.map((stamp) => stamp.authority)).to.deep.equal(['https://tsa.example.org']);
    expect((JSON.parse(receipt.file) as ReceiptFile).anchors.stamps).to.have.length(1);
    authority.close();
  });

  it('stay true when the organisation took another name between the consent and its end', async () => {
    const { ctx } = service;
    await join(service, 'boris@gmail.com');
    const before = await factsOf(ctx, 'boris@gmail.com');
    await setup(ctx, { ...DEMO, organisation: { ...DEMO.organisation, legalName: 'Wisła Books S.A.' } });

    await withdraw(ctx, before?.consentId ?? '', 'settings');

    const { files } = await receiptsOf('boris@gmail.com');
    expect(files[0]?.text).to.contain('"organisation": "Wisła Books S.A."');
    expect(exitOf(files[0]?.text ?? '')).to.equal(0);
    expect(await one<string>(ctx, 'select state from consent where id = $1', [before?.consentId])).to.equal(
      'withdrawn',
    );
  });
});
