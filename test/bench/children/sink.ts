import { createServer, type AddressInfo, type Socket } from 'node:net';
import { answerCalls } from '../child.js';

/*
 * A bare SMTP server that takes everything and keeps nothing but counts and, when asked, confirmation links. Its own few
 * lines: smtp-server would be the bottleneck of what is measured. Answers to commands that came together leave together, as
 * RFC 2920 3.2 asks of servers.
 */

const END = Buffer.from('\r\n.\r\n');
let mails = 0;
let bytes = 0;
let firstAt = 0;
let lastAt = 0;
let isCollecting = false;
let links: string[] = [];

const server = createServer((socket) => {
  socket.setNoDelay(true);
  socket.on('error', () => undefined);
  socket.write('220 sink ESMTP\r\n');
  const session = new Session(socket);
  socket.on('data', (chunk: Buffer) => {
    socket.cork();
    session.read(chunk);
    socket.uncork();
  });
});

class Session {
  #isData = false;
  #rest: Buffer = Buffer.alloc(0);
  #body: Buffer[] = [];

  constructor(private readonly socket: Socket) {}

  read(chunk: Buffer): void {
    let left = this.#rest.length > 0 ? Buffer.concat([this.#rest, chunk]) : chunk;
    this.#rest = Buffer.alloc(0);
    while (left.length > 0) {
      const end = this.#isData ? left.indexOf(END) : left.indexOf(0x0a);
      if (end === -1) {
        this.#keep(left);
        return;
      }
      if (this.#isData) {
        this.#takeMail(left.subarray(0, end));
        left = left.subarray(end + END.length);
      } else {
        this.#obey(left.subarray(0, 4).toString('latin1').toUpperCase());
        left = left.subarray(end + 1);
      }
    }
  }

  // Of a mail only as much must wait as may be the start of its end.
  #keep(left: Buffer): void {
    const from = this.#isData ? Math.max(0, left.length - END.length + 1) : 0;
    if (this.#isData) {
      bytes += from;
      if (isCollecting) this.#body.push(left.subarray(0, from));
    }
    this.#rest = left.subarray(from);
  }

  #obey(verb: string): void {
    if (verb === 'EHLO') this.socket.write('250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n');
    else if (verb === 'DATA') {
      this.#isData = true;
      this.socket.write('354 go on\r\n');
    } else if (verb === 'QUIT') this.socket.end('221 bye\r\n');
    else this.socket.write('250 ok\r\n');
  }

  #takeMail(tail: Buffer): void {
    this.#isData = false;
    mails += 1;
    bytes += tail.length + END.length;
    lastAt = performance.now();
    firstAt ||= lastAt;
    if (isCollecting) {
      const mail = Buffer.concat([...this.#body, tail]).toString('latin1');
      // Below the header: in a signature's base64 anything can stand, once in some thousand mails this too.
      const text = mail.slice(mail.indexOf('\r\n\r\n')).replaceAll('=\r\n', '');
      const link = /\/c\/[A-Za-z0-9_-]{40,}/.exec(text)?.[0];
      if (link) links.push(link);
    }
    this.#body = [];
    this.socket.write('250 taken\r\n');
  }
}

answerCalls({
  listen: async () =>
    new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port))),
  counts: () => ({ mails, bytes, firstAt, lastAt }),
  reset: ({ collect }: { collect: boolean }) => {
    [mails, bytes, firstAt, lastAt] = [0, 0, 0, 0];
    isCollecting = collect;
  },
  /** Confirmation links that came since they were last asked for. */
  links: () => {
    const taken = links;
    links = [];
    return taken;
  },
});
