import { expect } from 'chai';
import { forgetCatalogue } from '../../server/consent/catalogue.js';
import { sealOrganisation } from '../../server/consent/read-catalogue.js';
import { makeKeyring, rotateKeysFile } from '../../server/keys/keyring.js';
import { loadKeysFile } from '../../server/keys/keys-file.js';
import { makeAddressToken, makeLink, makeReplyToken } from '../../server/links/token.js';
import { DEMO } from '../../server/tour/demo.js';
import { erase } from '../../server/rights/erase.js';
import { checkLedger, startTestService, type TestService } from '../support/service.js';
import { itWithVectors } from '../support/shared.js';
import { sendMail } from '../support/smtp.js';
import { campaignMailTo, changesNothing, factsOf, one, oneClickLink, stateOf } from '../support/state.js';
import { join } from '../support/story.js';

interface Rfc8058 {
  readonly request_8_1: string;
  readonly request_8_3_as_printed: { content_type: string; body: string };
  readonly request_8_3_errata: { content_type: string; body: string };
}

const URLENCODED = 'application/x-www-form-urlencoded';
const ONE_CLICK = 'List-Unsubscribe=One-Click';
const MULTIPART = '--x\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--x--\r\n';

describe('one-click unsubscribe (RFC 8058)', () => {
  let service: TestService;
  let people = 0;
  before(async () => {
    service = await startTestService();
    await service.ctx.db.query(`update organisation set inbound_domain = 'in.bookshop.example'`);
    await sealOrganisation(service.ctx.db, service.ctx.keyring, DEMO.organisation.slug);
    forgetCatalogue(service.ctx);
  });
  after(async () => {
    await checkLedger(service.ctx);
    await service.stop();
  });

  /** Somebody new on `news`, and the address in the header of their first campaign. */
  async function reader(): Promise<{ email: string; link: string; mailto: string }> {
    people += 1;
    const email = `chen${people}@gmail.com`;
    await join(service, email);
    const { link, mailto } = await addressesOf(service, email);
    return { email, link, mailto };
  }

  async function press(link: string, type: string | null, body: string): Promise<Response> {
    const answer = await fetch(link, {
      method: 'POST',
      redirect: 'manual',
      body: Buffer.from(body),
      headers: { ...(type === null ? {} : { 'content-type': type }), 'user-agent': 'mail-provider' },
    });
    expect(answer.status, await answer.text()).to.equal(200);
    expect(answer.headers.get('set-cookie')).to.equal(null);
    return answer;
  }

  it('stands in the header of a campaign as an https address and a mailto, with List-Unsubscribe-Post', async () => {
    await join(service, 'ada@gmail.com');

    const mail = await campaignMailTo(service, 'ada@gmail.com');

    const head = mail.raw.toString().replace(/\r\n[ \t]+/g, ' ');
    expect(head).to.match(
      /^List-Unsubscribe: <http:\/\/localhost:\d+\/u\/[\w-]{52}>, <mailto:u\+[a-z2-7]{32}@in\.bookshop\.example[^>]*>\r$/m,
    );
    expect(head).to.match(/^List-Unsubscribe-Post: List-Unsubscribe=One-Click\r$/m);
    expect(oneClickLink(mail)).to.equal((await addressesOf(service, 'ada@gmail.com')).link);
  });

  const BODIES: readonly (readonly [string, string | null, string])[] = [
    ['urlencoded', URLENCODED, ONE_CLICK],
    ['urlencoded with a charset', `${URLENCODED}; charset=UTF-8`, ONE_CLICK],
    ['urlencoded with a charset nobody knows', `${URLENCODED}; charset=klingon`, ONE_CLICK],
    ['urlencoded with a trailing CRLF', URLENCODED, `${ONE_CLICK}\r\n`],
    ['multipart', 'multipart/form-data; boundary=x', MULTIPART],
    ['multipart with a charset', 'multipart/form-data; charset=utf-8; boundary=x', MULTIPART],
    ['multipart without a boundary', 'multipart/form-data', MULTIPART],
    ['no content type', null, ONE_CLICK],
    ['an empty body', URLENCODED, ''],
  ];
  for (const [name, type, body] of BODIES) {
    it(`unsubscribes at once: ${name}`, async () => {
      const { email, link } = await reader();

      await press(link, type, body);

      expect(await stateOf(service.ctx, email)).to.equal('withdrawn');
    });
  }

  itWithVectors('takes the requests that the RFC and its errata print', 'rfc8058', async (vectors) => {
    const { request_8_1, request_8_3_as_printed, request_8_3_errata } = vectors as Rfc8058;
    const simple = { content_type: URLENCODED, body: request_8_1.split('\r\n\r\n')[1] ?? '' };
    for (const { content_type, body } of [simple, request_8_3_as_printed, request_8_3_errata]) {
      const { email, link } = await reader();

      await press(link, content_type, body);

      expect(await stateOf(service.ctx, email), body).to.equal('withdrawn');
    }
  });

  it('answers a repeat the same, adds nothing, and leaves other lists alone', async () => {
    const { email, link } = await reader();
    await join(service, email, 'readings');
    await press(link, URLENCODED, ONE_CLICK);

    await changesNothing(service.ctx, async () => {
      await press(link, URLENCODED, ONE_CLICK);
      await Promise.all(Array.from({ length: 5 }, async () => press(link, URLENCODED, ONE_CLICK)));
    });

    expect(await stateOf(service.ctx, email)).to.equal('withdrawn');
    expect(await stateOf(service.ctx, email, 'readings')).to.equal('confirmed');
  });

  it('takes ten presses at the same moment as one', async () => {
    const { email, link } = await reader();

    await Promise.all(Array.from({ length: 10 }, async () => press(link, URLENCODED, ONE_CLICK)));

    const signUpId = (await factsOf(service.ctx, email))?.signUpId;
    const events = `select count(*)::int from consent_event where kind = 'withdrawn' and sign_up_id = $1`;
    expect(await one(service.ctx, events, [signUpId])).to.equal(1);
  });

  it('opens links of a key that no longer signs', async () => {
    const { email, link } = await reader();
    const file = await loadKeysFile(service.ctx.config.keysFile);
    if (file) Object.assign(service.ctx.keyring, makeKeyring(rotateKeysFile(file, new Date())));

    await press(link, URLENCODED, ONE_CLICK);

    expect(service.ctx.keyring.current).to.equal(2);
    expect(await stateOf(service.ctx, email)).to.equal('withdrawn');
  });

  it('ends well for somebody who was erased, and for a link to nothing', async () => {
    const { email, link, mailto } = await reader();
    const gone = `${service.base}/u/${makeLink(service.ctx.keyring, new URL(service.base).host, {
      purpose: 'u',
      ref: Buffer.alloc(16, 7),
      secret: null,
      expiresAt: null,
    })}`;
    const facts = await factsOf(service.ctx, email);
    await erase(service.ctx, { subscriberId: facts?.subscriberId ?? '', cause: 'person' });

    const answers = await Promise.all([link, gone].map(async (one) => press(one, URLENCODED, ONE_CLICK)));
    const page = await fetch(link);

    expect(answers.map((answer) => answer.status)).to.deep.equal([200, 200]);
    expect(page.status).to.equal(200);
    expect(await page.text()).to.not.contain('gmail.com');
    expect((await sendMail(service, [mailto])).rejected).to.deep.equal([]);
  });

  it('unsubscribes by mail, in whatever case, and never answers', async () => {
    const { email, mailto } = await reader();
    const before = await service.mailsTo('chen@example.org');

    const result = await sendMail(service, [mailto.toUpperCase()], 'Auto-Submitted: auto-replied\r\n');

    expect(result.rejected).to.deep.equal([]);
    expect(await stateOf(service.ctx, email)).to.equal('withdrawn');
    expect(await service.mailsTo('chen@example.org')).to.equal(before);
  });

  it('refuses every other recipient, so that it is no relay', async () => {
    const foreign = makeReplyToken(service.ctx.keyring, Buffer.alloc(16, 1)).slice(0, 32);
    const strangers = [
      'ada@gmail.com',
      'u@in.bookshop.example',
      `u+${'a'.repeat(32)}@in.bookshop.example`,
      `u+${foreign}@in.bookshop.example`,
      'postmaster@in.bookshop.example',
    ];

    await changesNothing(service.ctx, async () => {
      const result = await sendMail(service, strangers);
      expect(result.rejected).to.deep.equal(strangers);
    });
  });
});

/** The addresses in List-Unsubscribe, as the header of a campaign has them. */
async function addressesOf(service: TestService, email: string): Promise<{ link: string; mailto: string }> {
  const { keyring, db } = service.ctx;
  const id = (await factsOf(service.ctx, email))?.consentId;
  const [row] = await db.query<{ u: Buffer; x: Buffer }>(
    'select unsubscribe_ref as u, mailto_ref as x from consent where id = $1',
    [id],
  );
  if (!row) throw new Error(`${email} is on no list`);
  const ref = { purpose: 'u' as const, ref: row.u, secret: null, expiresAt: null };
  return {
    link: `${service.base}/u/${makeLink(keyring, new URL(service.base).host, ref)}`,
    mailto: `u+${makeAddressToken(keyring, 'x', row.x)}@in.bookshop.example`,
  };
}
