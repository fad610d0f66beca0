import { expect } from 'chai';
import { startGateway } from '../../server/gateway/listen.js';
import { LIMITS, type Limits } from '../../server/gateway/limits.js';
import { revokeCredential } from '../../server/gateway/revoke-credential.js';
import { sendRecord } from '../../server/staff/access-log.js';
import {
  addReaders,
  envelope,
  hand,
  letter,
  mailer,
  startGatewayTest,
  talkTo,
  type GatewayTest,
  type Login,
  type Talk,
} from '../support/gateway.js';
import { eventually } from '../support/service.js';
import { one, settled } from '../support/state.js';

const ADA = 'ada@readers.example';
const MB = 1024 * 1024;

describe('the gateway, spoken to in SMTP', function () {
  this.timeout(60_000);
  let test: GatewayTest;
  let login: Login;

  before(async () => {
    test = await startGatewayTest();
    await addReaders(test.service.ctx, [ADA]);
    login = await test.login();
  });

  after(async () => test.stop());

  const open = async (): Promise<Talk> => {
    const talk = await talkTo(test.port);
    expect((await talk.login(login)).code).to.equal(235);
    return talk;
  };

  /** What came of one mail to Ada, by its subject. */
  const arrived = (subject: string): number =>
    test.mailsTo(ADA).filter(({ raw }) => String(raw).split('\r\n\r\n')[0]?.includes(`Subject: ${subject}\r\n`)).length;
  const titled = (subject: string): string => letter().replace('Subject: New books', `Subject: ${subject}`);

  /** Another gateway on the same data, with limits of its own. */
  const withLimits = async (limits: Partial<Limits>, work: (port: number) => Promise<void>): Promise<void> => {
    const gateway = await startGateway(test.service.ctx, sendRecord, { ...LIMITS, ...limits });
    try {
      await work(gateway.port);
    } finally {
      await gateway.stop();
    }
  };

  it('is no open relay: nobody says anything without a credential', async () => {
    const talk = await talkTo(test.port);

    const said = [
      await talk.say('MAIL FROM:<letters@bookshop.example>'),
      await talk.say(`RCPT TO:<${ADA}>`),
      await talk.say('DATA'),
      await talk.say('VRFY ada'),
    ];
    talk.cut();

    expect(said.map(({ code }) => code)).to.deep.equal([530, 530, 530, 500]);
  });

  it('tells what it can', async () => {
    const talk = await talkTo(test.port);

    const { text } = await talk.say('EHLO client.example');
    talk.cut();

    for (const word of ['PIPELINING', '8BITMIME', 'SMTPUTF8', 'AUTH PLAIN LOGIN', `SIZE ${40 * MB}`])
      expect(text).to.contain(word);
    expect(text).not.to.contain('STARTTLS');
  });

  it('answers wrong passwords late, all alike, and hangs up after three', async () => {
    const talk = await talkTo(test.port);
    const wrong = [
      { ...login, pass: 'wrong' },
      { ...login, user: 'zg-0123456789abcdef' },
      { ...login, user: ADA },
    ];

    const said = [];
    for (const one of wrong) said.push(await talk.login(one));
    const end = await talk.hear().catch((error: unknown) => error as Error);

    expect(new Set(said.map(({ text }) => text)).size).to.equal(1);
    expect(said[0]?.code).to.equal(535);
    expect(end).to.have.property('text').that.matches(/^421/);
  });

  it('asks nobody for a password who had too many wrong ones', async () => {
    await withLimits({ failures: 2 }, async (port) => {
      const [first, second] = [await talkTo(port), await talkTo(port)];
      for (const talk of [first, second]) await talk.login({ ...login, pass: 'wrong' });

      const said = await first.login(login);
      for (const talk of [first, second]) talk.cut();

      expect(said.code).to.equal(454);
    });
  });

  it('lets a revoked credential hand in nothing more, also in an open session', async () => {
    const other = await test.login();
    const talk = await talkTo(test.port);
    await talk.login(other);
    await envelope(talk, [ADA]);

    await revokeCredential(test.service.ctx, { userName: other.user, by: { who: 'operator', isOwner: true } });
    const said = await hand(talk, titled('Revoked'));
    const again = await (await talkTo(test.port)).login(other);

    expect(said.code).to.equal(535);
    expect(again.code).to.equal(535);
    await settled(test.service.ctx);
    expect(arrived('Revoked')).to.equal(0);
  });

  it('signs for no other domain, and for no From of two or none', async () => {
    const froms = [
      'From: letters@other.example',
      'From: letters@sub.bookshop.example',
      'From: a@bookshop.example, b@bookshop.example',
      'From: a@bookshop.example\r\nFrom: b@other.example',
      'From: "a@bookshop.example" <b@other.example>',
      'X-From: a@bookshop.example',
      'From: a@bookshop.example\r\nnot a field\r\nFrom : b@other.example',
    ];
    const talk = await open();

    const codes = [];
    for (const from of froms) {
      await envelope(talk, [ADA]);
      codes.push((await hand(talk, titled('Spoof').replace(/^From:.*/m, from))).code);
    }
    talk.cut();

    expect(codes).to.deep.equal([550, 550, 554, 554, 550, 554, 554]);
  });

  it('stops what goes in a circle', async () => {
    const talk = await open();
    await envelope(talk, [ADA]);

    const said = await hand(talk, 'Received: by a.example; Mon, 1 Jan 2026 00:00:00 +0000\r\n'.repeat(31) + letter());
    talk.cut();

    expect(said.code).to.equal(554);
  });

  it('adds Date and Message-ID where they lack, and keeps them where not', async () => {
    const talk = await open();
    await envelope(talk, [ADA]);
    await hand(talk, titled('Bare'));
    await envelope(talk, [ADA]);
    await hand(
      talk,
      `Message-ID: <mine@bookshop.example>\r\nDate: Mon, 30 Nov 2026 01:00:00 +0100\r\n${titled('Full')}`,
    );
    talk.cut();
    await eventually(async () => Promise.resolve(expect([arrived('Bare'), arrived('Full')]).to.deep.equal([1, 1])));

    const [bare, full] = ['Bare', 'Full'].map((subject) =>
      String(test.mailsTo(ADA).find(({ raw }) => raw.includes(`Subject: ${subject}\r\n`))?.raw),
    );
    expect(bare)
      .to.match(/^Message-ID: <[\w-]+@bookshop\.example>\r$/m)
      .and.match(/^Date: \w{3}, /m);
    expect(full?.match(/^Message-ID: .*/gm)).to.deep.equal(['Message-ID: <mine@bookshop.example>\r'.trim()]);
    expect(full?.match(/^Date: /gm)).to.have.length(1);
  });

  describe('with lines that others would read otherwise', () => {
    const smuggled = `MAIL FROM:<letters@bookshop.example>\r\nRCPT TO:<${ADA}>\r\nDATA\r\n${letter().replace('New books', 'Smuggled')}`;
    const ends: Record<string, string> = {
      'LF dot LF': '\n.\n',
      'LF dot CRLF': '\n.\r\n',
      'CR dot CR': '\r.\r',
      'CRLF dot CR': '\r\n.\r',
      'CR dot CRLF': '\r.\r\n',
      'CRLF dot LF': '\r\n.\n',
    };

    for (const [name, end] of Object.entries(ends)) {
      it(`lets nothing be smuggled behind ${name}`, async () => {
        const talk = await open();
        await envelope(talk, [ADA]);
        await talk.say('DATA');

        const said = await talk.say(`${titled(`Outer ${name}`)}text${end}${smuggled}\r\n.`);
        const after = await talk.say('NOOP');
        talk.cut();
        await settled(test.service.ctx);

        expect(after.code, after.text).to.equal(250);
        expect(arrived('Smuggled')).to.equal(0);
        expect(arrived(`Outer ${name}`)).to.equal(said.code === 250 ? 1 : 0);
        for (const { raw } of test.sink.mails) expect(raw.toString('latin1')).not.to.match(/\r(?!\n)|(?<!\r)\n/);
      });
    }
  });

  it('refuses what is too large, announced or not, and goes on', async () => {
    const talk = await open();
    const announced = await talk.say(`MAIL FROM:<crm@bookshop.example> SIZE=${50 * MB}`);
    await envelope(talk, [ADA]);
    await talk.say('DATA');
    talk.write(titled('Large'));
    const line = Buffer.from(`${'x'.repeat(1022)}\r\n`.repeat(1024));
    for (let mb = 0; mb < 50; mb += 1) talk.write(line);

    const said = await talk.say('.');
    const after = await talk.say('NOOP');
    talk.cut();

    expect(announced.code).to.equal(552);
    expect([said.code, after.code], said.text).to.deep.equal([552, 250]);
    // What earlier mails left goes with their outcome.
    await eventually(async () =>
      expect(await one(test.service.ctx, 'select count(*)::int from gateway_chunk')).to.equal(0),
    );
  });

  it('takes a mail of 12 MB, whole', async () => {
    const body = Buffer.alloc(9 * MB, 'Zgoda')
      .toString('base64')
      .replace(/.{76}/g, '$&\r\n');
    const raw = `From: letters@bookshop.example\r\nSubject: Big\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=bbbb\r\n\r\n--bbbb\r\nContent-Type: text/plain\r\n\r\nSee below.\r\n--bbbb\r\nContent-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n${body}\r\n--bbbb--\r\n`;
    const client = mailer(test.port, login);

    const sent = await client.sendMail({ envelope: { from: 'crm@bookshop.example', to: [ADA] }, raw });
    client.close();
    await eventually(async () => Promise.resolve(expect(arrived('Big')).to.equal(1)), 30_000);

    expect(sent.response).to.match(/^250/);
    const mail = String(test.mailsTo(ADA).find(({ raw: one }) => one.includes('Subject: Big\r\n'))?.raw);
    expect(mail.includes(body)).to.be.true;
    expect(mail).to.match(/\/u\/[\w-]+/);
  });

  it('hangs up on who trickles: before the password, and within a mail', async () => {
    await withLimits({ strangerMs: 200, slowMs: 300 }, async (port) => {
      const stranger = await talkTo(port);
      const slow = await talkTo(port);
      await slow.login(login);
      await envelope(slow, [ADA]);
      await slow.say('DATA');
      slow.write('From: letters');

      const said = [await stranger.hear(), await slow.hear()];

      expect(said.map(({ code }) => code)).to.deep.equal([421, 421]);
    });
  });

  it('has room for so many at a time, in all and of one address', async () => {
    await withLimits({ connectionsOfOne: 2 }, async (port) => {
      const two = [await talkTo(port), await talkTo(port)];

      const third = await talkTo(port).catch((error: unknown) => error as Error);
      for (const talk of two) talk.cut();

      expect(third).to.be.instanceOf(Error);
      await eventually(async () => (await talkTo(port)).cut());
    });
  });

  it('takes so many recipients in a transaction and in a minute, and the others later', async () => {
    await withLimits({ recipients: 2, recipientsAMinute: 3 }, async (port) => {
      const talk = await talkTo(port);
      await talk.login(await test.login({ policy: 'skip' }));
      const to = ['a', 'b', 'c'].map((name) => `${name}@readers.example`);

      const first = await envelope(talk, to);
      await talk.say('RSET');
      const second = await envelope(talk, to);
      talk.cut();

      expect(first.map(({ code }) => code)).to.deep.equal([250, 250, 452]);
      expect(second.map(({ code }) => code)).to.deep.equal([250, 451, 451]);
    });
  });

  it('sends what it answered 250, and nothing else, wherever the connection is cut', async () => {
    const steps: Record<string, (talk: Talk) => Promise<unknown>> = {
      MAIL: async (talk) => talk.say('MAIL FROM:<crm@bookshop.example>'),
      RCPT: async (talk) => envelope(talk, [ADA]),
      DATA: async (talk) => {
        await envelope(talk, [ADA]);
        return talk.say('DATA');
      },
      header: async (talk) => {
        await envelope(talk, [ADA]);
        await talk.say('DATA');
        talk.write('From: letters@bookshop.example\r\nSubject: Cut header\r\n');
      },
      body: async (talk) => {
        await envelope(talk, [ADA]);
        await talk.say('DATA');
        talk.write(titled('Cut body'));
      },
      'large body': async (talk) => {
        await envelope(talk, [ADA]);
        await talk.say('DATA');
        talk.write(titled('Cut large') + `${'x'.repeat(998)}\r\n`.repeat(2_000));
      },
      'half a dot': async (talk) => {
        await envelope(talk, [ADA]);
        await talk.say('DATA');
        talk.write(`${titled('Cut dot')}.\r`);
      },
      answer: async (talk) => {
        await envelope(talk, [ADA]);
        expect((await hand(talk, titled('Cut answered'))).code).to.equal(250);
      },
    };

    for (const act of Object.values(steps)) {
      const talk = await open();
      await act(talk);
      talk.cut();
    }
    await eventually(async () => Promise.resolve(expect(arrived('Cut answered')).to.equal(1)));
    await settled(test.service.ctx);

    for (const subject of ['header', 'body', 'large', 'dot']) expect(arrived(`Cut ${subject}`), subject).to.equal(0);
    expect(arrived('Cut answered')).to.equal(1);
    await eventually(async () => {
      expect(await one(test.service.ctx, 'select count(*)::int from gateway_chunk')).to.equal(0);
    });
  });

  it('takes commands in a row (PIPELINING)', async () => {
    const talk = await open();

    talk.write(`MAIL FROM:<crm@bookshop.example>\r\nRCPT TO:<${ADA}>\r\nRCPT TO:<no@readers.example>\r\nDATA\r\n`);
    const said = [await talk.hear(), await talk.hear(), await talk.hear(), await talk.hear()];
    const done = await talk.say(`${titled('Piped')}.`);
    talk.cut();

    expect([...said, done].map(({ code }) => code)).to.deep.equal([250, 250, 550, 354, 250]);
    await eventually(async () => Promise.resolve(expect(arrived('Piped')).to.equal(1)));
  });
});
