import type { AddressInfo } from 'node:net';
import { SMTPServer, type SMTPServerAddress } from 'smtp-server';
import type { Context } from '../context.js';
import { openAddressToken } from '../links/token.js';
import { consentByRef } from '../consent/find.js';
import { withdraw } from '../consent/withdraw.js';
import { Refusal } from '../errors.js';

export interface Inbound {
  readonly port: number;
  readonly stop: () => Promise<void>;
}

const MAX_BYTES = 256 * 1024;

/**
 * Takes mail to our own addresses. `u+<token>@` unsubscribes (M-28): the token alone decides, body and sender are not looked at, and nothing is ever
 * answered by mail. Whatever else comes is refused at RCPT, so that this is no relay.
 */
export async function startInbound(ctx: Context): Promise<Inbound> {
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['AUTH', 'STARTTLS'],
    banner: 'zgoda inbound',
    size: MAX_BYTES,
    socketTimeout: 60_000,
    closeTimeout: 2000,
    maxClients: 100,
    disableReverseLookup: true,
    logger: false,
    onRcptTo: (address, _session, callback) => {
      isOurs(ctx, address).then(
        (ours) => callback(ours ? null : smtpError(550, 'no such address here')),
        () => callback(smtpError(451, 'please try later')),
      );
    },
    onData: (stream, session, callback) => {
      let bytes = 0;
      stream.on('data', (chunk: Buffer) => (bytes += chunk.length));
      stream.on('error', () => undefined);
      stream.on('end', () => {
        // smtp-server announces SIZE and does not enforce it.
        if (bytes > MAX_BYTES) {
          callback(smtpError(552, 'message too large'));
          return;
        }
        unsubscribeAll(ctx, session.envelope.rcptTo).then(
          () => callback(null, 'unsubscribed'),
          () => callback(smtpError(451, 'please try later')),
        );
      });
    },
  });
  server.on('error', (error) => ctx.logger.warn({ err: error }, 'a connection to the inbound port failed'));
  await new Promise<void>((resolve, reject) => {
    server.server.once('error', (error: NodeJS.ErrnoException) =>
      reject(new Refusal('config-invalid', `INBOUND_PORT ${ctx.config.inboundPort}: ${error.code ?? error.message}`)),
    );
    server.listen(ctx.config.inboundPort, ctx.config.host, resolve);
  });
  return {
    port: (server.server.address() as AddressInfo).port,
    stop: async () => new Promise((resolve) => server.close(() => resolve())),
  };
}

async function unsubscribeAll(ctx: Context, recipients: readonly SMTPServerAddress[]): Promise<void> {
  for (const recipient of recipients) {
    const found = await findConsent(ctx, recipient);
    if (found) await withdraw(ctx, found.consent.id, 'mail');
  }
}

// An erased person's address still takes mail: a true token must end well.
async function isOurs(ctx: Context, recipient: SMTPServerAddress): Promise<boolean> {
  return Promise.resolve(tokenOf(ctx, recipient) !== null);
}

async function findConsent(ctx: Context, recipient: SMTPServerAddress): ReturnType<typeof consentByRef> {
  const ref = tokenOf(ctx, recipient);
  return ref && consentByRef(ctx, 'mailto_ref', ref);
}

function tokenOf(ctx: Context, { address }: SMTPServerAddress): Buffer | null {
  const token = /^u\+([a-z2-7]{32})@/i.exec(address)?.[1];
  if (!token) return null;
  try {
    return openAddressToken(ctx.keyring, 'x', token);
  } catch (error) {
    if (error instanceof Refusal) return null;
    throw error;
  }
}

function smtpError(responseCode: number, message: string): Error {
  return Object.assign(new Error(message), { responseCode });
}
