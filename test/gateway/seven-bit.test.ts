import { isAscii } from 'node:buffer';
import { createHash } from 'node:crypto';
import { expect } from 'chai';
import { dkimVerify } from 'mailauth/lib/dkim/verify.js';
import { dkimKeysOf } from '../../server/delivery/dkim-keys.js';
import { dkimRecord } from '../../server/mail/dkim-record.js';
import type { Recipe } from '../../server/mail/recipe.js';
import { addReaders, letter, mailer, startGatewayTest, type GatewayTest } from '../support/gateway.js';
import { eventually } from '../support/service.js';
import { one, settled } from '../support/state.js';

const ADA = 'ada@readers.example';
const EIGHT = letter('Content-Transfer-Encoding: 8bit\r\n')
  .replace('Wisła', 'Vistula')
  .replace('new books', 'zażółć gęślą jaźń');

describe('mail of other systems before a server without 8BITMIME (F-17)', function () {
  this.timeout(60_000);
  let test: GatewayTest;

  before(async () => {
    test = await startGatewayTest({}, { isSevenBit: true });
    await addReaders(test.service.ctx, [ADA]);
  });

  after(async () => test.stop());

  const send = async (wanted: Parameters<GatewayTest['login']>[0], to: string, raw = EIGHT): Promise<Buffer> => {
    const client = mailer(test.port, await test.login(wanted));
    await client.sendMail({ envelope: { from: 'crm@bookshop.example', to: [to] }, raw: Buffer.from(raw) });
    client.close();
    await eventually(async () => Promise.resolve(expect(test.mailsTo(to)).to.have.length(1)));
    await settled(test.service.ctx);
    return test.mailsTo(to)[0]?.raw ?? Buffer.alloc(0);
  };

  const verdicts = async (raw: Buffer): Promise<string[]> => {
    const { ctx } = test.service;
    const organisationId = await one<string>(ctx, 'select id from organisation');
    const records = (await dkimKeysOf(ctx, { organisationId, domain: 'bookshop.example' })).map(dkimRecord);
    const { results } = await dkimVerify(raw, {
      resolver: async (name) =>
        Promise.resolve(records.filter((record) => record.name === name).map(({ text }) => [text])),
    });
    return results.map(({ status }) => status.result);
  };

  it('is written in ASCII before it is signed, says the same, and its recipe tells of it', async () => {
    const raw = await send({}, ADA);
    const { text } = await test.sink.parsed(test.mailsTo(ADA)[0]);

    expect(isAscii(raw)).to.equal(true);
    expect(raw.toString()).to.contain('Content-Transfer-Encoding: quoted-printable');
    expect(text)
      .to.contain('zażółć gęślą jaźń came.')
      .and.to.match(/\/u\/[\w-]+/);
    expect(await verdicts(raw)).to.deep.equal(['pass', 'pass']);
    const recipe = await one<Recipe>(test.service.ctx, 'select recipe from gateway_recipe');
    const unsigned = raw.subarray(raw.indexOf('List-Unsubscribe:'));
    expect(recipe.sevenBit).to.equal(true);
    expect(recipe.after).to.equal(createHash('sha256').update(unsigned).digest('hex'));
  });

  it('is so for transactional mail and for a mail that is built in its turn', async () => {
    const more = `${'Zażółć gęślą jaźń. '.repeat(60_000).replace(/(.{900})/g, '$1\r\n')}\r\n`;

    const raw = await send({ isTransactional: true }, 'dora@customers.example', EIGHT + more);

    expect(isAscii(raw)).to.equal(true);
    expect(await verdicts(raw)).to.deep.equal(['pass', 'pass']);
  });

  it('fails in words that staff see where its header is not ASCII', async () => {
    const client = mailer(test.port, await test.login({ isTransactional: true }));
    const raw = Buffer.from(EIGHT.replace('Subject: New', 'Subject: Nówe'));
    await client.sendMail({ envelope: { from: 'crm@bookshop.example', to: ['eve@customers.example'] }, raw });
    client.close();
    await settled(test.service.ctx);

    const [row] = await test.service.ctx.db.query<{ reply: string }>(
      `select reply from delivery where state = 'failed' and reason = 'refused'`,
    );
    expect(row?.reply).to.contain(
      '5.6.3 the mail has bytes outside ASCII, and the mail server does not offer 8BITMIME',
    );
    expect(test.mailsTo('eve@customers.example')).to.deep.equal([]);
  });
});
