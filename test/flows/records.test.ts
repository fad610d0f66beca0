import { createHash } from 'node:crypto';
import { expect } from 'chai';
import { evidenceKey } from '../../server/consent/chapter.js';
import { openEvents } from '../../server/consent/receipt-events.js';
import { loadReceipt, type Receipt } from '../../server/consent/receipt.js';
import { textsOf } from '../../server/consent/shown-text.js';
import type { Terms } from '../../server/consent/terms.js';
import type { Context } from '../../server/context.js';
import type { ConsentRecord } from '../../server/ledger/record.js';
import { checkLedger, startTestService, type TestService } from '../support/service.js';
import { factsOf, one, settled } from '../support/state.js';
import { linkIn, signUp } from '../support/story.js';
import { boxOf, formOf, get, headingOf, linksOf, post, type Page } from '../support/web.js';

const BROWSER = { 'User-Agent': 'OwnersBrowser/7.7', 'Accept-Language': 'pl,en;q=0.5' };

describe('the records of a consent tell the whole story', () => {
  let service: TestService;
  let ctx: Context;
  let form: Page;
  let confirmed: Page;
  const record = {} as Record<'requested' | 'offered' | 'confirmed', ConsentRecord>;
  let receipt: Receipt;

  before(async () => {
    service = await startTestService();
    ({ ctx } = service);
    form = await get(`${service.base}/lists/news?lang=en`);
    const { action, fields } = formOf(form, 'subscribe');
    await post(action, { ...fields, email: 'ada@gmail.com', consent: boxOf(form) }, BROWSER);
    const link = linkIn(await service.mailTo('ada@gmail.com'), 'c');
    await settled(ctx);
    service.advance(90_000);
    await fetch(link, { method: 'HEAD' });
    await get(link);
    const button = formOf(await get(link, BROWSER), 'confirm');
    service.advance(30_000);
    confirmed = await post(button.action, button.fields, BROWSER);
    await settled(ctx);
    receipt = await loadReceipt(ctx, await chapterOf('ada@gmail.com'));
    for (const event of receipt.events) record[event.record.kind as keyof typeof record] = event.record;
  });
  after(async () => {
    await checkLedger(ctx);
    await service.stop();
  });

  async function chapterOf(email: string): Promise<string> {
    return (await factsOf(ctx, email))?.signUpId ?? '';
  }

  it('who, when, which list, under which words and notice, chained', () => {
    for (const one of Object.values(record)) {
      expect(one.record_id).to.match(/^[0-9a-f-]{36}$/);
      expect(one).to.include({
        schema_version: 1,
        list_name: 'Bookshop news',
        language: 'en',
        lawful_basis: 'consent',
      });
      expect(one).to.include({ jurisdiction: 'PL', validity: 'until-withdrawn' });
      expect(one.controller).to.have.all.keys('name', 'address', 'contact');
      for (const hash of [one.wording?.sha256, one.notice?.sha256, one.terms?.sha256])
        expect(sha256(receipt.texts.get(hash ?? '') ?? '')).to.equal(hash);
    }
    expect(record.requested).to.include({ entity: 'subject', collection_method: 'web-form', prev_event_commit: null });
    expect(record.offered).to.include({ entity: 'system' }).and.to.have.property('request_commit');
    expect(record.confirmed.prev_event_commit).to.match(/^[\w+/]{43}=$/);
  });

  it('the terms that hold for everybody, once, as a text of their own', () => {
    const terms = JSON.parse(receipt.texts.get(record.requested.terms?.sha256 ?? '') ?? '') as Terms;

    expect(terms.purposes[0]).to.include({
      type: 'dpv:DirectMarketing',
      text: 'New books, readings and opening hours.',
    });
    expect(terms.consent_type).to.equal('dpv:ExpressedConsent');
    expect(terms.pii_types.map(({ type }) => type)).to.include('pd:EmailAddress');
    expect(terms.controller.dpo).to.equal('officer@bookshop.example');
    expect(terms.recipients).to.have.length(1);
    expect(terms.storage_locations).to.deep.equal(['Poland']);
    expect(terms.transfers).to.deep.equal([]);
    expect(terms.retention).to.deep.equal({ rule: 'until-withdrawn', unconfirmed: 'P14D', proof_after_end: 'P3Y' });
    expect(terms.withdrawal_method).to.contain('link in every mail');
    expect(terms.privacy_rights).to.include('eu-gdpr:A7-3').and.to.include('eu-gdpr:A17');
    expect(terms.authority.name).to.contain('UODO');
    expect(terms).to.include({ sensitive: false, special_category: false, box_default: 'unticked' });
  });

  it('the form as it was served, but for its ticket', () => {
    const { url, sha256: hash } = record.requested.form ?? { url: '' };

    expect(url).to.equal(`${service.base}/lists/news`);
    const ticket = formOf(form, 'subscribe').fields['ticket'] ?? '?';
    expect(receipt.texts.get(hash ?? '')).to.equal(form.text.replace(ticket, '{{ticket}}'));
  });

  it('which link was mailed under which key, who took the mail, and what it said', () => {
    expect(record.offered.token).to.include({ kid: ctx.keyring.current });
    expect(record.offered.mail).to.include.keys(
      'message_id',
      'template_version',
      'sha256',
      'dkim_domain',
      'dkim_selector',
    );
    expect(record.confirmed.mail_handoff?.reply).to.match(/^250 2\.0\.0 kept as /);
    expect(record.confirmed.mail_handoff?.taken_by).to.match(/^127\.0\.0\.1:\d+ unencrypted$/);
    expect(Date.parse(record.confirmed.mail_handoff?.at ?? '')).to.be.lessThan(
      Date.parse(record.confirmed.happened_at),
    );
  });

  it('what speaks for a person at the button, and nothing depends on it (M-52)', () => {
    const signals = record.confirmed.automation_signals;

    expect(signals?.page_fetches).to.equal(3);
    expect(signals?.seconds_on_page).to.be.within(29, 60);
    expect(signals?.seconds_since_handoff).to.be.within(115, 200);
    expect(headingOf(confirmed)).to.contain('Confirmed');
  });

  it('the connections of those who acted, each a field of its own that the record verifies without', async () => {
    const [chapter] = await ctx.db.query<{ id: string; key: Buffer }>(
      'select id, evidence_key as key from sign_up where id = $1',
      [await chapterOf('ada@gmail.com')],
    );
    const key = evidenceKey(ctx.keyring, chapter?.id ?? '', chapter?.key ?? Buffer.alloc(0));

    const events = await openEvents(ctx, chapter?.id ?? '', key);

    expect(events[0]?.record.fields).to.have.all.keys('address', 'ip', 'user_agent');
    // Who typed the address may have been a stranger.
    expect(events[0]?.fields).to.have.all.keys('address');
    expect(events.at(-1)?.fields.user_agent?.value).to.equal('OwnersBrowser/7.7\naccept-language: pl,en;q=0.5');
  });

  it('a text is kept once, however many were shown it', async () => {
    const before = await one<number>(ctx, 'select count(*)::int from shown_text');

    for (const email of ['boris@gmail.com', 'chen@gmail.com']) {
      await signUp(service, email);
      const link = linkIn(await service.mailTo(email), 'c');
      const button = formOf(await get(link), 'confirm');
      await post(button.action, button.fields);
    }

    expect(await one<number>(ctx, 'select count(*)::int from shown_text')).to.equal(before);
  });

  it('a text that somebody wrote over by SQL is not shown as the one that was kept', async () => {
    const [row] = await ctx.db.query<{ body: string }>('select body from shown_text limit 1');
    const hash = sha256('what nobody ever said');
    await ctx.db.query('insert into shown_text (sha256, body, created_at) values ($1, $2, $3)', [
      ...[Buffer.from(hash, 'hex'), row?.body, ctx.now()],
    ]);

    expect(await textsOf(ctx.db, [hash])).to.deep.equal(new Map());
    const refused = await ctx.db.query(`update shown_text set body = 'x'`).then(
      () => null,
      (error: unknown) => error,
    );
    expect(String(refused)).to.contain('is append-only');
  });

  it('a form on another site is named by the page that the browser tells, and never by its query', async () => {
    const words = (await (await fetch(`${service.base}/forms/demo/embed`)).json()) as {
      fields: { consent: string; ticket: string };
    };
    const from = { Origin: 'https://shop.example', Referer: 'https://shop.example/join?who=ewa@gmail.com' };
    await post(`${service.base}/forms/demo`, { ...words.fields, email: 'ewa@gmail.com' }, from);
    const button = formOf(await get(linkIn(await service.mailTo('ewa@gmail.com'), 'c')), 'confirm');
    await post(button.action, button.fields);
    await settled(ctx);

    const { events, texts } = await loadReceipt(ctx, await chapterOf('ewa@gmail.com'));

    const { url, sha256: hash } = events[0]?.record.form ?? { url: '' };
    expect(url).to.equal('https://shop.example/join');
    expect(JSON.parse(texts.get(hash ?? '') ?? '{}')).to.deep.include({
      fields: { ...words.fields, ticket: '{{ticket}}' },
    });
  });

  it('and the receipt of it is a page that tells it to a reader: result, words, acts, what was shown, proof, limits', async () => {
    const link = linksOf(confirmed, '/r/')[0] ?? '';

    const page = await get(link);

    expect(headingOf(page)).to.equal('Confirmed: consent to "Bookshop news"');
    for (const part of [
      'Whoever reads the mailbox ada@gmail.com agreed',
      'I want marketing e-mail from Wisła Bookshop',
      'Privacy notice, version 1, in full',
      'Nothing is shared with anybody.',
      'Wisła Hosting (made up)',
      '250 2.0.0 kept as',
      'OwnersBrowser/7.7',
      '[ Confirm ]',
      '☐ I want marketing',
      'verify.html',
      'as&#x3D;dpv',
      'nobody else stamps the time on this log',
      'What it does not prove',
    ])
      expect(page.text).to.contain(part);
    expect(page.text).to.match(/\d{1,2} \w+ \d{4} at \d\d:\d\d:\d\d (CET|CEST)/);
    expect(headingOf(await get(`${link}?lang=pl`))).to.equal('Potwierdzono: zgoda na „Bookshop news”');
  });

  it('and is offered in the forms of other systems, without the address', async () => {
    const link = linksOf(confirmed, '/receipts/')[0] ?? '';

    const [dpv, kantara] = [await get(`${link}?as=dpv`), await get(`${link}?as=kantara`)];

    expect(dpv.headers.get('content-type')).to.contain('application/ld+json');
    expect(dpv.headers.get('content-disposition')).to.match(/filename="receipt-\d+\.jsonld"/);
    expect((JSON.parse(dpv.text) as Record<string, unknown>)['@type']).to.equal('dpv:ConsentReceipt');
    expect((JSON.parse(kantara.text) as Record<string, unknown>)['version']).to.equal('KI-CR-v1.1.0');
    for (const { text } of [dpv, kantara]) expect(text).to.not.contain('ada@gmail.com');
  });
});

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
