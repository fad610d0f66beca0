import { createHash } from 'node:crypto';
import { expect } from 'chai';
import { forgetCatalogue, listBySlug } from '../../server/consent/catalogue.js';
import { evidenceKey } from '../../server/consent/chapter.js';
import { loadReceipt } from '../../server/consent/receipt.js';
import { mintReceiptLinks } from '../../server/consent/receipt-links.js';
import { setup } from '../../server/consent/setup.js';
import type { Context } from '../../server/context.js';
import { decryptField } from '../../server/keys/field.js';
import type { ReplyEvidence } from '../../server/ledger/evidence.js';
import type { ConsentRecord } from '../../server/ledger/record.js';
import { logVkey } from '../../server/ledger/store.js';
import { makeReplyToken } from '../../server/links/token.js';
import { verifyReceipt } from '../../server/verify/verify.js';
import { startDns, type TestDns } from '../support/dns.js';
import { handIn, openProvider, sendsOut, signsPart, unsigned } from '../support/provider.js';
import type { Draft, Provider, Said } from '../support/provider.js';
import { answerAddress, INBOUND, quoted, withReplies } from '../support/replies.js';
import { checkLedger, startTestService, type ReceivedMail, type TestService } from '../support/service.js';
import { changesNothing, factsOf, one, settled, stateOf } from '../support/state.js';
import { linkIn, pressConfirm, signUp, steer } from '../support/story.js';
import { formOf, get, headingOf, post } from '../support/web.js';

const DAY_MS = 86_400_000;

describe('confirm by reply (T14)', function () {
  this.timeout(60_000);
  let service: TestService;
  let ctx: Context;
  let dns: TestDns;
  let home: Provider;
  let other: Provider;

  before(async () => {
    dns = await startDns();
    home = openProvider(dns, 'mail.example');
    other = openProvider(dns, 'evil.example');
    service = await startTestService({ settings: { DNS_SERVER: dns.server } });
    ctx = service.ctx;
    await setup(ctx, withReplies());
  });
  after(async () => {
    await checkLedger(ctx);
    await service.stop();
    await dns.stop();
  });

  /** Signs up; the mail that asks. */
  async function asked(email: string, list = 'news', language = 'en'): Promise<ReceivedMail> {
    const before = await service.mailsTo(email);
    expect((await signUp(service, email, list, language)).status).to.equal(200);
    const mail = await service.mailTo(email, before + 1);
    await settled(ctx);
    return mail;
  }

  function draft(email: string, mail: ReceivedMail, change: Partial<Draft> = {}): Draft {
    return { from: `Somebody <${email}>`, to: answerAddress(mail), body: `CONFIRM\n\n${quoted(mail)}`, ...change };
  }

  /** The provider's server brings the answer. */
  async function bring(raw: Buffer, mail: ReceivedMail, sender = 'somebody@mail.example'): Promise<Said> {
    return handIn(service, raw, { sender, to: answerAddress(mail) });
  }

  async function answer(email: string, mail: ReceivedMail, change: Partial<Draft> = {}): Promise<Said> {
    return bring(await sendsOut(home, draft(email, mail, change), ctx.now()), mail);
  }

  async function refuses(email: string, what: () => Promise<Said>, why: RegExp): Promise<void> {
    const state = await stateOf(ctx, email);
    await changesNothing(ctx, async () => {
      const said = await what();
      expect(said.code, said.text).to.equal(550);
      expect(said.text).to.match(why).and.to.contain('nothing was changed');
    });
    expect(await stateOf(ctx, email)).to.equal(state);
  }

  describe('asks', () => {
    it('in the mail, with an address of its own for answers, apart from bounces', async () => {
      const mail = await asked('ask@mail.example');

      expect(answerAddress(mail)).to.match(/^y\+[a-z2-7]{48}@in\.bookshop\.example$/);
      expect(mail.parsed.text).to.contain('with the one word CONFIRM on the first line');
      expect(String(mail.parsed.html)).to.contain('with the one word CONFIRM on the first line');
      expect(mail.raw.toString()).to.match(/h=[^;]*reply-to/);
    });

    it('in Polish with a Polish word', async () => {
      const mail = await asked('zapytaj@mail.example', 'news', 'pl');

      expect(mail.parsed.text).to.contain('tylko jedno słowo: POTWIERDZAM');
    });

    it('not where the list does not take answers', async () => {
      const mail = await asked('off@mail.example', 'readings');

      expect(mail.parsed.replyTo).to.equal(undefined);
      expect(mail.parsed.text).not.to.contain('CONFIRM');
    });

    it('is not set up for an organisation without an inbound domain', async () => {
      const set = withReplies();
      set.organisation.inboundDomain = null;

      const error: unknown = await setup(ctx, set).catch((thrown: unknown) => thrown);

      expect(error).to.include({ code: 'body-invalid' });
      expect(String(error)).to.contain('list news: confirmByReply needs an inboundDomain');
    });
  });

  describe('confirms', () => {
    const good: readonly [title: string, change: (mail: ReceivedMail) => Partial<Draft>][] = [
      ['with the quote below', () => ({})],
      ['in small letters with a full stop', () => ({ body: 'confirm.\n' })],
      ['after empty lines and a signature below', () => ({ body: '\n\nConfirm!\n\n-- \nBoris\nThe Office\n' })],
      ['with the quote above', (mail) => ({ body: `On 2 March 2026 a shop wrote:\n${quoted(mail)}\n\nCONFIRM\n` })],
      [
        'in HTML alone',
        () => ({
          type: 'text/html; charset=utf-8',
          body: '<div dir="ltr"><b>Confirm</b></div><br><div class="gmail_quote"><div class="gmail_attr">On Monday:</div><blockquote>Hello</blockquote></div>',
        }),
      ],
      [
        'in HTML with the quote above',
        () => ({ type: 'text/html', body: '<blockquote>No</blockquote><p>CONFIRM</p>' }),
      ],
      ['in base64', () => ({ more: [['Content-Transfer-Encoding', 'base64']], body: 'Q09ORklSTQo=\n' })],
      [
        'with a name full of tricks',
        () => ({ from: '"eve@evil.example, (x" (y <z@evil.example>) <NAME@mail.example>' }),
      ],
      ['that says that no program sent it', () => ({ more: [['Auto-Submitted', 'no']] })],
    ];
    for (const [title, change] of good) {
      it(title, async () => {
        const email = title.includes('name') ? 'name@mail.example' : `${title.replace(/\W+/g, '.')}@mail.example`;
        const mail = await asked(email);

        const said = await answer(email, mail, change(mail));

        expect(said.code, said.text).to.equal(250);
        expect(await stateOf(ctx, email)).to.equal('confirmed');
      });
    }

    it('with the word of the language that the mail was in, and no other', async () => {
      const email = 'ola@mail.example';
      const mail = await asked(email, 'news', 'pl');

      await refuses(email, async () => answer(email, mail), /the word POTWIERDZAM alone/);
      expect((await answer(email, mail, { body: 'potwierdzam' })).code).to.equal(250);
    });

    it('when the address of the answer lost its case on the way', async () => {
      const email = 'shout@mail.example';
      const mail = await asked(email);
      const to = answerAddress(mail).toUpperCase();

      const raw = await sendsOut(home, draft('SHOUT@MAIL.EXAMPLE', mail, { to }), ctx.now());

      expect((await handIn(service, raw, { sender: email, to })).code).to.equal(250);
    });

    it('for an address below the domain that signs', async () => {
      const email = 'ada@staff.mail.example';
      const mail = await asked(email);

      expect((await answer(email, mail)).code).to.equal(250);
    });

    it('by another signer than ours', async () => {
      const email = 'signer@mail.example';
      const mail = await asked(email);

      const said = await bring(await signsPart(home, draft(email, mail), null), mail);
      expect(said.code, said.text).to.equal(250);
    });

    it('keeps the answer, its signature and its key, and says whose word the key is', async () => {
      const email = 'ada@mail.example';
      const mail = await asked(email);
      const raw = await sendsOut(home, draft(email, mail), ctx.now());

      expect((await bring(raw, mail)).code).to.equal(250);

      const { offered, confirmed, reply } = await evidenceOf(ctx, email);
      const { dkim, ...confirm } = confirmed.confirm as ReplyEvidence;
      const [key] = dns.records.get('s1._domainkey.mail.example') ?? [];
      expect(confirm).to.deep.equal({
        ...{ method: 'reply', language: 'en', word: 'CONFIRM', message_id: '<answer@example.org>' },
        sha256: sha256(raw).toString('hex'),
      });
      expect(dkim).to.deep.include({ domain: 'mail.example', selector: 's1', algorithm: 'rsa-sha256', key_bits: 2048 });
      expect(dkim).to.deep.include({ key_strength: 'full', key_record: key, key_seen_by: 'operator' });
      expect(dkim.key_record_sha256).to.equal(sha256(Buffer.from(key ?? '')).toString('hex'));
      expect(Buffer.from(reply, 'latin1')).to.deep.equal(raw);
      expect(confirmed.fields).to.have.all.keys('reply');
      const secret = Buffer.from(confirmed.secret ?? '', 'base64url');
      expect(sha256(secret).toString('hex')).to.equal(offered.token?.reply_secret_sha256);
      expect(makeReplyToken(ctx.keyring, secret)).to.equal(answerAddress(mail).slice(2, 50));
    });

    it('gives a receipt with the answer in it, which verifies offline and says what it does not prove', async () => {
      const email = 'receipt@mail.example';
      const mail = await asked(email);
      const raw = await sendsOut(home, draft(email, mail), ctx.now());
      expect((await bring(raw, mail)).code).to.equal(250);
      await settled(ctx);

      const { file } = await loadReceipt(ctx, await signUpOf(ctx, email));
      const verdict = verifyReceipt(file, { vkeys: [logVkey(ctx)] });

      expect(verdict.exitCode, JSON.stringify(verdict)).to.equal(0);
      const receipt = JSON.parse(file) as { limits: string[]; events: { fields: { reply?: { value: string } } }[] };
      expect(receipt.limits.at(-1)).to.contain('what the operator saw');
      expect(receipt.events.at(-1)?.fields.reply?.value).to.equal(raw.toString('latin1'));
      const swapped = file.replaceAll('"method": "reply"', '"method": "POST"');
      expect(verifyReceipt(swapped, { vkeys: [logVkey(ctx)] }).exitCode).to.equal(1);
    });

    it('shows in receipt, settings and tour that an answer confirmed', async () => {
      const email = 'shown@mail.example';
      expect((await answer(email, await asked(email))).code).to.equal(250);
      await settled(ctx);
      const list = await listBySlug(ctx, 'news');
      const { readHref } = mintReceiptLinks(ctx, list, await signUpOf(ctx, email));

      await post(`${service.base}/preferences`, { email });
      const open = formOf(await get(linkIn(await service.mailTo(email, 2), 'm')), 'open');
      const opened = await post(open.action, open.fields);
      const cookie = opened.headers.getSetCookie()[0]?.split(';')[0] ?? '';
      expect((await get(`${service.base}/settings`, { cookie })).text).to.contain('confirmed by an answer on');

      for (const [language, act, how] of [
        ['en', 'an answer to the mail confirmed', 'by an answer to the mail'],
        ['pl', 'potwierdzono odpowiedzią na wiadomość', 'odpowiedzią na wiadomość'],
      ] as const) {
        const page = (await get(`${readHref}?lang=${language}`)).text;
        expect(page).to.contain(act);
        expect((await get(`${service.base}/?lang=${language}`)).text).to.contain(how);
      }
    });

    it('notes a key under 2048 bits as weak', async () => {
      const weak = openProvider(dns, 'weak.example', { bits: 1024 });
      const email = 'ada@weak.example';
      const mail = await asked(email);

      expect((await bring(await sendsOut(weak, draft(email, mail), ctx.now()), mail)).code).to.equal(250);

      const { confirmed } = await evidenceOf(ctx, email);
      expect((confirmed.confirm as ReplyEvidence).dkim).to.include({ key_bits: 1024, key_strength: 'weak' });
    });

    it('once: the same answer again, and the link after it, add nothing', async () => {
      const email = 'twice@mail.example';
      const mail = await asked(email);
      const raw = await sendsOut(home, draft(email, mail), ctx.now());
      expect((await bring(raw, mail)).code).to.equal(250);

      await changesNothing(ctx, async () => {
        expect((await bring(raw, mail)).code).to.equal(250);
        expect(headingOf(await get(linkIn(mail, 'c')))).to.contain('Confirmed');
      });
    });

    it('once: ten copies at the same moment are one consent', async () => {
      const email = 'ten@mail.example';
      const mail = await asked(email);
      const raw = await sendsOut(home, draft(email, mail), ctx.now());

      const all = await Promise.all(Array.from({ length: 10 }, async () => bring(raw, mail)));

      expect(all.map(({ code }) => code)).to.deep.equal(Array.from({ length: 10 }, () => 250));
      const count = `select count(*)::int from consent_event where kind = 'confirmed' and sign_up_id = $1`;
      const signUpId = await signUpOf(ctx, email);
      expect(await one<number>(ctx, count, [signUpId])).to.equal(1);
      expect(
        await one<number>(ctx, 'select count(*)::int from event_attachment where sign_up_id = $1', [signUpId]),
      ).to.equal(1);
    });

    it('once: after the link was used, an answer adds nothing', async () => {
      const email = 'link@mail.example';
      const mail = await asked(email);
      const raw = await sendsOut(home, draft(email, mail), ctx.now());
      await pressConfirm(linkIn(mail, 'c'));

      await changesNothing(ctx, async () => expect((await bring(raw, mail)).code).to.equal(250));
    });

    it('and never answers by mail', async () => {
      const email = 'quiet@mail.example';
      const mail = await asked(email);
      await answer(email, mail, { body: 'Who are you?' });
      await answer(email, mail);
      await settled(ctx);

      expect(await service.mailsTo(email)).to.equal(1);
    });
  });

  describe('refuses, and changes nothing', () => {
    const EMAIL = 'boris@mail.example';
    let mail: ReceivedMail;
    before(async () => {
      mail = await asked(EMAIL);
    });
    const own = async (change: Partial<Draft> = {}): Promise<Said> => answer(EMAIL, mail, change);

    it('a forged From with the good signature of another domain', async () => {
      const raw = await sendsOut(other, draft(EMAIL, mail), ctx.now());
      await refuses(EMAIL, async () => bring(raw, mail), /not of the domain in From/);
    });

    it('another person of the same provider', async () =>
      refuses(EMAIL, async () => own({ from: 'eve@mail.example' }), /From must be the address/));

    it('a signature of a domain below that of the address', async () => {
      const below = openProvider(dns, 'news.mail.example');
      const raw = await sendsOut(below, draft(EMAIL, mail), ctx.now());
      await refuses(EMAIL, async () => bring(raw, mail), /not of the domain in From/);
    });

    it('a signature of a public suffix', async () => {
      const suffix = openProvider(dns, 'co.uk');
      const email = 'ada@shop.co.uk';
      const its = await asked(email);
      const raw = await sendsOut(suffix, draft(email, its), ctx.now());
      await refuses(email, async () => bring(raw, its), /not of the domain in From/);
    });

    it('no signature', async () => refuses(EMAIL, async () => bring(unsigned(draft(EMAIL, mail)), mail), /not signed/));

    it('a signature over a part of the body, even over all of it', async () => {
      for (const length of [0, 4, 10_000]) {
        const raw = await signsPart(home, draft(EMAIL, mail), length);
        if (!/\bl=/.test(raw.toString())) continue;
        await refuses(EMAIL, async () => bring(raw, mail), /a part of the mail only/);
      }
      const said = (await signsPart(home, draft(EMAIL, mail), 4)).toString();
      expect(said).to.match(/\bl=4\b/);
    });

    it('a body or a header that was altered on the way', async () => {
      const raw = (await sendsOut(home, draft(EMAIL, mail, { body: 'NO\n' }), ctx.now())).toString();
      await refuses(
        EMAIL,
        async () => bring(Buffer.from(raw.replace('NO\r\n', 'CONFIRM\r\n')), mail),
        /does not verify/,
      );
      const good = (await sendsOut(home, draft(EMAIL, mail), ctx.now())).toString();
      await refuses(EMAIL, async () => bring(Buffer.from(good.replace('Re: ', 'Re:  x')), mail), /does not verify/);
    });

    it('a second From, and two addresses in one', async () => {
      const raw = (await sendsOut(home, draft(EMAIL, mail), ctx.now())).toString();
      const two = Buffer.from(`From: eve@evil.example\r\n${raw}`);
      await refuses(EMAIL, async () => bring(two, mail), /one From/);
      await refuses(EMAIL, async () => own({ from: `${EMAIL}, eve@evil.example` }), /and no other/);
    });

    it('a signature that leaves out From or To', async () => {
      for (const names of [
        ['to', 'subject'],
        ['from', 'subject'],
      ]) {
        const raw = await sendsOut(home, draft(EMAIL, mail), ctx.now(), names);
        await refuses(EMAIL, async () => bring(raw, mail), /does not cover (from|to)/);
      }
    });

    it('what a program sent, by whatever header says so', async () => {
      for (const [name, value] of [
        ['Auto-Submitted', 'auto-replied'],
        ['Auto-Submitted', 'auto-generated; x=no'],
        ['Precedence', 'bulk'],
        ['Precedence', 'auto_reply'],
        ['Precedence', 'list'],
        ['Precedence', 'junk'],
        ['X-Autoreply', 'yes'],
        ['X-Autorespond', 'away'],
        ['X-Auto-Response-Suppress', 'All'],
        ['List-Id', '<team.mail.example>'],
      ] as const)
        await refuses(EMAIL, async () => own({ more: [[name, value]] }), /sent by a program/);
      const report = { type: 'multipart/report; report-type=delivery-status; boundary=x' };
      await refuses(EMAIL, async () => own(report), /sent by a program/);
      const raw = await sendsOut(home, draft(EMAIL, mail), ctx.now());
      await refuses(EMAIL, async () => bring(raw, mail, ''), /sent by a program/);
    });

    it('a notice of absence, also one without headers that say so', async () => {
      const body = `I am on holiday until 9 March. For urgent matters write to eve@mail.example.\n\n${quoted(mail)}`;
      await refuses(EMAIL, async () => own({ body, more: [['Auto-Submitted', 'auto-replied (vacation)']] }), /program/);
      await refuses(EMAIL, async () => own({ body }), /the word CONFIRM alone/);
    });

    it('a scanner that answers: it quotes the word and more, from an address of its own', async () => {
      const body = `This message was checked.\nCONFIRM\n\n${quoted(mail)}`;
      await refuses(EMAIL, async () => own({ from: 'scanner@mail.example', body }), /From must be/);
      await refuses(EMAIL, async () => own({ body }), /the word CONFIRM alone/);
    });

    it('the word inside the quote only, in text or HTML', async () => {
      await refuses(EMAIL, async () => own({ body: '> CONFIRM\n' }), /CONFIRM alone/);
      await refuses(
        EMAIL,
        async () => own({ body: `On 2 March a shop wrote:\n> CONFIRM\n\nNo, thank you.\n` }),
        /alone/,
      );
      const html = { type: 'text/html', body: '<blockquote>CONFIRM</blockquote><p>No.</p>' };
      await refuses(EMAIL, async () => own(html), /CONFIRM alone/);
      await refuses(EMAIL, async () => own({ ...html, body: '<p hidden>CONFIRM</p><p>No.</p>' }), /CONFIRM alone/);
    });

    it('the word among others', async () => {
      for (const body of ['I CONFIRM', 'CONFIRM nothing', 'Do not\nCONFIRM', 'CONFIRMED', '"CONFIRM"?', ''])
        await refuses(EMAIL, async () => own({ body }), /CONFIRM alone/);
    });

    it('a yes that was sent to somebody else, brought here', async () => {
      const raw = await sendsOut(home, draft(EMAIL, mail, { to: 'letters@bookshop.example' }), ctx.now());
      await refuses(EMAIL, async () => bring(raw, mail), /To must name/);
    });

    it("a yes to another mail, and the token of another person's", async () => {
      const eve = await asked('eve@mail.example');
      const forEve = await sendsOut(home, draft('eve@mail.example', eve), ctx.now());
      await refuses(EMAIL, async () => bring(forEve, mail), /From must be/);
      const atEve = await sendsOut(home, draft(EMAIL, eve), ctx.now());
      await refuses('eve@mail.example', async () => bring(atEve, eve), /From must be/);
    });

    it('a key that was withdrawn, that only tests, that is too short or not for mail', async () => {
      for (const [domain, how, why] of [
        ['testing.example', { tags: 't=y; ' }, /only testing/],
        ['short.example', { bits: 768 }, /only 768 bits/],
        ['other-use.example', { tags: 's=tlsrpt; ' }, /not for mail/],
        ['sha1.example', { tags: 'h=sha1; ' }, /not for this kind/],
      ] as const) {
        const provider = openProvider(dns, domain, how);
        const email = `ada@${domain}`;
        const its = await asked(email);
        const raw = await sendsOut(provider, draft(email, its), ctx.now());
        await refuses(email, async () => bring(raw, its), why);
      }
      const gone = openProvider(dns, 'gone.example');
      const its = await asked('ada@gone.example');
      const raw = await sendsOut(gone, draft('ada@gone.example', its), ctx.now());
      dns.records.set('s1._domainkey.gone.example', ['v=DKIM1; k=rsa; p=']);
      await refuses('ada@gone.example', async () => bring(raw, its), /withdrawn/);
      dns.records.delete('s1._domainkey.gone.example');
      await refuses('ada@gone.example', async () => bring(raw, its), /no key/);
    });

    it('more signatures than anybody needs, and asks for few keys', async () => {
      const good = await sendsOut(home, draft(EMAIL, mail, { body: 'CONFIRM' }), ctx.now());
      const [line = ''] = /^DKIM-Signature:.*?\r\n(?! )/s.exec(good.toString()) ?? [];
      const broken = line.replace(/bh=./, 'bh=_').replace(/bh=_/, 'bh=A');
      const before = dns.asked.length;

      await refuses(EMAIL, async () => bring(Buffer.from(broken.repeat(10) + good.toString()), mail), /too many/);
      expect(dns.asked.length).to.equal(before);
      await refuses(EMAIL, async () => bring(Buffer.from(broken.repeat(9) + good.toString()), mail), /verify/);
      expect(dns.asked.length - before).to.be.at.most(3);
    });

    it('a signature of the future', async () => {
      const late = await sendsOut(home, draft(EMAIL, mail), new Date(Date.now() + DAY_MS));
      await refuses(EMAIL, async () => bring(late, mail), /of the future/);
    });

    it('an address that is none of ours, at RCPT', async () => {
      const [local = ''] = answerAddress(mail).split('@');
      const wrong = `${local.slice(0, -1)}${local.endsWith('a') ? 'b' : 'a'}@${INBOUND}`;
      const raw = await sendsOut(home, draft(EMAIL, mail), ctx.now());

      await changesNothing(ctx, async () => {
        const said = await handIn(service, raw, { sender: EMAIL, to: wrong });
        expect(said.code).to.equal(550);
      });
    });

    it('what is too large (552), before it is looked at', async () => {
      const raw = await sendsOut(
        home,
        draft(EMAIL, mail, { body: `CONFIRM\n${'x'.repeat(70)}\n`.repeat(4000) }),
        ctx.now(),
      );
      const before = dns.asked.length;

      await changesNothing(ctx, async () => {
        expect((await bring(raw, mail)).code).to.equal(552);
      });
      expect(dns.asked.length).to.equal(before);
    });

    it('nothing for good while the DNS is away: the mail comes again (451)', async () => {
      const email = 'later@mail.example';
      const its = await asked(email);
      const raw = await sendsOut(home, draft(email, its), ctx.now());
      dns.refuses = true;

      await changesNothing(ctx, async () => {
        expect((await bring(raw, its)).code).to.equal(451);
      });
      dns.refuses = false;
      expect((await bring(raw, its)).code).to.equal(250);
    });

    it('an answer after the list stopped taking any', async () => {
      const email = 'stopped@mail.example';
      const its = await asked(email);
      const set = withReplies();
      for (const list of set.lists) list.confirmByReply = false;
      await setup(ctx, set);

      await refuses(email, async () => answer(email, its), /takes no answers/);
      await setup(ctx, withReplies());
    });

    it('a list whose option was switched on by SQL: nobody is asked, and nobody joins (T6)', async () => {
      await ctx.db.query(`update list set confirm_by_reply = true where slug = 'readings'`);
      forgetCatalogue(ctx);
      const email = 'sql@mail.example';

      expect((await get(`${service.base}/lists/readings`)).status).to.equal(404);
      await changesNothing(ctx, async () => expect((await own()).code).to.equal(451));
      expect(await stateOf(ctx, email, 'readings')).to.equal(null);

      await setup(ctx, withReplies());
      expect((await get(`${service.base}/lists/readings`)).status).to.equal(200);
    });

    it('an answer to a request that was disowned', async () => {
      const email = 'notme@mail.example';
      const its = await asked(email);
      const { action, fields } = formOf(await get(linkIn(its, 'n')), 'not-me');
      await post(action, fields);

      await refuses(email, async () => answer(email, its), /is over/);
    });

    it('an answer that comes after the list was left, also to another mail than that which confirmed', async () => {
      const email = 'left@mail.example';
      const first = await asked(email);
      const second = await asked(email);
      const page = await pressConfirm(linkIn(first, 'c'));
      await steer(page, 'preferences', { choice: 'leave' });
      expect(await stateOf(ctx, email)).to.equal('withdrawn');

      await refuses(email, async () => answer(email, first), /is over/);
      await refuses(email, async () => answer(email, second), /is over/);
      // Whoever signs up anew is asked anew.
      const third = await asked(email);
      expect((await answer(email, third)).code).to.equal(250);
      expect(await stateOf(ctx, email)).to.equal('confirmed');
    });

    it('an answer after its time', async () => {
      const email = 'slow@mail.example';
      const its = await asked(email);
      service.advance(8 * DAY_MS);

      await refuses(email, async () => answer(email, its), /is over/);
    });
  });
});

interface Evidence {
  readonly offered: ConsentRecord;
  readonly confirmed: ConsentRecord;
  /** The field that was kept apart. */
  readonly reply: string;
}

async function signUpOf(ctx: Context, email: string): Promise<string> {
  return (await factsOf(ctx, email))?.signUpId ?? '';
}

async function evidenceOf(ctx: Context, email: string): Promise<Evidence> {
  const signUpId = await signUpOf(ctx, email);
  const key = evidenceKey(
    ctx.keyring,
    signUpId,
    await one(ctx, 'select evidence_key from sign_up where id = $1', [signUpId]),
  );
  const rows = await ctx.db.query<{ id: string; kind: string; record: Buffer; sealed: Buffer | null }>(
    `select e.id, e.kind, b.record, a.sealed from consent_event e join event_body b on b.sign_up_id = e.sign_up_id and b.event_id = e.id
     left join event_attachment a on a.sign_up_id = e.sign_up_id and a.event_id = e.id where e.sign_up_id = $1`,
    [signUpId],
  );
  const opened = (kind: string, column: 'record' | 'reply'): Record<string, unknown> => {
    const row = rows.find((each) => each.kind === kind);
    const sealed = (column === 'record' ? row?.record : row?.sealed) ?? Buffer.alloc(0);
    const place = { table: 'event_body', column, row: row?.id ?? '' };
    return JSON.parse(decryptField(key, place, sealed).toString()) as Record<string, unknown>;
  };
  return {
    offered: opened('offered', 'record')['record'] as ConsentRecord,
    confirmed: opened('confirmed', 'record')['record'] as ConsentRecord,
    reply: String(opened('confirmed', 'reply')['value']),
  };
}

function sha256(bytes: Buffer): Buffer {
  return createHash('sha256').update(bytes).digest();
}
