import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { dkimVerify } from 'mailauth/lib/dkim/verify.js';
import { dkimKeysOf } from '../../server/delivery/dkim-keys.js';
import { dkimRecord } from '../../server/mail/dkim-record.js';
import { addReaders, itWith, mailer, startGatewayTest, type GatewayTest } from '../support/gateway.js';
import { hasPostfix, hasSasl, startPostfix, type Postfix } from '../support/postfix.js';
import { eventually } from '../support/service.js';
import { startSink, type Sink } from '../support/sink.js';
import { one, settled } from '../support/state.js';

const ADA = 'ada@readers.example';
const BEA = 'bea@readers.example';

describe('the gateway before a Postfix', function () {
  this.timeout(60_000);
  let sink: Sink | null = null;
  let postfix: Postfix | null = null;
  let test: GatewayTest | null = null;

  before(async function () {
    if (!hasPostfix()) this.skip();
    sink = await startSink();
    postfix = await startPostfix(sink.port);
    test = await startGatewayTest({ SMTP_URL: postfix.url });
    await addReaders(test.service.ctx, [ADA, BEA]);
  });

  after(async () => {
    await test?.stop();
    await postfix?.stop();
    await sink?.stop();
  });

  it('hands over mails whose signatures still hold when Postfix has handed them on', async () => {
    if (!test || !sink) return;
    const { mails } = sink;
    const { ctx } = test.service;
    const client = mailer(test.port, await test.login());

    await client.sendMail({
      ...{ from: 'Wisła <letters@bookshop.example>', to: [ADA, BEA], subject: 'Zażółć gęślą jaźń' },
      ...{ text: '.dot\nZażółć gęślą jaźń\n', html: '<p>Zażółć <b>gęślą</b> jaźń</p>' },
      attachments: [{ filename: 'a.bin', content: Buffer.alloc(5_000, 7) }],
    });
    client.close();
    await eventually(async () => Promise.resolve(expect(mails).to.have.length(2)), 20_000);

    const organisationId = await one<string>(ctx, 'select id from organisation');
    const records = (await dkimKeysOf(ctx, { organisationId, domain: 'bookshop.example' })).map(dkimRecord);
    for (const { raw } of mails) {
      const { results } = await dkimVerify(raw, {
        resolver: async (name) =>
          Promise.resolve(records.filter((record) => record.name === name).map(({ text }) => [text])),
      });
      expect(results.map(({ status }) => status.result)).to.deep.equal(['pass', 'pass']);
      expect(raw.toString()).to.match(/^Received: from .*\(Postfix\)/ms);
    }
    expect(mails.map(({ to }) => to).sort()).to.deep.equal([ADA, BEA]);
  });

  itWith('smtp-source', 'takes nothing from smtp-source, which cannot log in', async () => {
    if (!test || !sink) return;
    const words = ['-m', '3', '-s', '3', '-f', 'letters@bookshop.example', '-t', ADA, `inet:127.0.0.1:${test.port}`];

    const said = await promisify(execFile)('smtp-source', words).then(
      () => 'taken',
      (error: unknown) => (error as { stderr: string }).stderr,
    );

    expect(said).to.contain('530 5.7.0 log in first');
    expect(sink.mails.filter(({ raw }) => raw.includes('smtp-source'))).to.deep.equal([]);
  });
});

describe('the gateway behind a Postfix', function () {
  this.timeout(60_000);
  let test: GatewayTest | null = null;
  let postfix: Postfix | null = null;

  before(async function () {
    if (!hasPostfix() || !(await hasSasl())) this.skip();
    test = await startGatewayTest();
    postfix = await startPostfix(test.port, await test.login());
    await addReaders(test.service.ctx, [ADA]);
  });

  after(async () => {
    await postfix?.stop();
    await test?.stop();
  });

  itWith(
    'smtp-source',
    'takes what smtp-source hands to Postfix, which logs in: each mail leaves once, with its footer',
    async () => {
      if (!test || !postfix) return;
      const words = ['-m', '20', '-s', '4', '-l', '2000', '-f', 'letters@bookshop.example', '-t', ADA];

      await promisify(execFile)('smtp-source', [...words, `inet:127.0.0.1:${postfix.port}`]);
      await eventually(async () => Promise.resolve(expect(test?.mailsTo(ADA)).to.have.length(20)), 30_000);
      await settled(test.service.ctx);

      const mails = test.mailsTo(ADA);
      expect(new Set(mails.map(({ messageId }) => messageId))).to.have.property('size', 20);
      for (const { raw } of mails) {
        expect(raw.toString()).to.match(/^DKIM-Signature: [^]*^List-Unsubscribe-Post: /m);
        expect(raw.toString()).to.match(/^Received: from .*\(Postfix\)[^]*XXXX[^]*\/u\/[\w-]{40,}/ms);
      }
      const sent = await one(
        test.service.ctx,
        `select count(*)::int from delivery where kind = 'gateway' and state = 'sent'`,
      );
      expect(sent).to.equal(20);
    },
  );
});
