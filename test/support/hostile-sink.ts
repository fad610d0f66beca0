import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';

/** A mail that came whole. */
export interface Copy {
  readonly to: string;
  readonly messageId: string;
  readonly at: number;
  /** False: it was kept, but the connection was dropped before we said so. */
  readonly isAnswered: boolean;
}

/** An SMTP server that refuses and drops connections at every step, now and then. */
export interface HostileSink {
  readonly url: string;
  readonly copies: Copy[];
  /** How often it misbehaved, by step. */
  readonly troubles: ReadonlyMap<string, number>;
  stop(): Promise<void>;
}

type Trouble = 'drop' | 'later' | 'never';

/** `odds`: of one trouble at one step, 0 to 1. `dice`: a number from 0 to 1. */
export async function startHostileSink(odds: number, dice: () => number): Promise<HostileSink> {
  const copies: Copy[] = [];
  const troubles = new Map<string, number>();
  const sockets = new Set<Socket>();

  const trouble = (step: string, kinds: readonly Trouble[]): Trouble | null => {
    const kind = kinds.find(() => dice() < odds) ?? null;
    if (kind) troubles.set(`${step} ${kind}`, (troubles.get(`${step} ${kind}`) ?? 0) + 1);
    return kind;
  };

  const server = createServer((socket) => {
    let [text, to, isData, isCut] = ['', '', false, false];
    sockets.add(socket);
    socket.setNoDelay(true).on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
    /** Answers a step, or not as one hopes; true when it went well. */
    const answer = (step: string, good: string, kinds: readonly Trouble[] = ['drop', 'later']): boolean => {
      const kind = trouble(step, kinds);
      if (kind === 'drop') socket.destroy();
      else socket.write(kind === null ? good : kind === 'later' ? '451 4.3.0 later\r\n' : '550 5.1.1 nobody here\r\n');
      return kind === null;
    };
    const takeMail = (raw: string): void => {
      const messageId = /^message-id:\s*(\S+)/im.exec(raw)?.[1] ?? '';
      const kind = trouble('dot', ['drop', 'later', 'never']);
      const isLost = kind === 'drop' && dice() < 0.5;
      if (kind === null || (kind === 'drop' && !isLost))
        copies.push({ to, messageId, at: performance.now(), isAnswered: kind === null });
      if (kind === 'drop') socket.destroy();
      else
        socket.write(
          kind === null ? '250 2.0.0 kept\r\n' : kind === 'later' ? '451 4.3.0 later\r\n' : '554 5.6.0 no\r\n',
        );
    };
    const steps: Record<string, (line: string) => void> = {
      EHLO: () => answer('EHLO', '250-sink\r\n250-PIPELINING\r\n250 8BITMIME\r\n', ['drop']),
      MAIL: () => answer('MAIL', '250 2.1.0 ok\r\n'),
      RCPT: (line) => {
        to = answer('RCPT', '250 2.1.5 ok\r\n', ['drop', 'later', 'never']) ? (/<([^>]*)>/.exec(line)?.[1] ?? '') : '';
      },
      DATA: () => {
        if (to === '') socket.write('503 5.5.1 no recipients\r\n');
        else if (answer('DATA', '354 go on\r\n')) [isData, isCut] = [true, trouble('body', ['drop']) !== null];
      },
      RSET: () => socket.write('250 ok\r\n'),
      QUIT: () => socket.end('221 bye\r\n'),
    };
    if (trouble('greeting', ['drop'])) socket.destroy();
    else if (trouble('greeting', ['later'])) socket.end('421 4.3.2 not now\r\n');
    else socket.write('220 sink\r\n');
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
      for (;;) {
        if (isData && isCut) socket.destroy();
        const end = isData ? text.indexOf('\r\n.\r\n') : text.indexOf('\r\n');
        if (end < 0 || socket.destroyed) return;
        const part = text.slice(0, end);
        text = text.slice(end + (isData ? 5 : 2));
        if (isData) {
          isData = false;
          takeMail(part);
          to = '';
        } else steps[part.slice(0, 4).toUpperCase()]?.(part);
      }
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `smtp://127.0.0.1:${(server.address() as AddressInfo).port}`,
    copies,
    troubles,
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
