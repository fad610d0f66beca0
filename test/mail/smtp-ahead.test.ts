import { expect } from 'chai';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { makeLogger } from '../../server/logger.js';
import { makeSmtpPool, type SmtpMail, type SmtpPool } from '../../server/mail/smtp.js';

/** A server that offers PIPELINING, notes what arrives in which chunk, and may answer otherwise than 250. */
interface Peer {
  readonly url: string;
  /** What arrived: commands, and `body` for the end of a message, as one text a chunk. */
  readonly chunks: string[];
  /** Recipients whose message arrived whole. */
  readonly taken: string[];
  accepted(): number;
}

/** The answer to the `nth` of its kind, from 1; null: the usual one; `drop`: the connection is lost. */
type Answer = (verb: string, nth: number) => string | null | Promise<string | null>;

const cleanUps: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

async function listen(answer: Answer = () => null, offers = 'PIPELINING'): Promise<Peer> {
  const [chunks, taken]: [string[], string[]] = [[], []];
  const counts = new Map<string, number>();
  const sockets = new Set<Socket>();
  let accepted = 0;
  const server = createServer((socket) => {
    accepted += 1;
    sockets.add(socket);
    let [rest, to, isData] = ['', '', false];
    let last = Promise.resolve();
    const say = (verb: string, usual: string): boolean => {
      const nth = (counts.get(verb) ?? 0) + 1;
      counts.set(verb, nth);
      const said = answer(verb, nth);
      last = last.then(async () => {
        const line = (await said) ?? usual;
        if (line === 'drop') socket.destroy();
        else if (!socket.destroyed) socket.write(`${line}\r\n`);
      });
      return verb === 'DATA' && said === null;
    };
    socket.on('error', () => undefined);
    socket.write('220 peer.example\r\n');
    socket.on('data', (chunk: Buffer) => {
      rest += chunk.toString('latin1');
      const heard: string[] = [];
      for (;;) {
        const isEmpty = isData && rest.startsWith('.\r\n');
        const end = isEmpty ? 0 : rest.indexOf(isData ? '\r\n.\r\n' : '\r\n');
        if (end === -1) break;
        const verb = isData ? 'body' : rest.slice(0, 4).toUpperCase();
        if (verb === 'RCPT') to = /<(.*)>/.exec(rest.slice(0, end))?.[1] ?? '';
        rest = rest.slice(end + (isEmpty ? 3 : isData ? 5 : 2));
        if (verb === 'body' && !isEmpty) taken.push(to);
        heard.push(verb);
        isData = say(verb, usualAnswer(verb, offers));
      }
      if (heard.length > 0) chunks.push(heard.join(' '));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanUps.push(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  return {
    ...{ url: `smtp://127.0.0.1:${(server.address() as AddressInfo).port}`, chunks, taken },
    accepted: () => accepted,
  };
}

function usualAnswer(verb: string, offers: string): string {
  if (verb === 'EHLO') return `250-peer.example\r\n250 ${offers}`;
  return verb === 'DATA' ? '354 go on' : '250 2.0.0 fine';
}

function poolTo(peer: Peer, connections = 1): SmtpPool {
  const pool = makeSmtpPool({ url: peer.url, logger: makeLogger('silent'), name: 'zgoda.example', connections });
  cleanUps.push(async () => pool.close());
  return pool;
}

function mailTo(to: string, body = 'Hi'): SmtpMail {
  return { from: 'b+vx2@bounces.zgoda.example', to, message: Buffer.from(`Subject: Hi\r\n\r\n${body}\r\n`) };
}

const PEOPLE = ['ada@example.org', 'boris@example.org', 'cleo@example.org'];

describe('mail/smtp: the next mail is announced with the end of the last', () => {
  it('sends the commands of a mail that waits in the write that ends the one before (RFC 2920 3.1)', async () => {
    const peer = await listen();
    const pool = poolTo(peer);

    const outcomes = await Promise.all(PEOPLE.map(async (to) => pool.send(mailTo(to))));

    expect(outcomes.map(({ kind }) => kind)).to.deep.equal(['sent', 'sent', 'sent']);
    expect(peer.taken).to.deep.equal(PEOPLE);
    expect(peer.chunks).to.deep.equal(['EHLO', 'MAIL RCPT DATA', 'body MAIL RCPT DATA', 'body MAIL RCPT DATA', 'body']);
  });

  it('announces nothing to a server that does not offer PIPELINING, or when nobody waits', async () => {
    const plain = await listen(undefined, 'SIZE 1000000');
    const pool = poolTo(plain);
    await Promise.all(PEOPLE.map(async (to) => pool.send(mailTo(to))));
    const peer = await listen();
    for (const to of PEOPLE) await poolTo(peer).send(mailTo(to));

    expect(plain.chunks.filter((chunk) => chunk.includes(' '))).to.deep.equal([]);
    expect(peer.chunks.filter((chunk) => chunk.startsWith('body '))).to.deep.equal([]);
  });

  it('announces after a large message too, of which all but the end was sent before', async () => {
    const peer = await listen();
    const pool = poolTo(peer);

    const outcomes = await Promise.all(
      PEOPLE.map(async (to) => pool.send(mailTo(to, '0123456789\r\n'.repeat(20_000)))),
    );

    expect(outcomes.map(({ kind }) => kind)).to.deep.equal(['sent', 'sent', 'sent']);
    expect(peer.taken).to.deep.equal(PEOPLE);
  });

  // What the server does at the nth time; what becomes of the three; who got a message, one for each time that it arrived.
  const cases: [string, Answer, string[], string[]][] = [
    [
      'the first is refused at its end: the announced one goes',
      (verb, nth) => (verb === 'body' && nth === 1 ? '554 5.7.1 no' : null),
      ['refused', 'sent', 'sent'],
      PEOPLE,
    ],
    [
      'the announced recipient is refused: the next starts anew on the same connection',
      (verb, nth) => (verb === 'RCPT' && nth === 2 ? '550 5.1.1 gone' : verb === 'DATA' && nth === 2 ? '503 no' : null),
      ['sent', 'refused', 'sent'],
      ['ada@example.org', 'cleo@example.org'],
    ],
    [
      'the server waits for a message to the refused recipient: it gets none',
      (verb, nth) => (verb === 'RCPT' && nth === 2 ? '550 5.1.1 gone' : null),
      ['sent', 'refused', 'sent'],
      ['ada@example.org', 'cleo@example.org'],
    ],
    [
      'the connection is lost at the end of the first: it alone is in doubt, the announced one goes on another',
      (verb, nth) => (verb === 'body' && nth === 1 ? 'drop' : null),
      ['unknown', 'sent', 'sent'],
      PEOPLE,
    ],
    [
      'the server hangs up after the answer to the first',
      (verb, nth) => (verb === 'MAIL' && nth === 2 ? 'drop' : null),
      ['sent', 'sent', 'sent'],
      PEOPLE,
    ],
    [
      'the server has had enough mails on this connection',
      (verb, nth) => (verb === 'MAIL' && nth === 2 ? '421 4.7.0 enough' : null),
      ['sent', 'sent', 'sent'],
      PEOPLE,
    ],
    [
      'the server says 421 at the end of the first, and still answers what was announced',
      (verb, nth) => (verb === 'body' && nth === 1 ? '421 4.3.2 shutting down' : null),
      ['deferred', 'sent', 'sent'],
      PEOPLE,
    ],
    [
      'the server hangs up when it should wait for the announced message',
      (verb, nth) => (verb === 'DATA' && nth === 2 ? 'drop' : null),
      ['sent', 'sent', 'sent'],
      PEOPLE,
    ],
    [
      'the announced message arrives and the connection is lost: it alone is in doubt',
      (verb, nth) => (verb === 'body' && nth === 2 ? 'drop' : null),
      ['sent', 'unknown', 'sent'],
      PEOPLE,
    ],
  ];
  for (const [what, answer, kinds, taken] of cases) {
    it(`tells each mail what became of it: ${what}`, async () => {
      const peer = await listen(answer);
      const pool = poolTo(peer);

      const outcomes = await Promise.all(PEOPLE.map(async (to) => pool.send(mailTo(to))));

      expect(outcomes.map(({ kind }) => kind)).to.deep.equal(kinds);
      expect([...peer.taken].sort()).to.deep.equal([...taken].sort());
      expect(pool.inFlight).to.equal(0);
    });
  }

  it('holds back a mail that was stopped between its announcement and its message', async () => {
    let mayGo = true;
    const peer = await listen((verb, nth) => {
      if (verb === 'body' && nth === 1) mayGo = false;
      return null;
    });
    const pool = poolTo(peer);

    const outcomes = await Promise.all([
      pool.send(mailTo('ada@example.org')),
      pool.sendIf(mailTo('boris@example.org'), () => mayGo),
      pool.send(mailTo('cleo@example.org')),
    ]);

    expect(outcomes.map((outcome) => outcome?.kind)).to.deep.equal(['sent', undefined, 'sent']);
    expect(peer.taken).to.deep.equal(['ada@example.org', 'cleo@example.org']);
    // There was no other way to take the announcement back.
    expect(peer.accepted()).to.equal(2);
  });

  it('defers an announced mail when the service stops, and finishes the one before', async () => {
    let answerNow: (() => void) | undefined;
    let arrived: (() => void) | undefined;
    const isThere = new Promise<void>((resolve) => {
      arrived = resolve;
    });
    const peer = await listen((verb): ReturnType<Answer> => {
      if (verb !== 'body') return null;
      arrived?.();
      return new Promise((resolve) => {
        answerNow = () => resolve(null);
      });
    });
    const pool = poolTo(peer);
    const sending = PEOPLE.map(async (to) => pool.send(mailTo(to)));
    await isThere;

    const closed = pool.close();
    const kinds = [(await sending[1])?.kind, (await sending[2])?.kind];
    answerNow?.();
    await closed;

    expect(kinds).to.deep.equal(['deferred', 'deferred']);
    expect((await sending[0])?.kind).to.equal('sent');
    expect(peer.taken).to.deep.equal(['ada@example.org']);
  });
});
