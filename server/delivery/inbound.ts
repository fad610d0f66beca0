import type { AddressInfo } from 'node:net';
import { SMTPServer, type SMTPServerAddress, type SMTPServerDataStream, type SMTPServerSession } from 'smtp-server';
import type { Context } from '../context.js';
import { openAddressToken, openReplyToken } from '../links/token.js';
import { consentByRef } from '../consent/find.js';
import { withdraw } from '../consent/withdraw.js';
import { Refusal } from '../errors.js';
import { NotCounted } from '../mail/dkim-signature.js';
import { LATER } from './check-dkim.js';
import { takeReply, type HowToJudge } from './take-reply.js';

export interface Inbound {
  readonly port: number;
  readonly stop: () => Promise<void>;
}

const MAX_BYTES = 256 * 1024;

/**
 * Takes mail to our own addresses. `u+<token>@` unsubscribes (M-28): the token alone decides, body and sender are not looked at. `y+<token>@` takes answers that
 * confirm, where a list allows it (T14). Nothing is ever answered by mail, and whatever else comes is refused at RCPT, so that this is no relay.
 */
export async function startInbound(ctx: Context, how: HowToJudge): Promise<Inbound> {
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
    onRcptTo: (address, session, callback) => callback(whyNot(ctx, address, session.envelope.rcptTo)),
    onData: (stream, session, callback) => {
      takeMail(ctx, how, stream, session).then(
        (said) => callback(null, said),
        (error: unknown) => {
          if (!isAnswer(error)) ctx.logger.warn({ err: error }, 'a mail that came in could not be taken');
          callback(isAnswer(error) ? error : smtpError(451, 'please try later'));
        },
      );
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

/** null: it is taken. An erased person's address still takes mail: a true token must end well. */
function whyNot(ctx: Context, to: SMTPServerAddress, others: readonly SMTPServerAddress[]): Error | null {
  const isAnswer = secretOf(ctx, to) !== null;
  if (!isAnswer && !refOf(ctx, to)) return smtpError(550, 'no such address here');
  // One answer to the whole mail cannot say yes to one and no to another: the sender brings the rest by itself.
  const isMixed = others.length > 0 && (isAnswer || others.some((other) => secretOf(ctx, other) !== null));
  return isMixed ? smtpError(452, 'one address at a time, please') : null;
}

/** What is said to the sender. Throws what is said when it is no. */
async function takeMail(
  ctx: Context,
  how: HowToJudge,
  stream: SMTPServerDataStream,
  { envelope }: SMTPServerSession,
): Promise<string> {
  const [to] = envelope.rcptTo;
  const secret = to ? secretOf(ctx, to) : null;
  const raw = await read(stream, secret !== null);
  if (!to || !secret) {
    for (const recipient of envelope.rcptTo) await unsubscribe(ctx, recipient);
    return 'unsubscribed';
  }
  const sender = envelope.mailFrom ? envelope.mailFrom.address : '';
  const answer = await takeReply(ctx, { secret, to: to.address, sender, raw }, how);
  if (answer === LATER) throw smtpError(451, 'the DNS does not answer: please try later');
  if (!(answer instanceof NotCounted)) return answer;
  ctx.logger.info({ why: answer.why }, 'an answer does not confirm');
  throw smtpError(550, `not confirmed, nothing was changed: ${answer.why}. The link in the mail works all the same`);
}

/** The whole mail, if it is to be looked at. */
async function read(stream: SMTPServerDataStream, isKept: boolean): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (isKept && bytes <= MAX_BYTES) chunks.push(chunk);
  }
  // smtp-server announces SIZE and does not enforce it.
  if (bytes > MAX_BYTES) throw smtpError(552, 'message too large');
  return Buffer.concat(chunks);
}

async function unsubscribe(ctx: Context, recipient: SMTPServerAddress): Promise<void> {
  const ref = refOf(ctx, recipient);
  const found = ref && (await consentByRef(ctx, 'mailto_ref', ref));
  if (found) await withdraw(ctx, found.consent.id, 'mail');
}

function refOf(ctx: Context, { address }: SMTPServerAddress): Buffer | null {
  const token = /^u\+([a-z2-7]{32})@/i.exec(address)?.[1];
  return token ? opened(() => openAddressToken(ctx.keyring, 'x', token)) : null;
}

function secretOf(ctx: Context, { address }: SMTPServerAddress): Buffer | null {
  const token = /^y\+([a-z2-7]{48})@/i.exec(address)?.[1];
  return token ? opened(() => openReplyToken(ctx.keyring, token)) : null;
}

function opened(open: () => Buffer): Buffer | null {
  try {
    return open();
  } catch (error) {
    if (error instanceof Refusal) return null;
    throw error;
  }
}

function smtpError(responseCode: number, message: string): Error {
  return Object.assign(new Error(message), { responseCode });
}

function isAnswer(error: unknown): error is Error {
  return error instanceof Error && 'responseCode' in error;
}
