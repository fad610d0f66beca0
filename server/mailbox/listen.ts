import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { SMTPServer, type SMTPServerDataStream, type SMTPServerSession } from 'smtp-server';
import type { Logger } from '../logger.js';
import type { Mailbox } from './store.js';

const LIMIT = 30_000_000;

export interface RunningMailbox {
  /** For SMTP_URL. */
  readonly url: string;
  readonly stop: () => Promise<void>;
}

/** Takes mail for anybody, on this machine only, into the mailbox. 250 means that the file is in its place. */
export async function startMailbox({ mailbox, logger }: { mailbox: Mailbox; logger: Logger }): Promise<RunningMailbox> {
  const server = new SMTPServer({
    name: 'mailbox.localhost',
    size: LIMIT,
    authOptional: true,
    disabledCommands: ['AUTH', 'STARTTLS'],
    disableReverseLookup: true,
    closeTimeout: 1_000,
    onData(stream, session, callback) {
      receive(mailbox, stream, session).then(
        (id) => callback(null, `2.0.0 kept as ${id}`),
        (error: unknown) => {
          if (error instanceof TooLarge) {
            callback(error);
            return;
          }
          logger.error({ err: error }, 'the mailbox could not keep a mail');
          callback(Object.assign(new Error('4.3.0 the mail could not be kept'), { responseCode: 451 }));
        },
      );
    },
  });
  server.on('error', (error: Error) => logger.debug({ err: error }, 'mailbox connection'));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.server.address() as AddressInfo;
  return {
    url: `smtp://127.0.0.1:${port}`,
    stop: async () => new Promise((resolve) => server.close(() => resolve())),
  };
}

class TooLarge extends Error {
  readonly responseCode = 552;
}

/** One mail for each recipient; the id of the last. */
async function receive(mailbox: Mailbox, stream: SMTPServerDataStream, session: SMTPServerSession): Promise<string> {
  const raw = await readAll(stream);
  const { mailFrom, rcptTo } = session.envelope;
  let id = '';
  for (const { address } of rcptTo)
    id = await mailbox.add({ from: mailFrom ? mailFrom.address : '', to: address, raw });
  return id;
}

// Events, not `for await`: it would cost as much as all the rest.
async function readAll(stream: SMTPServerDataStream): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    let chunks: Buffer[] = [];
    let bytes = 0;
    stream.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      // The rest of a mail that is too large is read, as SMTP wants, and thrown away.
      if (bytes > LIMIT) chunks = [];
      else chunks.push(chunk);
    });
    stream.on('end', () =>
      bytes > LIMIT ? reject(new TooLarge(`5.3.4 the limit is ${LIMIT} bytes`)) : resolve(Buffer.concat(chunks, bytes)),
    );
    stream.on('error', reject);
  });
}
