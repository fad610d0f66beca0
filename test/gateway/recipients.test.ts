import { expect } from 'chai';
import { withdraw } from '../../server/consent/withdraw.js';
import { recentMails } from '../../server/gateway/recent-mails.js';
import { organisationById } from '../../server/consent/catalogue.js';
import { seedSubscribers } from '../bench/seed.js';
import {
  addReaders,
  letter,
  mailer,
  startGatewayTest,
  talkTo,
  envelope,
  hand,
  type GatewayTest,
} from '../support/gateway.js';
import { eventually } from '../support/service.js';
import { one, settled } from '../support/state.js';

const ADA = 'ada@readers.example';
const BEA = 'bea@readers.example';
const CHEN = 'chen@readers.example';

describe('the recipients of a mail at the gateway', function () {
  this.timeout(60_000);
  let test: GatewayTest;

  before(async () => {
    test = await startGatewayTest();
    const { ctx } = test.service;
    const [, , chen] = await addReaders(ctx, [ADA, BEA, CHEN]);
    await withdraw(ctx, chen?.consentId ?? '', 'page');
  });

  after(async () => test.stop());

  const send = async (
    wanted: Parameters<GatewayTest['login']>[0],
    mail: { to: string[]; from?: string; raw?: string },
  ): Promise<{ accepted: readonly string[]; response: string }> => {
    const client = mailer(test.port, await test.login(wanted));
    try {
      const { from = 'crm@bookshop.example', to, raw = letter() } = mail;
      const { accepted = [], response = '' } = await client.sendMail({ envelope: { from, to }, raw });
      return { accepted, response };
    } finally {
      client.close();
    }
  };

  it('get one mail each, with a footer and headers of their own, signed', async () => {
    const sent = await send({}, { to: [ADA, BEA] });
    await eventually(async () => Promise.resolve(expect(test.mailsTo(BEA)).to.have.length(1)));
    await settled(test.service.ctx);

    expect(sent.accepted).to.deep.equal([ADA, BEA]);
    const [ada, bea] = [test.mailsTo(ADA)[0], test.mailsTo(BEA)[0]];
    const [adas, beas] = [await test.sink.parsed(ada), await test.sink.parsed(bea)];
    expect(adas.text)
      .to.contain('new books came')
      .and.to.match(/\/u\/[\w-]+/);
    expect(String(ada?.raw)).to.match(/^List-Unsubscribe-Post: List-Unsubscribe=One-Click\r$/m);
    expect(String(ada?.raw))
      .to.match(/^DKIM-Signature: v=1; a=rsa-sha256/m)
      .and.to.contain('list-unsubscribe-post');
    expect(/\/u\/[\w-]+/.exec(adas.text ?? '')?.[0]).not.to.equal(/\/u\/[\w-]+/.exec(beas.text ?? '')?.[0]);
    expect(ada?.raw.toString()).not.to.contain('bea@');
    expect(ada?.messageId).to.equal(bea?.messageId);
  });

  it('hear of nobody else: Bcc and what names other recipients goes', async () => {
    const raw = letter(
      `Bcc: ${ADA}, ${BEA}\r\nResent-Bcc: ${BEA}\r\nX-Original-To: ${BEA}\r\nDelivered-To: ${BEA}\r\nX-Zgoda-List: news\r\nReturn-Path: <${BEA}>\r\n`,
    );

    await send({}, { to: [ADA, BEA], raw });
    await eventually(async () => Promise.resolve(expect(test.mailsTo(ADA)).to.have.length(2)));

    const text = test.mailsTo(ADA).at(-1)?.raw.toString() ?? '';
    expect(text).not.to.match(/bea@|^(?:resent-)?bcc:|^(?:x-zgoda|delivered-to|return-path)/im);
    expect(text)
      .to.match(/^Received: by localhost with ESMTPA id [\w-]+;\r\n/m)
      .and.not.to.contain('127.0.0.1');
  });

  it('hear of nobody whom To and Cc name; the sender may stand there', async () => {
    const named = letter(`Cc: ${CHEN}\r\n`).replace(/^To: .*$/m, `To: "Ada" <${ADA}>, Bea <${BEA}>`);
    const own = letter().replace(/^To: .*$/m, 'To: Readers <letters@bookshop.example>');

    await send({}, { to: [ADA, BEA], raw: named });
    await eventually(async () => Promise.resolve(expect(test.mailsTo(ADA)).to.have.length(3)));
    await send({}, { to: [ADA], raw: own });
    await eventually(async () => Promise.resolve(expect(test.mailsTo(ADA)).to.have.length(4)));

    const [first, second] = test.mailsTo(ADA).slice(2);
    expect(String(first?.raw))
      .to.match(new RegExp(`^To: ${ADA}\\r$`, 'm'))
      .and.not.to.match(/bea@|chen@|^cc:/im);
    expect(String(test.mailsTo(BEA).at(-1)?.raw)).to.match(new RegExp(`^To: ${BEA}\\r$`, 'm'));
    expect(String(second?.raw)).to.match(/^To: Readers <letters@bookshop\.example>\r$/m);
  });

  it('are refused at RCPT when they may not be mailed, in words that are the same for all', async () => {
    const talk = await talkTo(test.port);
    await talk.login(await test.login());

    const said = await envelope(talk, [CHEN, 'stranger@readers.example', ADA]);
    const done = await hand(talk, letter());
    talk.cut();

    expect(said.map(({ code }) => code)).to.deep.equal([550, 550, 250]);
    expect(said[0]?.text).to.equal(said[1]?.text).and.to.contain('list news');
    expect(done.code, done.text).to.equal(250);
    await eventually(async () => Promise.resolve(expect(test.mailsTo(ADA)).to.have.length(5)));
    expect(test.mailsTo(CHEN)).to.deep.equal([]);
  });

  it('are skipped and reported when the credential wants that', async () => {
    const sent = await send({ policy: 'skip', name: 'CRM' }, { to: [ADA, CHEN, 'stranger@readers.example'] });
    await settled(test.service.ctx);

    expect(sent.accepted).to.have.length(3);
    expect(sent.response).to.match(/^250 .* for 1, 2 skipped/);
    expect(test.mailsTo(CHEN)).to.deep.equal([]);
    const id = await one<string>(test.service.ctx, 'select id from organisation');
    const mails = await recentMails(test.service.ctx, await organisationById(test.service.ctx, id));
    const mail = mails.find(({ list }) => list !== null);
    expect(mail).to.deep.include({ list: 'news', skipped: { withdrawn: 1, 'no-consent': 1 }, refusal: null });
    expect(mail?.credential.name).to.equal('CRM');
    expect(mail?.people.map(({ to, state, reason }) => [to, state, reason])).to.deep.include.members([
      ['c…@r….example', 'refused', 'withdrawn'],
      ['s…@r….example', 'refused', 'no-consent'],
    ]);
    const [told] = test.mailsTo('crm@bookshop.example');
    const report = await test.sink.parsed(told);
    expect(told?.from, 'the way back for a report that cannot arrive').to.equal('');
    expect(report.subject).to.equal('Not sent to everybody: New books');
    expect(report.text).to.contain(CHEN).and.to.contain('stranger@readers.example').and.not.to.contain(ADA);
    expect(String(told?.raw)).to.contain(`Final-Recipient: rfc822; ${CHEN}\r\nAction: failed\r\nStatus: 5.7.1`);
  });

  it('are judged for the list that the header names, else the envelope, else the credential', async () => {
    const { ctx } = test.service;
    await addReaders(ctx, ['dora@readers.example'], 'readings');
    const both = { lists: ['news', 'readings'] };
    const to = ['dora@readers.example'];

    const byHeader = await send(both, { to, raw: letter('X-Zgoda-List: readings\r\n') });
    const byEnvelope = await send(both, { to, from: 'bounce+readings@bookshop.example' });
    const byDefault = await send({ ...both, defaultList: 'readings' }, { to });
    await eventually(async () => Promise.resolve(expect(test.mailsTo(to[0] ?? '')).to.have.length(3)));

    for (const { response } of [byHeader, byEnvelope, byDefault]) expect(response).to.match(/^250/);
    for (const mail of test.mailsTo(to[0] ?? '')) expect(String(mail.raw)).to.match(/^List-Id: .*<readings\./m);
  });

  it('get nothing for a list that is not named, not there, or out of scope', async () => {
    const both = { lists: ['news', 'readings'] };
    const no = async (work: Promise<unknown>): Promise<string> =>
      work.then(
        () => 'it was taken',
        (error: unknown) => (error as Error).message,
      );
    const before = test.sink.mails.length;

    const answers = [
      await no(send(both, { to: [ADA] })),
      await no(send({}, { to: [ADA], raw: letter('X-Zgoda-List: readings\r\n') })),
      await no(send({}, { to: [ADA], raw: letter('X-Zgoda-List: nowhere\r\n') })),
      await no(send({}, { to: [ADA], from: 'bounce+readings@bookshop.example' })),
      await no(send(both, { to: [CHEN], raw: letter('X-Zgoda-List: news\r\n') })),
    ];
    await settled(test.service.ctx);

    for (const text of answers) expect(text).to.match(/550 5\.7\.1/);
    expect(test.sink.mails).to.have.length(before);
  });

  it('may be a thousand in one transaction, and each gets it once', async () => {
    const { ctx } = test.service;
    await seedSubscribers(ctx, 'news', 1_000, 0);
    const to = Array.from({ length: 1_000 }, (_, i) => `reader-${i}@subscribers.example`);

    const sent = await send({}, { to });
    await eventually(async () => {
      const got = test.sink.mails.filter((mail) => mail.to.endsWith('@subscribers.example'));
      return Promise.resolve(expect(got).to.have.length.at.least(1_000));
    }, 40_000);
    await settled(ctx);

    expect(sent.accepted).to.have.length(1_000);
    const got = test.sink.mails.map((mail) => mail.to).filter((address) => address.endsWith('@subscribers.example'));
    expect(new Set(got).size).to.equal(1_000);
    expect(got).to.have.length(1_000);
  });
});
