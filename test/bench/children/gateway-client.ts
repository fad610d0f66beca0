import { connect, type Socket } from 'node:net';
import { answerCalls } from '../child.js';

/*
 * A client of the gateway that costs as little as can be: mails are prebuilt, commands go in a row (PIPELINING). Several connections, each one mail after the other.
 */

interface Order {
  readonly port: number;
  readonly user: string;
  readonly password: string;
  /** The whole mail, before its last dot. */
  readonly mail: string;
  /** Attached bytes, to make a mail large. */
  readonly attachment?: number;
  readonly connections: number;
  /** Recipients, in all; `reader-0@subscribers.example` and so on, from `from`. */
  readonly from: number;
  readonly count: number;
  /** Recipients a mail. */
  readonly together: number;
}

answerCalls({
  send: async (order: Order) => {
    const body = bodyOf(order);
    let next = order.from;
    const end = order.from + order.count;
    const take = (): string[] => {
      const some = Array.from({ length: Math.min(order.together, end - next) }, (_, n) => `reader-${next + n}`);
      next += some.length;
      return some;
    };
    const started = performance.now();
    await Promise.all(
      Array.from({ length: order.connections }, async () => {
        const client = await open(order);
        for (let people = take(); people.length > 0; people = take()) await client.hand(people, body);
        client.socket.end('QUIT\r\n');
      }),
    );
    return performance.now() - started;
  },
});

function bodyOf({ mail, attachment = 0 }: Order): Buffer {
  if (attachment === 0) return Buffer.from(`${mail}\r\n.\r\n`);
  const line = `${'QUJD'.repeat(19)}\r\n`;
  const head =
    'From: letters@bookshop.example\r\nSubject: Large\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=bbbbbbbb\r\n\r\n--bbbbbbbb\r\nContent-Type: text/plain\r\n\r\nSee below.\r\n--bbbbbbbb\r\nContent-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n';
  return Buffer.from(`${head}${line.repeat(Math.ceil(attachment / line.length))}--bbbbbbbb--\r\n.\r\n`);
}

interface Client {
  readonly socket: Socket;
  hand(people: readonly string[], body: Buffer): Promise<void>;
}

async function open({ port, user, password }: Order): Promise<Client> {
  const socket = connect(port, '127.0.0.1');
  socket.setNoDelay(true);
  let text = '';
  let wake: (() => void) | null = null;
  socket.on('data', (more: Buffer) => {
    text += more.toString('latin1');
    wake?.();
  });
  socket.on('error', () => process.exit(1));
  const hear = async (code: string): Promise<void> => {
    for (;;) {
      const found = /^(?:\d{3}-[^\n]*\n)*(\d{3}) [^\n]*\n/.exec(text);
      if (found) {
        text = text.slice(found[0].length);
        if (found[1] !== code) throw new Error(`the gateway says ${found[0]}`);
        return;
      }
      await new Promise<void>((resolve) => (wake = resolve));
    }
  };
  await hear('220');
  socket.write('EHLO bench.example\r\n');
  await hear('250');
  socket.write(`AUTH PLAIN ${Buffer.from(`\0${user}\0${password}`).toString('base64')}\r\n`);
  await hear('235');
  return {
    socket,
    hand: async (people, body) => {
      const recipients = people.map((name) => `RCPT TO:<${name}@subscribers.example>\r\n`).join('');
      socket.write(`MAIL FROM:<crm@bookshop.example>\r\n${recipients}DATA\r\n`);
      await hear('250');
      for (let heard = 0; heard < people.length; heard += 1) await hear('250');
      await hear('354');
      socket.write(body);
      await hear('250');
    },
  };
}
