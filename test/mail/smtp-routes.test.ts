import { expect } from 'chai';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { once } from 'node:events';
import { makeLogger } from '../../server/logger.js';
import { makeSmtpRoutes } from '../../server/mail/smtp-routes.js';
import type { SmtpPool } from '../../server/mail/smtp.js';
import { smtpRefusal, startSink, type Sink, type SinkOptions } from '../support/sink.js';

const logger = makeLogger('silent');
const mailTo = (to: string) => ({ from: 'news@example.org', to, message: Buffer.from('Subject: Hi\r\n\r\nHi\r\n') });

describe('Several mail servers', () => {
  const cleanUps: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
  });

  const sink = async (options: SinkOptions = {}): Promise<Sink> => {
    const made = await startSink(options);
    cleanUps.push(async () => made.stop());
    return made;
  };
  const routes = (...urls: string[]): SmtpPool => {
    const made = makeSmtpRoutes({ urls, logger });
    cleanUps.push(async () => made.close());
    return made;
  };
  /** A server that says one line to whoever comes, and hangs up. */
  const saying = async (line: string): Promise<{ url: string; met: () => number }> => {
    let met = 0;
    const server: Server = createServer((socket) => {
      met += 1;
      socket.on('error', () => undefined);
      socket.resume().end(`${line}\r\n`);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    cleanUps.push(async () => new Promise((resolve) => server.close(() => resolve())));
    return { url: `smtp://127.0.0.1:${(server.address() as AddressInfo).port}`, met: () => met };
  };

  it('are used in their order: the second gets nothing while the first works', async () => {
    const [first, second] = [await sink(), await sink()];
    const pool = routes(first.url, second.url);

    for (let i = 0; i < 5; i += 1) expect((await pool.send(mailTo(`p${i}@example.com`))).kind).to.equal('sent');

    expect([first.mails.length, second.mails.length]).to.deep.equal([5, 0]);
  });

  for (const [title, line] of [
    ['is not there', null],
    ['refuses us in its greeting', '554 5.7.1 go away'],
    ['is too busy to greet', '421 4.3.2 later'],
  ] as const) {
    it(`stand in for one that ${title}, and it is asked again only after a rest`, async () => {
      const second = await sink();
      const bad = line === null ? { url: 'smtp://127.0.0.1:9', met: () => 0 } : await saying(line);
      const pool = routes(bad.url, second.url);

      for (let i = 0; i < 20; i += 1) expect((await pool.send(mailTo(`p${i}@example.com`))).kind).to.equal('sent');

      expect(second.mails.map(({ to }) => to)).to.deep.equal(Array.from({ length: 20 }, (_, i) => `p${i}@example.com`));
      expect(bad.met(), 'asked').to.be.at.most(line === null ? 0 : 2);
      expect(await pool.verifyEach()).to.deep.equal([false, true]);
      expect(await pool.verify()).to.equal(true);
    });
  }

  it('send nothing twice: a mail that was refused, put off or taken stays with its server', async () => {
    const answers = [smtpRefusal(550, '5.1.1 no'), smtpRefusal(451, '4.2.1 later'), null];
    const first = await sink({
      onMail: async () => {
        const answer = answers.shift();
        return answer ? Promise.reject(answer) : Promise.resolve();
      },
    });
    const second = await sink();
    const pool = routes(first.url, second.url);

    const kinds = [];
    for (let i = 0; i < 3; i += 1) kinds.push((await pool.send(mailTo(`p${i}@example.com`))).kind);

    expect(kinds).to.deep.equal(['refused', 'deferred', 'sent']);
    expect(second.begun()).to.equal(0);
  });

  it('go back to the first once it works again', async () => {
    const first = await sink();
    await first.stop();
    const second = await sink();
    const pool = routes(first.url, second.url);
    await pool.send(mailTo('ada@example.com'));
    const again = await sink({ port: first.port });

    for (let i = 0; i < 400 && again.mails.length < 2; i += 1) {
      await pool.send(mailTo(`p${i}@example.com`));
      await new Promise((resolve) => setTimeout(resolve, 20));
    }

    expect(again.mails.length).to.be.at.least(2);
  });

  it('say so when none of them takes mail, in the words of the last', async () => {
    const pool = routes('smtp://127.0.0.1:9', (await saying('554 5.7.1 no')).url);

    const outcome = await pool.send(mailTo('ada@example.com'));

    expect(outcome).to.include({ kind: 'deferred', code: 554, enhanced: '5.7.1' });
  });

  it('do not get a mail that was stopped while it waited for its connection', async () => {
    const first = await sink();
    const pool = routes(first.url, 'smtp://127.0.0.1:9');

    expect(await pool.sendIf(mailTo('ada@example.com'), () => false)).to.equal(null);
    expect(first.begun()).to.equal(0);
  });
});
