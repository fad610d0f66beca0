import { expect } from 'chai';
import { addReaders, mailer, startGatewayTest, type GatewayTest, type Login } from '../support/gateway.js';
import { findNeedles } from '../support/needles.js';
import { eventually } from '../support/service.js';
import { settled } from '../support/state.js';
import { tapDatabase, type Wire } from '../support/wire.js';

const ADA = 'Quetzal.Kx7@Quartzmail-Kx7.example';
const STRANGER = 'zephyr_9q@vellum-9q.example';
const CUSTOMER = 'mandrill_4w@basalt-4w.example';
const SENDER = 'obsidian-2t@bookshop.example';

describe('the wire between the gateway and the database (T4)', function () {
  this.timeout(60_000);
  let wire: Wire;
  let test: GatewayTest;
  const logins: Login[] = [];

  before(async () => {
    wire = await tapDatabase();
    test = await startGatewayTest({}, { database: wire.database });
    await addReaders(test.service.ctx, [ADA]);
    await send(await login({}), [ADA, STRANGER]);
    await send(await login({ policy: 'skip' }), [ADA, STRANGER]);
    await send(await login({ isTransactional: true }), [CUSTOMER]);
    await send(await login({ isTransactional: true, dailyCap: 1 }), [CUSTOMER, STRANGER]);
    await send({ ...(await login({})), user: SENDER }, [ADA]);
    await eventually(async () => Promise.resolve(expect(test.mailsTo(CUSTOMER)).to.have.length(1)));
    await eventually(async () => Promise.resolve(expect(test.mailsTo(SENDER)).to.have.length(1)));
    await settled(test.service.ctx);
  });

  after(async () => test.stop());

  async function login(wanted: Parameters<GatewayTest['login']>[0]): Promise<Login> {
    const made = await test.login(wanted);
    logins.push(made);
    return made;
  }

  async function send(as: Login, to: string[]): Promise<void> {
    const client = mailer(test.port, as);
    const raw = `From: letters@bookshop.example\r\nTo: ${ADA}\r\nSubject: Chalcedony-subject\r\n\r\nMalachite-content ${'y'.repeat(700_000)}\r\n`;
    await client.sendMail({ envelope: { from: SENDER, to }, raw }).catch(() => undefined);
    client.close();
  }

  const seen = (values: readonly string[]): string[] =>
    findNeedles(
      wire.sent(),
      values.map((value) => ({ name: value, value })),
    );

  it('is watched', () => {
    for (const known of ['insert into gateway_mail', 'insert into gateway_chunk', logins[0]?.user ?? ''])
      expect(seen([known]), known).to.not.be.empty;
  });

  it('carries no address, password, subject or content', () => {
    const parts = [ADA, STRANGER, CUSTOMER, SENDER].flatMap((address) => [address, ...address.split('@')]);
    const names = parts.filter((part) => part !== 'bookshop.example');

    expect(seen([...names, ...logins.map(({ pass }) => pass), 'Chalcedony', 'Malachite'])).to.deep.equal([]);
  });
});
