import { expect } from 'chai';
import { createHmac, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { dkimVerify } from 'mailauth/lib/dkim/verify.js';
import { catalogue } from '../../server/consent/catalogue.js';
import { signersOf } from '../../server/delivery/signing.js';
import { blindIndex } from '../../server/keys/blind-index.js';
import { dkimRecord } from '../../server/mail/dkim-record.js';
import { snsKey } from '../../server/webhooks/sns.js';
import { checkLedger, startTestService, type ReceivedMail, type TestService } from '../support/service.js';
import { makeSns, type TestSns } from '../support/sns.js';
import { changesNothing, one, sendCampaign, settled, stateOf } from '../support/state.js';
import { describeWithOpenssl } from '../support/stamping.js';
import { join } from '../support/story.js';

const LOGIN = 'postmark:a-long-password-for-tests';
const KEY = 'mailgun-key-for-tests';
const SENDGRID = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const PEOPLE = 18;

describeWithOpenssl('webhooks of providers', function () {
  let service: TestService;
  /** The newest of each person: their campaign. */
  let mails: (ReceivedMail & { email: string })[] = [];
  let sns: TestSns;
  let log = '';
  let next = 0;

  before(async function () {
    this.timeout(120_000);
    sns = await makeSns();
    service = await startTestService({
      settings: {
        ...{ SES_TOPICS: sns.topic, POSTMARK_LOGIN: LOGIN, MAILGUN_KEY: KEY, LOG_LEVEL: 'info' },
        SENDGRID_KEY: SENDGRID.publicKey.export({ format: 'der', type: 'spki' }).toString('base64'),
      },
      outbound: sns.outbound,
      log: { write: (line) => void (log += line) },
    });
    const emails = Array.from({ length: PEOPLE }, (_, i) => `person${i}@example.com`);
    // A few at a time: each waits for a mail.
    for (let at = 0; at < PEOPLE; at += 3)
      await Promise.all(emails.slice(at, at + 3).map(async (email) => join(service, email)));
    await sendCampaign(service);
    await settled(service.ctx);
    mails = await Promise.all(emails.map(async (email) => ({ email, ...(await service.mailTo(email, 2)) })));
  });
  after(async () => {
    await checkLedger(service.ctx);
    await service.stop();
    expect(log).to.contain('a provider told of mails');
    for (const secret of ['@example.com', LOGIN, KEY, markOf(mails[0])]) expect(log).not.to.contain(secret);
  });

  /** Somebody who got a mail, and what it names it to providers. */
  function reader(): { email: string; mark: string } {
    const mail = mails[next];
    next += 1;
    return { email: mail?.email ?? '', mark: markOf(mail) };
  }

  const post = async (provider: string, body: string, headers: Record<string, string> = {}): Promise<number> => {
    const answer = await fetch(`${service.base}/webhooks/${provider}`, { method: 'POST', body, headers });
    await answer.text();
    return answer.status;
  };
  const bounceOf = async (email: string): Promise<string | null> => {
    const organisation = (await catalogue(service.ctx)).organisations[0]?.id ?? '';
    return one(
      service.ctx,
      `select d.bounce from delivery d join subscriber s on s.id = d.subscriber_id where s.blind_index = $1 and d.kind = 'campaign'`,
      [blindIndex(service.ctx.keyring, organisation, email)],
    );
  };

  it('are given a mark with each mail, which takes nothing from its signatures', async () => {
    const raw = mails[0]?.raw ?? Buffer.alloc(0);
    const [organisation] = (await catalogue(service.ctx)).organisations;
    const records = organisation ? (await signersOf(service.ctx, organisation)).map(dkimRecord) : [];
    const mark = markOf(mails[0]);

    const { results } = await dkimVerify(raw, {
      resolver: async (name) => Promise.resolve(records.filter((it) => it.name === name).map(({ text }) => [text])),
    });

    expect(mark).to.match(/^[a-z2-7]{61}$/);
    expect(results.map(({ status }) => status.result)).to.deep.equal(['pass', 'pass']);
    const head = raw.toString().replace(/\r\n[ \t]+/g, ' ');
    expect(head).to.contain(`X-SES-MESSAGE-TAGS: zgoda=${mark}\r\n`);
    expect(head).to.contain(`X-Mailgun-Variables: {"zgoda":"${mark}"}\r\n`);
    expect(head).to.contain(`X-SMTPAPI: {"unique_args":{"zgoda":"${mark}"}}\r\n`);
  });

  describe('Postmark', () => {
    const basic = { authorization: `Basic ${Buffer.from(LOGIN).toString('base64')}` };
    const told = ({ email, mark }: { email: string; mark: string }, more: object = {}): string =>
      JSON.stringify({
        ...{ RecordType: 'Bounce', ID: 42, Type: 'HardBounce', Email: email, Details: '550 5.1.1 unknown user' },
        ...{ BouncedAt: new Date().toISOString(), Metadata: { zgoda: mark }, ...more },
      });

    it('tells of a bounce, which counts once', async () => {
      const ada = reader();

      expect(await post('postmark', told(ada), basic)).to.equal(200);
      expect(await bounceOf(ada.email)).to.equal('hard');
      await changesNothing(service.ctx, async () => {
        expect(await post('postmark', told(ada), basic)).to.equal(200);
        expect(await post('postmark', told(ada, { Type: 'SoftBounce' }), basic)).to.equal(200);
      });
    });

    it('tells of a complaint, which ends the list, before or after a bounce', async () => {
      const [ada, boris] = [reader(), reader()];
      const complaint = { RecordType: 'SpamComplaint', Type: 'SpamComplaint' };

      for (const body of [told(ada), told(ada, complaint), told(boris, complaint), told(boris, { Type: 'SoftBounce' })])
        expect(await post('postmark', body, basic)).to.equal(200);

      expect([await stateOf(service.ctx, ada.email), await stateOf(service.ctx, boris.email)]).to.deep.equal([
        'withdrawn',
        'withdrawn',
      ]);
    });

    it('changes nothing for a stranger, a mail of somebody else, and a mark that is none', async () => {
      const [ada, boris] = [reader(), reader()];
      await changesNothing(service.ctx, async () => {
        for (const body of [
          told({ ...ada, email: boris.email }),
          told({ ...ada, email: 'nobody' }),
          told({
            ...ada,
            mark: `a${ada.mark.slice(1)}` === ada.mark ? `b${ada.mark.slice(1)}` : `a${ada.mark.slice(1)}`,
          }),
          told({ ...ada, mark: '' }),
          told(ada, { Metadata: null }),
          told(ada, { RecordType: 'Delivery' }),
          told(ada, { Type: 'AutoResponder' }),
        ])
          expect(await post('postmark', body, basic), body).to.equal(200);
      });
    });

    it('is not let in without its name and password, and changes nothing then', async () => {
      const ada = reader();
      await changesNothing(service.ctx, async () => {
        for (const authorization of ['', 'Basic', `Basic ${Buffer.from('postmark:no').toString('base64')}`])
          expect(await post('postmark', told(ada), { authorization })).to.equal(401);
      });
    });
  });

  describe('Mailgun', () => {
    const signedAt = (ms: number, token = randomBytes(25).toString('hex')) => {
      const timestamp = String(Math.floor(ms / 1000));
      return {
        timestamp,
        token,
        signature: createHmac('sha256', KEY)
          .update(timestamp + token)
          .digest('hex'),
      };
    };
    const event = ({ email, mark }: { email: string; mark: string }, more: object = {}) => ({
      ...{ event: 'failed', id: 'G9', timestamp: Date.now() / 1000, severity: 'permanent', reason: 'bounce' },
      ...{
        recipient: email,
        'user-variables': { zgoda: mark },
        'delivery-status': { code: 550, message: '5.1.1 no user' },
      },
      ...more,
    });
    const body = (signature: object, data: object): string => JSON.stringify({ signature, 'event-data': data });

    it('tells of bounces and complaints', async () => {
      const [ada, boris] = [reader(), reader()];

      expect(await post('mailgun', body(signedAt(Date.now()), event(ada)))).to.equal(200);
      expect(await post('mailgun', body(signedAt(Date.now()), event(boris, { event: 'complained' })))).to.equal(200);

      expect(await bounceOf(ada.email)).to.equal('hard');
      expect(await stateOf(service.ctx, boris.email)).to.equal('withdrawn');
    });

    it('is not believed twice: a signature stands for what came with it first', async () => {
      const [ada, boris] = [reader(), reader()];
      const signature = signedAt(Date.now());
      const first = event(ada, { severity: 'temporary' });
      expect(await post('mailgun', body(signature, first))).to.equal(200);

      await changesNothing(service.ctx, async () => {
        expect(await post('mailgun', body(signature, first))).to.equal(200);
        expect(await post('mailgun', body(signature, event(boris)))).to.equal(403);
      });
    });

    it('is not believed with a wrong signature, nor out of its time', async () => {
      const ada = reader();
      const hour = 3_600_000;
      await changesNothing(service.ctx, async () => {
        for (const signature of [
          { ...signedAt(Date.now()), signature: 'f'.repeat(64) },
          signedAt(Date.now() - 25 * hour),
          signedAt(Date.now() + hour),
        ])
          expect(await post('mailgun', body(signature, event(ada)))).to.equal(403);
        expect(await post('mailgun', JSON.stringify({ 'event-data': event(ada) }))).to.equal(400);
        expect(await post('mailgun', 'not json')).to.equal(400);
      });
    });
  });

  describe('SendGrid', () => {
    const headersFor = (body: string, ms = Date.now()): Record<string, string> => {
      const timestamp = String(Math.floor(ms / 1000));
      return {
        'x-twilio-email-event-webhook-timestamp': timestamp,
        'x-twilio-email-event-webhook-signature': sign(
          'sha256',
          Buffer.from(timestamp + body),
          SENDGRID.privateKey,
        ).toString('base64'),
      };
    };
    const event = (kind: string, { email, mark }: { email: string; mark: string }, more: object = {}) => ({
      ...{ event: kind, email, zgoda: mark, sg_event_id: 'x', timestamp: Math.floor(Date.now() / 1000), ...more },
    });

    it('tells of many mails at once, in whichever order and more than once', async () => {
      const [ada, boris, chen] = [reader(), reader(), reader()];
      const events = [
        event('spamreport', boris),
        event('processed', ada),
        event('bounce', { email: 'stranger@example.org', mark: 'x' }, { type: 'bounce', status: '5.1.1' }),
        event('bounce', ada, { type: 'bounce', status: '5.1.1', reason: '550 5.1.1 no such user' }),
        event('bounce', chen, { type: 'blocked', status: '5.7.1', reason: '550 5.7.1 listed' }),
        event('bounce', boris, { type: 'bounce', status: '5.1.1' }),
      ];
      // As it comes, with the line end that is signed too.
      const body = `${JSON.stringify([...events, ...events])}\r\n`;

      expect(await post('sendgrid', body, headersFor(body))).to.equal(200);

      expect([await bounceOf(ada.email), await bounceOf(chen.email)]).to.deep.equal(['hard', 'policy']);
      expect(await stateOf(service.ctx, boris.email)).to.equal('withdrawn');
      expect(await stateOf(service.ctx, chen.email)).to.equal('confirmed');
    });

    it('is not believed with the signature of another body, another key or another day', async () => {
      const body = JSON.stringify([event('bounce', reader(), { type: 'bounce' })]);
      const stranger = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
      const headers = headersFor(body);
      const timestamp = headers['x-twilio-email-event-webhook-timestamp'] ?? '';
      const forged = sign('sha256', Buffer.from(timestamp + body), stranger).toString('base64');
      await changesNothing(service.ctx, async () => {
        expect(await post('sendgrid', `${body} `, headers)).to.equal(403);
        expect(await post('sendgrid', body, { ...headers, 'x-twilio-email-event-webhook-signature': forged })).to.equal(
          403,
        );
        expect(await post('sendgrid', body, headersFor(body, Date.now() - 2 * 86_400_000))).to.equal(403);
        expect(await post('sendgrid', body)).to.equal(403);
      });
    });
  });

  describe('Amazon SES', () => {
    const bounce = ({ email, mark }: { email: string; mark: string }): string =>
      JSON.stringify({
        eventType: 'Bounce',
        mail: { source: 'letters@bookshop.example', tags: { zgoda: [mark] } },
        bounce: {
          ...{
            bounceType: 'Permanent',
            bounceSubType: 'General',
            feedbackId: 'f',
            timestamp: new Date().toISOString(),
          },
          bouncedRecipients: [{ emailAddress: email, status: '5.1.1' }],
        },
      });

    it('tells through its topic; the certificate is fetched from SNS, once', async () => {
      const [ada, boris] = [reader(), reader()];
      const before = sns.asked.length;

      expect(await post('ses', sns.notify(bounce(ada)), { 'content-type': 'text/plain; charset=UTF-8' })).to.equal(200);
      expect(await post('ses', sns.notify(bounce(boris)))).to.equal(200);
      expect(
        await post('ses', sns.notify('Successfully validated SNS topic for Amazon SES event publishing.')),
      ).to.equal(200);

      expect([await bounceOf(ada.email), await bounceOf(boris.email)]).to.deep.equal(['hard', 'hard']);
      expect(sns.asked.slice(before).map(({ method, url }) => `${method ?? 'POST'} ${url}`)).to.deep.equal([
        `GET https://${sns.host}/SimpleNotificationService-0123456789abcdef.pem`,
      ]);
    });

    it('is subscribed by the call that SNS documents; the address in the message is never followed', async () => {
      const before = sns.asked.length;

      expect(await post('ses', sns.askToConfirm())).to.equal(200);

      const [call, ...others] = sns.asked.slice(before).filter(({ method }) => method !== 'GET');
      expect(others).to.deep.equal([]);
      expect(call?.url).to.equal(`https://${sns.host}/`);
      expect(Object.fromEntries(new URLSearchParams(String(call?.body)))).to.deep.equal({
        ...{ Action: 'ConfirmSubscription', Version: '2010-03-31', TopicArn: sns.topic, Token: 'token-1' },
      });
    });

    it('is asked nothing, and not believed, for another topic, an old signature, SHA-1 or a certificate from elsewhere', async () => {
      const ada = reader();
      const other = sns.topic.replace('mail', 'theirs');
      const asked = sns.asked.length;
      await changesNothing(service.ctx, async () => {
        for (const body of [
          sns.notify(bounce(ada), { TopicArn: other }),
          sns.askToConfirm({ TopicArn: other }),
          sns.notify(bounce(ada), { SignatureVersion: '1' }, 'sha1'),
          sns.notify(bounce(ada), { Timestamp: new Date(Date.now() - 2 * 86_400_000).toISOString() }),
          sns.notify(bounce(ada), { SigningCertURL: 'https://evil.example/SimpleNotificationService-1.pem' }),
          sns.notify(bounce(ada)).replace('5.1.1', '5.1.2'),
          (await makeSns()).notify(bounce(ada)),
        ])
          expect(await post('ses', body)).to.equal(403);
      });
      expect(sns.asked.slice(asked).filter(({ method }) => method !== 'GET')).to.deep.equal([]);
    });
  });

  it('take no certificate that is made out to somebody else, or out of its time', async () => {
    const pemOf = async (name: string): Promise<Buffer> => {
      const other = await makeSns(name);
      return (await other.outbound({ method: 'GET', url: `https://${other.host}/`, maxBytes: 1, timeoutMs: 1 })).body;
    };
    const good = await pemOf('sns-signing.me-south-1.amazonaws.com');
    const days = 86_400_000;

    expect(snsKey(good, new Date()).asymmetricKeyType).to.equal('rsa');
    expect(() => snsKey(good, new Date(Date.now() + 60 * days))).to.throw('time');
    for (const name of ['sns.amazonaws.com.evil.example', 'evil.example', 'xsns.amazonaws.com']) {
      const pem = await pemOf(name);
      expect(() => snsKey(pem, new Date()), name).to.throw('made out');
    }
    expect(() => snsKey(Buffer.from('no certificate'), new Date())).to.throw();
  });

  it('take 1 MB at most, by POST, uncompressed', async () => {
    expect(await post('postmark', 'x'.repeat(1_100_000))).to.equal(413);
    expect(await post('postmark', 'x', { 'content-encoding': 'gzip' })).to.equal(415);
    expect((await fetch(`${service.base}/webhooks/ses`)).status).to.equal(405);
  });
});

describe('webhooks of providers that are not set', () => {
  it('are not there, and those that are refuse whoever guesses', async () => {
    const service = await startTestService({ settings: { MAILGUN_KEY: KEY, ABUSE_LIMITS: 'on' } });
    try {
      const answers = await Promise.all(
        ['ses', 'postmark', 'sendgrid'].map(async (one) =>
          fetch(`${service.base}/webhooks/${one}`, { method: 'POST' }),
        ),
      );
      expect(answers.map(({ status }) => status)).to.deep.equal([404, 404, 404]);
      const guess = async (): Promise<number> =>
        (await fetch(`${service.base}/webhooks/mailgun`, { method: 'POST', body: '{}' })).status;
      const statuses = new Set<number>();
      for (let tries = 0; tries < 110; tries += 10)
        for (const status of await Promise.all(Array.from({ length: 10 }, guess))) statuses.add(status);
      expect([...statuses]).to.deep.equal([400, 429]);
    } finally {
      await service.stop();
    }
  });
});

function markOf(mail: ReceivedMail | undefined): string {
  return /^X-PM-Metadata-zgoda: ([a-z2-7]+)\r$/m.exec(mail?.raw.toString() ?? '')?.[1] ?? '';
}
