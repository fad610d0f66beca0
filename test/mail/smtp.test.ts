import { expect } from 'chai';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import { makeLogger } from '../../server/logger.js';
import { makeSmtpPool, type SmtpOutcome, type SmtpPool, type SmtpPoolOptions } from '../../server/mail/smtp.js';
import { clean } from '../../server/mail/smtp-transaction.js';

const logger = makeLogger('silent');
const mail = {
  from: 'b+vx2@bounces.zgoda.example',
  to: 'ada@example.org',
  message: Buffer.from('Subject: Hi\r\n\r\nHi\r\n'),
};

// Self-signed, for peer.example, and used nowhere else.
const certificate = {
  key: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgN1PPMHviQoYm3sdm
vSuW90kFKvARmGBortUvG45IdvihRANCAAQbkRNy4Wpc+b5D4GlMXDoF1itFhTKL
Fnz/pcvKhV/zOfwm4RXwD8tnSoEsmlU9E6xbmNuST+WmO6iPWnHmOgF5
-----END PRIVATE KEY-----`,
  cert: `-----BEGIN CERTIFICATE-----
MIIBnTCCAUSgAwIBAgIURobhdU6NMpOOzNAaO/cMyTu5M+gwCgYIKoZIzj0EAwIw
FzEVMBMGA1UEAwwMcGVlci5leGFtcGxlMCAXDTI2MTEyNDAzNDI1NloYDzIxMjYx
MDMxMDM0MjU2WjAXMRUwEwYDVQQDDAxwZWVyLmV4YW1wbGUwWTATBgcqhkjOPQIB
BggqhkjOPQMBBwNCAAQbkRNy4Wpc+b5D4GlMXDoF1itFhTKLFnz/pcvKhV/zOfwm
4RXwD8tnSoEsmlU9E6xbmNuST+WmO6iPWnHmOgF5o2wwajAdBgNVHQ4EFgQUCTlN
SesX297Q6zyg9Hs+AHgRNFowHwYDVR0jBBgwFoAUCTlNSesX297Q6zyg9Hs+AHgR
NFowDwYDVR0TAQH/BAUwAwEB/zAXBgNVHREEEDAOggxwZWVyLmV4YW1wbGUwCgYI
KoZIzj0EAwIDRwAwRAIgbovD/8lasjxVbbULieC8dTiAe3soakOMpE/qJaIDQO0C
IASUJrGOGdd7xjy7idnHIP6sLsaf8xPr4jkWotsTJW6q
-----END CERTIFICATE-----`,
};

interface Received {
  readonly from: string;
  readonly to: string[];
  readonly raw: Buffer;
}

interface Peer {
  readonly url: string;
  readonly port: number;
  readonly received: Received[];
  readonly sockets: Set<Socket>;
  /** Connections that were ever made. */
  readonly accepted: () => number;
  readonly dropAll: () => void;
}

const cleanUps: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

async function listen(server: Server, received: Received[]): Promise<Peer> {
  const sockets = new Set<Socket>();
  let accepted = 0;
  server.on('connection', (socket) => {
    accepted += 1;
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const dropAll = () => sockets.forEach((socket) => socket.destroy());
  cleanUps.push(async () => {
    dropAll();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  });
  return { url: `smtp://127.0.0.1:${port}`, port, received, sockets, accepted: () => accepted, dropAll };
}

async function realServer(options: SMTPServerOptions = {}): Promise<Peer> {
  const received: Received[] = [];
  const server = new SMTPServer({
    authOptional: true,
    ...certificate,
    disabledCommands: ['AUTH', 'STARTTLS'],
    disableReverseLookup: true,
    onData(stream, session, callback) {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        const { mailFrom, rcptTo } = session.envelope;
        received.push({
          from: mailFrom ? mailFrom.address : '',
          to: rcptTo.map((recipient) => recipient.address),
          raw: Buffer.concat(chunks),
        });
        callback(null, 'queued as 4711');
      });
    },
    ...options,
  });
  server.on('error', () => undefined);
  return listen(server.server, received);
}

/** What a scripted server says to a verb: an answer without CRLF, 'drop' to hang up, 'silence' to say nothing. */
type Script = Partial<Record<'connect' | 'EHLO' | 'MAIL' | 'RCPT' | 'DATA' | 'dot' | 'RSET', string | (() => string)>>;

async function scripted(
  script: Script,
  offers = ['PIPELINING', 'SIZE 100000000'],
): Promise<Peer & { verbs: string[] }> {
  const verbs: string[] = [];
  const received: Received[] = [];
  const usual: Record<string, string> = {
    connect: '220 peer.example ESMTP',
    EHLO: ['peer.example', ...offers].map((line, i, all) => `250${i < all.length - 1 ? '-' : ' '}${line}`).join('\r\n'),
    DATA: '354 go on',
  };
  const server = createServer((socket) => {
    let text = '';
    let isData = false;
    const say = (verb: keyof Script) => {
      const line = script[verb] ?? usual[verb] ?? '250 2.0.0 fine';
      const answer = typeof line === 'string' ? line : line();
      if (answer === 'drop') socket.destroy();
      else if (answer !== 'silence') socket.write(`${answer}\r\n`);
      return answer;
    };
    socket.on('error', () => undefined);
    say('connect');
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
      for (;;) {
        const end = isData ? text.search(/(^|\r\n)\.\r\n/) : text.indexOf('\r\n');
        if (end < 0 || socket.destroyed) return;
        if (isData) {
          received.push({ from: '', to: [], raw: Buffer.from(text.slice(0, end), 'latin1') });
          text = text.slice(text.indexOf('.\r\n', end) + 3);
          isData = false;
          say('dot');
          continue;
        }
        const verb = text.slice(0, 4).toUpperCase();
        text = text.slice(end + 2);
        verbs.push(verb);
        if (verb === 'QUIT') socket.end('221 bye\r\n');
        else isData = say(verb as keyof Script).startsWith('354');
      }
    });
  });
  return { ...(await listen(server, received)), verbs };
}

function pool(url: string, options: Partial<SmtpPoolOptions> = {}): SmtpPool {
  const made = makeSmtpPool({ url, logger, name: 'zgoda.example', ...options });
  cleanUps.push(async () => made.close());
  return made;
}

describe('mail/smtp', () => {
  it('says sent, with the answer of the server', async () => {
    const peer = await realServer();

    const outcome = await pool(peer.url).send(mail);

    expect(outcome).to.include({ kind: 'sent', reply: '250 queued as 4711' });
    expect(peer.received).to.deep.equal([{ from: mail.from, to: [mail.to], raw: mail.message }]);
  });

  it('sends dots, long lines, eight-bit bytes and chunks byte for byte', async () => {
    const peer = await realServer();
    const texts = [
      '.\r\n',
      '..\r\n.a\r\n\r\n.\r\nMAIL FROM:<x@x>\r\n',
      `Subject: x\r\n\r\n${'.'.repeat(2_000)}\r\n`,
      `é\r\n.ü\r\n`.repeat(20_000),
    ];
    const split = ['Subject: x\r\n', '', '.', '.\r\n', '.end\r', '\n', '.\r\n'];
    const sender = pool(peer.url, { connections: 1 });

    for (const text of texts) await sender.send({ ...mail, message: Buffer.from(text) });
    await sender.send({ ...mail, message: split.map((part) => Buffer.from(part)) });

    expect(peer.received.map(({ raw }) => raw.toString())).to.deep.equal([...texts, split.join('')]);
    expect(peer.accepted()).to.equal(1);
  });

  it('ends a message that has no line end', async () => {
    const peer = await realServer();

    await pool(peer.url).send({ ...mail, message: Buffer.from('Subject: x\r\n\r\nno end') });

    expect(peer.received[0]?.raw.toString()).to.equal('Subject: x\r\n\r\nno end\r\n');
  });

  it('sends each of 500 mails exactly once over at most 5 connections', async () => {
    const peer = await realServer();
    const sender = pool(peer.url);
    const recipients = Array.from({ length: 500 }, (_, i) => `reader${i}@example.org`);

    const outcomes = await Promise.all(recipients.map(async (to) => sender.send({ ...mail, to })));

    expect(outcomes.every(({ kind }) => kind === 'sent')).to.equal(true);
    expect(peer.received.map(({ to }) => to[0]).sort()).to.deep.equal([...recipients].sort());
    expect(peer.accepted()).to.equal(5);
  });

  describe('refusals by a real server', () => {
    const error = (responseCode: number, text: string) => Object.assign(new Error(text), { responseCode });
    const servers: Record<string, (code: number) => SMTPServerOptions> = {
      MAIL: (code) => ({ onMailFrom: (_a, _s, done) => done(error(code, '5.7.1 not from you')) }),
      RCPT: (code) => ({ onRcptTo: (_a, _s, done) => done(error(code, '5.1.1 <ada@example.org> unknown')) }),
      DATA: (code) => ({
        onData: (stream, _session, done) => {
          stream.resume();
          stream.on('end', () => done(error(code, '5.6.0 not this')));
        },
      }),
    };
    for (const [command, options] of Object.entries(servers)) {
      it(`says refused for a 5xx to ${command} and deferred for a 4xx, and goes on with the same connection`, async () => {
        for (const hidePIPELINING of [false, true]) {
          const refusing = await realServer({ ...options(550), hidePIPELINING });
          const deferring = await realServer({ ...options(451), hidePIPELINING });
          const [first, second] = [pool(refusing.url), pool(deferring.url)];

          const refused = [await first.send(mail), await first.send(mail)];
          const deferred = [await second.send(mail), await second.send(mail)];

          for (const outcome of refused) expect(outcome).to.include({ kind: 'refused', code: 550, command });
          for (const outcome of deferred) expect(outcome).to.include({ kind: 'deferred', code: 451 });
          expect([refusing.accepted(), deferring.accepted()]).to.deep.equal([1, 1]);
        }
      });
    }

    it('sends the next mail after a refused recipient on the same connection', async () => {
      const peer = await realServer({
        onRcptTo: ({ address }, _session, done) => done(address.startsWith('dora') ? error(550, 'gone') : null),
      });
      const sender = pool(peer.url, { connections: 1 });

      const kinds = [];
      for (const to of ['dora@example.org', 'ada@example.org', 'dora@example.org', 'boris@example.org']) {
        kinds.push((await sender.send({ ...mail, to })).kind);
      }

      expect(kinds).to.deep.equal(['refused', 'sent', 'refused', 'sent']);
      expect(peer.received.map(({ to }) => to)).to.deep.equal([['ada@example.org'], ['boris@example.org']]);
      expect(peer.accepted()).to.equal(1);
    });
  });

  describe('answers step by step', () => {
    const expected: [keyof Script, string, Partial<SmtpOutcome>][] = [
      ['connect', '421 4.3.2 later', { kind: 'deferred', code: 421 }],
      // The server refuses us, not this mail: a wrong setting must not burn a campaign.
      ['connect', '554 5.7.1 not you', { kind: 'deferred', code: 554 }],
      ['EHLO', '451 later', { kind: 'deferred', code: 451 }],
      ['EHLO', '550 not you', { kind: 'deferred', code: 550 }],
      ['MAIL', '451 4.3.0 later', { kind: 'deferred', code: 451, enhanced: '4.3.0' }],
      ['MAIL', '550 5.7.26 no DMARC', { kind: 'refused', code: 550, enhanced: '5.7.26', command: 'MAIL' }],
      ['MAIL', '421 too many mails', { kind: 'deferred', code: 421 }],
      ['RCPT', '450 4.2.1 later', { kind: 'deferred', code: 450, enhanced: '4.2.1' }],
      [
        'RCPT',
        '550-5.1.1 no\r\n550 5.1.1 such user',
        { kind: 'refused', code: 550, enhanced: '5.1.1', command: 'RCPT' },
      ],
      ['DATA', '451 later', { kind: 'deferred', code: 451 }],
      ['DATA', '554 no', { kind: 'refused', code: 554, command: 'DATA' }],
      ['dot', '451 4.7.1 greylisted', { kind: 'deferred', code: 451, enhanced: '4.7.1' }],
      ['dot', '552 5.3.4 too big', { kind: 'refused', code: 552, enhanced: '5.3.4', command: 'DATA' }],
      ['dot', '421 4.3.2 shutting down', { kind: 'deferred', code: 421 }],
      ['dot', '354 what?', { kind: 'unknown' }],
      ['connect', 'SSH-2.0-OpenSSH_9.2', { kind: 'deferred', reply: 'The server does not speak SMTP.' }],
      ['connect', 'drop', { kind: 'deferred' }],
      ['EHLO', 'drop', { kind: 'deferred' }],
      ['MAIL', 'drop', { kind: 'deferred' }],
      ['RCPT', 'drop', { kind: 'deferred' }],
      ['DATA', 'drop', { kind: 'deferred' }],
      ['dot', 'drop', { kind: 'unknown', reply: 'The server closed the connection.' }],
      ['connect', 'silence', { kind: 'deferred' }],
      ['EHLO', 'silence', { kind: 'deferred' }],
      ['MAIL', 'silence', { kind: 'deferred' }],
      ['RCPT', 'silence', { kind: 'deferred' }],
      ['DATA', 'silence', { kind: 'deferred' }],
      ['dot', 'silence', { kind: 'unknown', reply: 'No answer within 0.1 seconds.' }],
    ];
    const timeouts = { connect: 100, greeting: 100, answer: 100, dataEnd: 100 };
    for (const [step, answer, outcome] of expected) {
      it(`is ${String(outcome.kind)} for ${JSON.stringify(answer)} at ${step}, with and without PIPELINING`, async () => {
        for (const offers of [['PIPELINING'], []]) {
          const peer = await scripted({ [step]: answer }, offers);

          const sent = await pool(peer.url, { timeouts }).send(mail);

          expect(sent).to.include(outcome);
          expect('code' in sent).to.equal('code' in outcome);
        }
      });
    }

    it('is deferred when nobody listens', async () => {
      const peer = await scripted({});
      const { port } = peer;
      for (const cleanUp of cleanUps.splice(0)) await cleanUp();

      const outcome = await pool(`smtp://127.0.0.1:${port}`).send(mail);

      expect(outcome).to.deep.equal({ kind: 'deferred', reply: 'Connection failed: ECONNREFUSED', isUntried: true });
    });

    it('sends nothing to nobody when a server wants data for a refused recipient', async () => {
      const answers = ['550 5.1.1 gone', '250 fine'];
      const peer = await scripted({ RCPT: () => answers.shift() ?? '250 fine' });
      const sender = pool(peer.url, { connections: 1 });

      const outcomes = [await sender.send(mail), await sender.send(mail)];

      expect(outcomes.map(({ kind }) => kind)).to.deep.equal(['refused', 'sent']);
      expect(peer.received.map(({ raw }) => raw.toString())).to.deep.equal(['', 'Subject: Hi\r\n\r\nHi']);
      expect(peer.verbs).to.deep.equal(['EHLO', 'MAIL', 'RCPT', 'DATA', 'RSET', 'MAIL', 'RCPT', 'DATA']);
    });

    it('is deferred, not unknown, when the server leaves in the middle of a large message', async () => {
      const peer = await scripted({});
      const message = Buffer.from(`Subject: x\r\n\r\n${'0123456789\r\n'.repeat(2_000_000)}`);
      const server = pool(peer.url).send({ ...mail, message });

      const hangUp = setInterval(() => {
        for (const socket of peer.sockets) if (socket.bytesRead > 1_000_000) socket.destroy();
      }, 1);
      const outcome = await server;
      clearInterval(hangUp);

      expect(outcome.kind).to.equal('deferred');
    });
  });

  describe('connections', () => {
    it('tries a connection that the server has left again on a fresh one', async () => {
      const peer = await realServer();
      const sender = pool(peer.url, { connections: 1 });
      await sender.send(mail);

      peer.dropAll();
      const outcome = await sender.send(mail);

      expect(outcome.kind).to.equal('sent');
      expect(peer.received).to.have.length(2);
      expect(peer.accepted()).to.equal(2);
    });

    it('does the same when the server answers 421 or hangs up at MAIL on a used connection', async () => {
      for (const goodbye of ['421 4.7.0 enough mails on this connection', 'drop', '421 enough\r\n421 enough']) {
        const answers = ['250 fine', goodbye, '250 fine'];
        const peer = await scripted({ MAIL: () => answers.shift() ?? '250 fine' });
        const sender = pool(peer.url, { connections: 1 });

        const kinds = [(await sender.send(mail)).kind, (await sender.send(mail)).kind];

        expect(kinds).to.deep.equal(['sent', 'sent']);
        expect(peer.received).to.have.length(2);
        expect(peer.accepted()).to.equal(2);
      }
    });

    it('does not send twice when the connection is lost after the final dot on a used connection', async () => {
      const answers = ['250 fine', 'drop'];
      const peer = await scripted({ dot: () => answers.shift() ?? '250 fine' });
      const sender = pool(peer.url, { connections: 1 });

      const kinds = [(await sender.send(mail)).kind, (await sender.send(mail)).kind];

      expect(kinds).to.deep.equal(['sent', 'unknown']);
      expect(peer.received).to.have.length(2);
    });

    it('closes a connection that nobody has used for a while', async () => {
      const peer = await realServer();
      const sender = pool(peer.url, { timeouts: { idle: 20 } });
      await sender.send(mail);
      const [socket] = peer.sockets;

      await once(socket!, 'close');
      const outcome = await sender.send(mail);

      expect(outcome.kind).to.equal('sent');
      expect(peer.accepted()).to.equal(2);
    });

    it('lets mails wait for a free connection', async () => {
      let now = 0;
      let most = 0;
      const peer = await realServer({
        onData(stream, _session, done) {
          now += 1;
          most = Math.max(most, now);
          stream.resume();
          stream.on('end', () =>
            setTimeout(() => {
              now -= 1;
              done();
            }, 5),
          );
        },
      });
      const sender = pool(peer.url, { connections: 2 });

      const sending = Array.from({ length: 20 }, async () => sender.send(mail));
      await sending[0];
      const { inFlight } = sender;
      await Promise.all(sending);

      expect(most).to.equal(2);
      expect(inFlight).to.be.within(1, 2);
      expect(sender.inFlight).to.equal(0);
    });

    it('waits on close for mails in flight and defers the ones that have no connection yet', async () => {
      let release: (() => void) | undefined;
      const arrived = new Promise<void>((resolve) => {
        release = resolve;
      });
      let finish: (() => void) | undefined;
      const peer = await realServer({
        onData(stream, _session, done) {
          stream.resume();
          stream.on('end', () => {
            finish = () => done();
            release?.();
          });
        },
      });
      const sender = makeSmtpPool({ url: peer.url, logger, connections: 1 });
      const sending = [sender.send(mail), sender.send(mail)];
      await arrived;

      const closed = sender.close().then(() => 'closed');
      const early = await Promise.race([closed, sending[1]]);
      finish?.();

      expect(early).to.deep.equal({ kind: 'deferred', reply: 'The service is stopping.' });
      expect((await sending[0])?.kind).to.equal('sent');
      expect(await closed).to.equal('closed');
      expect((await sender.send(mail)).kind).to.equal('deferred');
    });

    it('verifies that the server can be reached and greets', async () => {
      const good = await realServer();
      const bad = await scripted({ EHLO: '550 no' });
      const silent = await scripted({ connect: 'silence' });

      const answers = await Promise.all([
        pool(good.url).verify(),
        pool(bad.url).verify(),
        pool(silent.url, { timeouts: { verify: 50 } }).verify(),
      ]);

      expect(answers).to.deep.equal([true, false, false]);
    });

    it('remembers for a moment that the server can be reached', async () => {
      const peer = await realServer();
      const sender = pool(peer.url);

      await Promise.all([sender.verify(), sender.verify()]);
      await sender.verify();

      expect(peer.accepted()).to.equal(1);
    });
  });

  describe('bytes outside ASCII (F-17)', () => {
    const eight = { ...mail, message: Buffer.from('Subject: Hi\r\n\r\nZażółć\r\n') };
    const inAscii = async () => Promise.resolve([Buffer.from('Subject: Hi\r\n\r\nZa=C5=BC\r\n')]);

    it('go as they are to a server with 8BITMIME, and in ASCII to one without', async () => {
      const [with8, without] = [await realServer(), await realServer({ hide8BITMIME: true })];

      const outcomes = [
        await pool(with8.url).send({ ...eight, sevenBit: inAscii }),
        await pool(without.url).send({ ...eight, sevenBit: inAscii }),
      ];

      expect(outcomes.map(({ kind }) => kind)).to.deep.equal(['sent', 'sent']);
      expect(with8.received[0]?.raw).to.deep.equal(eight.message);
      expect(without.received[0]?.raw.toString()).to.equal('Subject: Hi\r\n\r\nZa=C5=BC\r\n');
    });

    it('are refused in words where they cannot be written otherwise, and the connection is good for the next', async () => {
      const peer = await realServer({ hide8BITMIME: true });
      const one = pool(peer.url, { connections: 1 });

      const outcomes = [
        await one.send(eight),
        await one.send({ ...eight, sevenBit: async () => Promise.resolve(null) }),
        await one.send({ ...eight, sevenBit: async () => Promise.reject(new Error('no key now')) }),
        await one.send(mail),
      ];

      expect(outcomes.map(({ kind }) => kind)).to.deep.equal(['refused', 'refused', 'deferred', 'sent']);
      expect(outcomes[0]).to.deep.include({ code: 554, enhanced: '5.6.3', command: 'DATA' });
      expect(outcomes[0]?.kind === 'refused' ? outcomes[0].reply : '').to.contain('does not offer 8BITMIME');
      expect(peer.accepted()).to.equal(1);
    });
  });

  describe('addresses', () => {
    it('asks for SMTPUTF8 when an address needs it and refuses when it is not offered', async () => {
      const [able, unable] = [await realServer(), await realServer({ hideSMTPUTF8: true })];
      const to = 'zażółć@example.org';

      const sent = await pool(able.url).send({ ...mail, to });
      const refused = await pool(unable.url).send({ ...mail, to });

      expect(sent.kind).to.equal('sent');
      expect(able.received[0]?.to).to.deep.equal([to]);
      expect(refused).to.include({ kind: 'refused', code: 553, enhanced: '5.6.7' });
      expect(refused.reply).to.include('SMTPUTF8');
      expect(unable.received).to.be.empty;
    });

    it('refuses an address that would end the command', async () => {
      const peer = await realServer();
      const sender = pool(peer.url);

      for (const to of ['a@b.example>\r\nRCPT TO:<c@d.example', 'a b@c.example', 'a@b.example\n', '']) {
        expect(await sender.send({ ...mail, to })).to.include({ kind: 'refused', enhanced: '5.1.3' });
      }
      expect(peer.received).to.be.empty;
    });

    it('sends from the null sender', async () => {
      const peer = await realServer();

      await pool(peer.url).send({ ...mail, from: '' });

      expect(peer.received[0]?.from).to.equal('');
    });

    it('keeps no address in what the server says, and at most 500 characters', async () => {
      const peer = await scripted({
        RCPT: `550 5.1.1 <ada@example.org>: "o.k"@example.org \x1b[31m ${'no '.repeat(300)}`,
      });

      const { reply } = await pool(peer.url).send({ ...mail, to: '"o.k"@example.org' });

      expect(reply).to.match(/^550 5\.1\.1 <\[address\]>: \[address\] \[31m no/);
      expect(reply).to.have.length(500);
    });
  });

  describe('what is kept of an answer', () => {
    for (const [to, said, kept] of [
      ['ada.l@example.org', '5.1.1 <ada.l@example.org>: unknown', '550 5.1.1 <[address]>: unknown'],
      ['Ada.L@example.org', 'ada.l is no user; ADA.L@EXAMPLE.ORG', '550 [address] is no user; [address]'],
      ['ada.l+wisla@example.org', 'ada.l+wisla, or ada.l, has left', '550 [address], or [address], has left'],
      ['ada@example.org', 'Adam and eve@example.com are here', '550 Adam and [address] are here'],
      ['(a|b)*$@example.org', 'no (a|b)*$ here', '550 no [address] here'],
      ['źdźbło@example.org', 'no ŹDŹBŁO', '550 no [address]'],
    ] as const) {
      it(`names nobody: ${said}`, () => {
        expect(clean({ code: 550, lines: [said] }, { from: '', to, message: Buffer.alloc(0) })).to.equal(kept);
      });
    }
  });

  describe('secrets', () => {
    const login = 'ada%40zgoda:p%3Ass%20word';

    for (const method of ['PLAIN', 'LOGIN']) {
      it(`logs in with AUTH ${method} and the login of the URL`, async () => {
        const seen: unknown[] = [];
        const peer = await realServer({
          authOptional: false,
          authMethods: [method],
          allowInsecureAuth: true,
          disabledCommands: ['STARTTLS'],
          onAuth({ username, password }, _session, done) {
            seen.push(username, password);
            done(null, { user: username });
          },
        });

        const outcome = await pool(peer.url.replace('//', `//${login}@`)).send(mail);

        expect(outcome.kind).to.equal('sent');
        expect(seen).to.deep.equal(['ada@zgoda', 'p:ss word']);
      });
    }

    it('defers when the login is wrong', async () => {
      const peer = await realServer({
        allowInsecureAuth: true,
        disabledCommands: ['STARTTLS'],
        onAuth: (_auth, _session, done) => done(Object.assign(new Error('no'), { responseCode: 535 })),
      });

      const outcome = await pool(peer.url.replace('//', `//${login}@`)).send(mail);

      expect(outcome).to.include({ kind: 'deferred', code: 535 });
    });

    it('takes a self-signed certificate on loopback, with STARTTLS and with smtps', async () => {
      const isSecure: boolean[] = [];
      const onMailFrom: SMTPServerOptions['onMailFrom'] = (_address, session, done) => {
        isSecure.push(session.secure);
        done();
      };
      const upgrading = await realServer({ disabledCommands: ['AUTH'], onMailFrom });
      const encrypted = await realServer({ disabledCommands: ['AUTH'], secure: true, onMailFrom });

      const outcomes = [
        await pool(upgrading.url).send(mail),
        await pool(encrypted.url.replace('smtp:', 'smtps:')).send(mail),
      ];

      expect(outcomes.map(({ kind }) => kind)).to.deep.equal(['sent', 'sent']);
      expect(isSecure).to.deep.equal([true, true]);
    });

    // 127.1 leads to this machine, but is no name that is known to.
    it('does not take it from elsewhere', async () => {
      const peer = await realServer({ disabledCommands: ['AUTH'] });

      const outcome = await pool(`smtp://127.1:${peer.port}`).send(mail);

      expect(outcome).to.include({ kind: 'deferred' });
      expect(outcome.reply).to.match(/^Connection failed: (DEPTH_ZERO_SELF_SIGNED_CERT|CERT_HAS_EXPIRED|ERR_TLS)/);
      expect(peer.received).to.be.empty;
    });

    it('does not send a password in clear to elsewhere', async () => {
      const peer = await scripted({}, ['AUTH PLAIN LOGIN']);

      const outcome = await pool(`smtp://${login}@127.1:${peer.port}`).send(mail);

      expect(outcome.reply).to.include('the password is not sent in clear');
      expect(peer.verbs).to.not.include('AUTH');
    });

    it('refuses to go on when something in clear follows the answer to STARTTLS', async () => {
      const peer = await scripted({ STAR: '220 go\r\n250 injected' } as Script, ['STARTTLS']);

      const outcome = await pool(peer.url).send(mail);

      expect(outcome).to.include({ kind: 'deferred', reply: 'The server spoke in clear after STARTTLS.' });
    });
  });
});
