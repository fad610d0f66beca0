import { expect } from 'chai';
import { emptySpool, sweepGateway } from '../../server/gateway/empty-spool.js';
import { suppressionHash } from '../../server/keys/blind-index.js';
import { parseAddress } from '../../server/mail/address.js';
import { letter, mailer, startGatewayTest, type GatewayTest } from '../support/gateway.js';
import { eventually } from '../support/service.js';
import { one, settled } from '../support/state.js';

const DORA = 'dora@customers.example';

describe('transactional mail', function () {
  this.timeout(60_000);
  let test: GatewayTest;

  before(async () => {
    test = await startGatewayTest();
  });

  after(async () => test.stop());

  const send = async (client: ReturnType<typeof mailer>, to: string[], raw = letter()): Promise<string> =>
    client.sendMail({ envelope: { from: 'shop@bookshop.example', to }, raw }).then(
      ({ response = '' }) => response,
      (error: unknown) => (error as Error).message,
    );

  it('goes to people of no list, as it is, signed, without a footer', async () => {
    const client = mailer(test.port, await test.login({ isTransactional: true }));

    const said = await send(client, [DORA]);
    client.close();
    await eventually(async () => Promise.resolve(expect(test.mailsTo(DORA)).to.have.length(1)));

    const text = test.mailsTo(DORA)[0]?.raw.toString() ?? '';
    expect(said).to.match(/^250/);
    expect(text)
      .to.match(/^DKIM-Signature: /)
      .and.to.match(/Dear reader,\r\nnew books came\.\r\n$/);
    expect(text).not.to.match(/^List-|\/u\//im);
    expect(await one(test.service.ctx, `select kind from delivery where template = 'gateway'`)).to.equal(
      'transactional',
    );
  });

  it('honours suppression: who bounced or complained gets nothing', async () => {
    const { ctx } = test.service;
    const organisation = await one<string>(ctx, 'select id from organisation');
    const { normal } = parseAddress('bounced@customers.example');
    await ctx.db.query(
      `insert into suppression (organisation_id, hash, reason, created_at) values ($1, $2, 'bounce', now())`,
      [organisation, suppressionHash(ctx.keyring, organisation, normal)],
    );
    const client = mailer(test.port, await test.login({ isTransactional: true }));

    const said = await send(client, [normal]);
    client.close();

    expect(said).to.contain('550 5.7.1');
    expect(test.mailsTo(normal)).to.deep.equal([]);
  });

  it('is capped by the day', async () => {
    const client = mailer(test.port, await test.login({ isTransactional: true, dailyCap: 2 }));

    const said = [
      await send(client, [DORA]),
      await send(client, [DORA, 'e@customers.example']),
      await send(client, [DORA]),
    ];
    const over = await send(client, [DORA]);
    client.close();

    expect(said.map((one) => one.slice(0, 3))).to.deep.equal(['250', 'Mes', '250']);
    expect(said[1]).to.contain('452');
    expect(over).to.contain('452');
  });

  it('names no list', async () => {
    const client = mailer(test.port, await test.login({ isTransactional: true }));

    const said = await send(client, [DORA], letter('X-Zgoda-List: news\r\n'));
    client.close();

    expect(said).to.contain('550');
  });

  it('is forgotten: its bytes with the outcome, strangers once nothing can bounce any more', async () => {
    const { ctx } = test.service;
    await settled(ctx);
    await eventually(async () => {
      await emptySpool(ctx);
      expect(await one(ctx, 'select count(*)::int from gateway_chunk')).to.equal(0);
    });
    const named = `select count(*)::int from subscriber where address is not null`;
    expect(await one(ctx, named)).to.be.greaterThan(0);

    test.service.advance(40 * 86_400_000);
    await sweepGateway(ctx);

    expect(await one(ctx, named)).to.equal(0);
    expect(
      await one(ctx, 'select count(*)::int from gateway_mail where mail_key is not null or subject is not null'),
    ).to.equal(0);
  });
});
