import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { simpleParser, type ParsedMail } from 'mailparser';
import { SMTPServer } from 'smtp-server';

/** A mail that a sink said 250 to. */
export interface SunkMail {
  /** Of the envelope. */
  readonly from: string;
  readonly to: string;
  readonly raw: Buffer;
  readonly messageId: string;
  readonly at: Date;
}

/** An SMTP server that takes mail, counts it, and can misbehave. */
export interface Sink {
  readonly url: string;
  readonly port: number;
  /** In the order of their 250. */
  readonly mails: SunkMail[];
  /** Mails whose DATA has begun, answered or not. */
  readonly begun: () => number;
  parsed(mail: SunkMail | undefined): Promise<ParsedMail>;
  stop(): Promise<void>;
}

export interface SinkOptions {
  readonly port?: number;
  /** Runs when a mail has come whole, before it is answered: throw to refuse it, with `responseCode`. */
  readonly onMail?: (mail: SunkMail) => Promise<void>;
  /** It offers no 8BITMIME. */
  readonly isSevenBit?: boolean;
}

/** Starts a sink on this machine. */
export async function startSink({ port = 0, onMail, isSevenBit = false }: SinkOptions = {}): Promise<Sink> {
  const mails: SunkMail[] = [];
  let begun = 0;
  const server = new SMTPServer({
    ...{ authOptional: true, hide8BITMIME: isSevenBit },
    disabledCommands: ['AUTH', 'STARTTLS'],
    disableReverseLookup: true,
    closeTimeout: 200,
    onData: (stream, session, callback) => {
      begun += 1;
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        const raw = Buffer.concat(chunks);
        const messageId = /^message-id:\s*(\S+)/im.exec(raw.toString('latin1'))?.[1] ?? '';
        const { mailFrom, rcptTo } = session.envelope;
        const from = mailFrom ? mailFrom.address : '';
        const mail = { from, to: rcptTo[0]?.address ?? '', raw, messageId, at: new Date() };
        (onMail?.(mail) ?? Promise.resolve()).then(
          () => {
            mails.push(mail);
            callback(null, 'kept');
          },
          (error: unknown) => callback(error as Error),
        );
      });
    },
  });
  server.on('error', () => undefined);
  await once(server.listen(port, '127.0.0.1'), 'listening');
  const address = server.server.address() as AddressInfo;
  return {
    url: `smtp://127.0.0.1:${address.port}`,
    port: address.port,
    mails,
    begun: () => begun,
    parsed: async (mail) => simpleParser(mail?.raw ?? Buffer.alloc(0)),
    stop: async () => new Promise((resolve) => server.close(() => resolve())),
  };
}

/** What an SMTP server answers instead of 250. */
export function smtpRefusal(responseCode: number, text: string): Error {
  return Object.assign(new Error(text), { responseCode });
}
