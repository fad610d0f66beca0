import { expect } from 'chai';
import { organisationById } from '../../server/consent/catalogue.js';
import { sweepGateway } from '../../server/gateway/empty-spool.js';
import { recentMails } from '../../server/gateway/recent-mails.js';
import { addReaders, mailer, startGatewayTest, type GatewayTest } from '../support/gateway.js';
import { findNeedles } from '../support/needles.js';
import { makeHome, type Home } from '../support/process.js';
import { eventually } from '../support/service.js';
import { startSink } from '../support/sink.js';
import { dump, one } from '../support/state.js';

const ADA = 'quetzal-kx7@vellum-9q.example';
const SENDER = 'crm-zephyr@bookshop.example';
const raw = (subject = 'Secret-subject-vj5', more = ''): string =>
  `From: letters@bookshop.example\r\nTo: ${ADA}\r\nSubject: ${subject}\r\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\nSecret-content-vj5\r\n${more}`;

describe('a mail that waits at the gateway', function () {
  this.timeout(60_000);
  let test: GatewayTest;
  const hold = { is: false, waiting: [] as (() => void)[] };
  const letGo = (): void => {
    hold.is = false;
    for (const release of hold.waiting.splice(0)) release();
  };

  before(async () => {
    const onMail = async (): Promise<void> => {
      if (hold.is) await new Promise<void>((resolve) => hold.waiting.push(resolve));
    };
    test = await startGatewayTest({}, { onMail });
    await addReaders(test.service.ctx, [ADA]);
  });

  after(async () => test.stop());

  const send = async (mail = raw()): Promise<void> => {
    const client = mailer(test.port, await test.login());
    await client.sendMail({ envelope: { from: SENDER, to: [ADA] }, raw: mail });
    client.close();
  };
  const chunks = async (): Promise<number> => one(test.service.ctx, 'select count(*)::int from gateway_chunk');
  const recent = async () => {
    const { ctx } = test.service;
    const id = await one<string>(ctx, 'select id from organisation');
    return recentMails(ctx, await organisationById(ctx, id));
  };

  it('lies encrypted in the database, and is deleted with its outcome', async () => {
    hold.is = true;
    await send();
    await eventually(async () => Promise.resolve(expect(hold.waiting).to.have.length(1)));

    const rows = JSON.stringify(await dump(test.service.ctx));
    const [waiting] = await recent();
    const before = await chunks();
    letGo();

    expect(before).to.equal(1);
    for (const word of ['Secret', 'quetzal', 'vellum', 'zephyr', Buffer.from('Secret').toString('hex')])
      expect(rows.toLowerCase(), word).not.to.contain(word.toLowerCase());
    expect(waiting).to.deep.include({ subject: 'Secret-subject-vj5', isDone: false, states: { sending: 1 } });
    await eventually(async () => expect(await chunks()).to.equal(0));
    const [done] = await recent();
    expect(done).to.deep.include({ subject: null, isDone: true, states: { sent: 1 } });
    expect(done?.people.map(({ to, state }) => [to, state])).to.deep.equal([['q…@v….example', 'sent']]);
  });

  it('leaves the recipe of each copy, in which nothing personal stands', async () => {
    await send(raw('Recipe'));
    await eventually(async () => expect(await chunks()).to.equal(0));

    const id = (await recent())[0]?.id;
    const recipe = await one<{ parts: { path: string }[]; headers: { added: string[] } }>(
      test.service.ctx,
      'select recipe from gateway_recipe where message_id = $1',
      [id],
    );

    expect(recipe.headers.added).to.include('list-unsubscribe-post');
    expect(recipe.parts).to.have.length(1);
  });

  it('is swept away where a crash left pieces of it, and details after a week', async () => {
    const { ctx } = test.service;
    await ctx.db.query(
      `insert into gateway_chunk (mail_id, place, body, created_at) values (gen_random_uuid(), 0, '\\x00', $1)`,
      [ctx.now()],
    );
    await sweepGateway(ctx);
    expect(await chunks()).to.equal(1);

    test.service.advance(4 * 3_600_000);
    await sweepGateway(ctx);

    expect(await chunks()).to.equal(0);
  });

  it('is refused by the claim when it is not what was taken (T6)', async () => {
    hold.is = true;
    await send(raw('First'));
    await eventually(async () => Promise.resolve(expect(hold.waiting).to.have.length(1)));
    const { ctx } = test.service;
    await ctx.db.query(
      `update gateway_mail set list_id = (select id from list where slug = 'readings') where done_at is null`,
    );
    await ctx.db.query(`update delivery set state = 'queued', lease_by = null, due_at = now() where state = 'sending'`);

    await eventually(async () => {
      expect(await one(ctx, `select count(*)::int from delivery where state = 'failed' and reason = 'seal'`)).to.equal(
        1,
      );
    });
    letGo();
  });
});

describe('a gateway that is killed', function () {
  this.timeout(240_000);
  let home: Home;

  before(async () => {
    home = await makeHome();
  });

  after(async () => home.drop());

  it('sends all that it answered 250, once, after it starts again', async () => {
    const sink = await startSink();
    const away = { SMTP_URL: 'smtp://127.0.0.1:9' };
    const first = await home.start(away);
    await home.look(async (ctx) => addReaders(ctx, [ADA]), away);
    const added = await home.zgoda(['credential', 'add', '--list', 'news', '--json'], away);
    const { user, password: pass } = JSON.parse(added.out) as { user: string; password: string };
    const port = Number(/Gateway: +port (\d+)/.exec(first.out())?.[1]);
    const client = mailer(port, { id: '', user, pass });
    const large = `${'x'.repeat(998)}\r\n`.repeat(1_500);

    for (const [subject, more] of Object.entries({ One: '', Two: '', Large: large })) {
      const sent = await client.sendMail({ envelope: { from: SENDER, to: [ADA] }, raw: raw(subject, more) });
      expect(sent.response).to.match(/^250/);
    }
    await first.kill();
    client.close();
    // The leases of what was in flight run out by themselves, in half a minute.
    await home.look(
      async (ctx) => ctx.db.query(`update delivery set lease_until = now() where state = 'sending'`),
      away,
    );
    const second = await home.start({ SMTP_URL: sink.url });
    await eventually(async () => Promise.resolve(expect(sink.mails).to.have.length(3)), 60_000);
    await home.look(async (ctx) => {
      await eventually(async () => expect(await one(ctx, 'select count(*)::int from gateway_chunk')).to.equal(0));
    });
    await second.stop();
    await sink.stop();

    const subjects = sink.mails.map((mail) => /^Subject: (\w+)/m.exec(String(mail.raw))?.[1]);
    expect(subjects.sort()).to.deep.equal(['Large', 'One', 'Two']);
    expect(findNeedles([Buffer.from(first.out() + first.err())], [{ name: 'the address', value: ADA }])).to.deep.equal(
      [],
    );
  });
});
