import { createHash } from 'node:crypto';
import { expect } from 'chai';
import { makeKeyring, makeKeysFile } from '../../server/keys/keyring.js';
import type { ConsentRecord } from '../../server/ledger/record.js';
import { logVkey } from '../../server/ledger/store.js';
import { verifyReceipt } from '../../server/verify/verify.js';
import { checkLedger, startTestService, type TestService } from '../support/service.js';
import { changesNothing } from '../support/state.js';
import { linkIn, settingsLink } from '../support/story.js';
import { boxOf, formOf, get, linksOf, post, type Page } from '../support/web.js';

const STRANGER = { 'X-Forwarded-For': '203.0.113.66', 'User-Agent': 'StrangersBrowser/6.6' };
const OWNER = { 'X-Forwarded-For': '198.51.100.7', 'User-Agent': 'OwnersBrowser/7.7' };

describe('receipts', () => {
  let service: TestService;
  const confirmed: Record<string, { link: string; page: Page }> = {};

  before(async () => {
    service = await startTestService({ settings: { TRUST_PROXY: '1' } });
    for (const email of ['ada@gmail.com', 'chen@gmail.com']) confirmed[email] = await joinAs(email);
  });
  after(async () => {
    await checkLedger(service.ctx);
    await service.stop();
  });

  /** A stranger types the address; its owner confirms. */
  async function joinAs(email: string): Promise<{ link: string; page: Page }> {
    const form = formOf(await get(`${service.base}/lists/news`), 'subscribe');
    const consent = boxOf(await get(`${service.base}/lists/news`));
    await post(form.action, { ...form.fields, email, consent }, STRANGER);
    const link = linkIn(await service.mailTo(email), 'c');
    const button = formOf(await get(link, OWNER), 'confirm');
    return { link, page: await post(button.action, button.fields, OWNER) };
  }

  function receiptLink(email: string): string {
    return linksOf(confirmed[email]?.page as Page, '/receipts/')[0] ?? '';
  }

  it('shows the connection of whoever confirmed, and never that of a stranger who typed the address', async () => {
    const link = receiptLink('ada@gmail.com');

    const file = await get(link);
    const view = await get(link.replace('/receipts/', '/r/'));

    expect(file.status).to.equal(200);
    expect(file.text).to.contain('198.51.100.7').and.to.contain('OwnersBrowser').and.to.contain('ada@gmail.com');
    for (const { text } of [file, view]) {
      expect(text).to.not.contain('203.0.113.66');
      expect(text).to.not.contain('StrangersBrowser');
    }
  });

  it('says which page was shown, in which language, and holds it to the byte but for what is personal', async () => {
    const form = formOf(await get(`${service.base}/lists/news`), 'subscribe');
    await post(form.action, { ...form.fields, email: 'ewa@gmail.com', consent: boxOf(await get(form.action)) }, OWNER);
    const page = await get(`${linkIn(await service.mailTo('ewa@gmail.com'), 'c')}?lang=pl`, OWNER);
    const button = formOf(page, 'confirm');

    // The answer is asked for in another language: what counts is what was read.
    const answer = await post(button.action.replace('lang=pl', 'lang=en'), button.fields, OWNER);

    const receipt = await get(linksOf(answer, '/receipts/')[0] ?? '');
    const { record, texts } = recordOf(receipt, 'confirmed');
    expect(record.confirm).to.include({ language: 'pl', method: 'POST' });
    const hash = record.confirm?.method === 'POST' ? (record.confirm.page_sha256 ?? '') : '';
    const text = texts[hash] ?? '';
    expect(createHash('sha256').update(text).digest('hex')).to.equal(hash);
    expect(text).to.not.contain('gmail').and.to.not.contain(new URL(page.url).pathname);
    const [first = '', ...pieces] = text.split(/\{\{\w+\}\}/);
    expect(pieces.length).to.be.greaterThan(6);
    expect(page.text.startsWith(first)).to.equal(true);
    expect(new RegExp(`^${[first, ...pieces].map(escapeRegExp).join('.*?')}$`, 's').test(page.text)).to.equal(true);
  });

  it('says nothing of anybody else', async () => {
    const ada = await get(receiptLink('ada@gmail.com'));
    const chen = await get(receiptLink('chen@gmail.com'));

    expect(ada.text).to.not.contain('chen');
    expect(chen.text).to.not.contain('ada@gmail.com');
    expect(numberOf(ada)).to.not.equal(numberOf(chen));
    expect(verifyReceipt(ada.text, { vkeys: [logVkey(service.ctx)] }).exitCode).to.equal(0);
    expect(verifyReceipt(chen.text, { vkeys: [logVkey(service.ctx)] }).exitCode).to.equal(0);
  });

  it('holds no secret of the confirmation link before it is used, and no key', async () => {
    const { text } = await get(receiptLink('ada@gmail.com'));

    expect(text).to.not.contain(new URL(confirmed['ada@gmail.com']?.link ?? '').pathname.slice(3));
    expect(text).to.not.match(/private|evidence_key|masters/i);
  });

  it('never verifies under the key of another log', async () => {
    const { text } = await get(receiptLink('ada@gmail.com'));
    const foreign = { ...service.ctx, keyring: makeKeyring(makeKeysFile(new Date())) };

    const exits = [[logVkey(foreign)], [], ['not a key']].map((vkeys) => verifyReceipt(text, { vkeys }).exitCode);

    for (const exit of exits) expect(exit).to.be.oneOf([1, 2]);
  });

  it('never verifies once a word of it was changed', async () => {
    const { text } = await get(receiptLink('ada@gmail.com'));
    const vkeys = [logVkey(service.ctx)];
    const changes: readonly (readonly [string, string])[] = [
      ['ada@gmail.com', 'eve@gmail.com'],
      ['198.51.100.7', '198.51.100.8'],
      ['I want marketing', 'I want no marketing'],
      ['"kind":"confirmed"', '"kind":"withdrawn"'],
    ];

    for (const [from, to] of changes) {
      const squeezed = JSON.stringify(JSON.parse(text));
      expect(squeezed, from).to.contain(from);
      expect(verifyReceipt(squeezed.replaceAll(from, to), { vkeys }).exitCode, from).to.equal(1);
    }
  });

  it('is not minted by a GET or a second press, nor shown for a link of another kind', async () => {
    const { link, page } = confirmed['ada@gmail.com'] ?? { link: '', page: null };
    const settings = settingsLink(page as Page);
    const pages: Page[] = [];

    await changesNothing(service.ctx, async () => {
      pages.push(await get(link), await post(link, {}), await get(settings));
    });

    for (const shown of pages) {
      expect(linksOf(shown, '/receipts/')).to.deep.equal([]);
      expect(linksOf(shown, '/r/')).to.deep.equal([]);
    }
    const token = new URL(settings).pathname.slice(3);
    for (const path of ['receipts', 'r', 'm', 'n', 'u'])
      expect((await get(`${service.base}/${path}/${token}`)).status, path).to.equal(404);
  });

  it('dies after 30 minutes with a page that helps', async () => {
    const link = receiptLink('ada@gmail.com');
    service.advance(29 * 60_000);
    expect((await get(link)).status).to.equal(200);

    service.advance(2 * 60_000);
    const late = await get(link);

    expect(late.status).to.equal(410);
    expect(late.headers.get('content-disposition')).to.equal(null);
    expect(formOf(late, 'magic').action).to.equal(`${service.base}/preferences`);
    expect((await get(link.replace('/receipts/', '/r/'))).status).to.equal(410);
  });
});

function escapeRegExp(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

function recordOf(receipt: Page, kind: string): { record: ConsentRecord; texts: Record<string, string> } {
  const { events, texts } = JSON.parse(receipt.text) as {
    events: { record: ConsentRecord }[];
    texts: Record<string, string>;
  };
  const record = events.map((event) => event.record).find((one) => one.kind === kind);
  if (!record) throw new Error(`no event ${kind}`);
  return { record, texts };
}

function numberOf(receipt: Page): string | undefined {
  return /receipt-(\d+)\.json/.exec(receipt.headers.get('content-disposition') ?? '')?.[1];
}
