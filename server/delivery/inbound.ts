import type { AddressInfo } from 'node:net';
import { SMTPServer, type SMTPServerAddress, type SMTPServerDataStream, type SMTPServerSession } from 'smtp-server';
import type { Context } from '../context.js';
import { consentByRef } from '../consent/find.js';
import { withdraw } from '../consent/withdraw.js';
import { Refusal } from '../errors.js';
import { LOOKED_AT } from '../mail/bounce.js';
import { NotCounted } from '../mail/dkim-signature.js';
import { LATER } from './check-dkim.js';
import { targetOf, type Target } from './inbound-address.js';
import { takeReply, type HowToJudge } from './take-reply.js';
import { takeFeedback, takeReturned } from './take-report.js';

export interface Inbound {
  readonly port: number;
  readonly stop: () => Promise<void>;
}

const MAX_BYTES = 256 * 1024;
/** A report brings back the whole mail that it is about. */
const MAX_REPORT_BYTES = 64 * 1024 * 1024;

/**
 * Takes mail to our own addresses. `u+<token>@` unsubscribes (M-28): the token alone decides, body and sender are not looked at. `y+<token>@` takes answers that
 * confirm, where a list allows it (T14). To `b+<token>@` comes what comes back of one mail, to `f+<name>@` what providers tell of complaints (M-36 to M-38). Nothing
 * is ever answered by mail, and whatever else comes is refused at RCPT, so that this is no relay.
 */
export async function startInbound(ctx: Context, how: HowToJudge): Promise<Inbound> {
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['AUTH', 'STARTTLS'],
    banner: 'zgoda inbound',
    size: MAX_REPORT_BYTES,
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
  const target = targetOf(ctx.keyring, to.address);
  if (!target) return smtpError(550, 'no such address here');
  // One answer to the whole mail cannot say yes to one and no to another: the sender brings the rest by itself.
  const all = [target, ...others.map(({ address }) => targetOf(ctx.keyring, address))];
  const isMixed = all.length > 1 && all.some((one) => one?.kind !== 'unsubscribe');
  return isMixed ? smtpError(452, 'one address at a time, please') : null;
}

/** What is said to the sender. Throws what is said when it is no. */
async function takeMail(
  ctx: Context,
  how: HowToJudge,
  stream: SMTPServerDataStream,
  { envelope }: SMTPServerSession,
): Promise<string> {
  const targets = envelope.rcptTo.flatMap(({ address }) => targetOf(ctx.keyring, address) ?? []);
  const [first] = targets;
  const raw = await read(stream, first ? ROOM[first.kind] : ROOM.unsubscribe);
  switch (first?.kind) {
    case 'answer':
      return takeAnswer(ctx, how, envelope, { secret: first.secret, raw });
    case 'return':
      if ((await takeReturned(ctx, first.of, raw)) === 'too-early')
        throw smtpError(451, 'that mail is still on its way out: please try later');
      return 'noted';
    case 'feedback':
      await takeFeedback(ctx, raw);
      return 'noted';
    default:
      for (const target of targets) await unsubscribe(ctx, target);
      return 'unsubscribed';
  }
}

async function takeAnswer(
  ctx: Context,
  how: HowToJudge,
  { mailFrom, rcptTo }: SMTPServerSession['envelope'],
  { secret, raw }: { secret: Buffer; raw: Buffer },
): Promise<string> {
  const sender = mailFrom ? mailFrom.address : '';
  const answer = await takeReply(ctx, { secret, to: rcptTo[0]?.address ?? '', sender, raw }, how);
  if (answer === LATER) throw smtpError(451, 'the DNS does not answer: please try later');
  if (!(answer instanceof NotCounted)) return answer;
  ctx.logger.info({ why: answer.why }, 'an answer does not confirm');
  throw smtpError(550, `not confirmed, nothing was changed: ${answer.why}. The link in the mail works all the same`);
}

/** How much a mail may have, and how much of it is looked at. */
const ROOM: Readonly<Record<Target['kind'], { readonly most: number; readonly kept: number }>> = {
  unsubscribe: { most: MAX_BYTES, kept: 0 },
  answer: { most: MAX_BYTES, kept: MAX_BYTES },
  return: { most: MAX_REPORT_BYTES, kept: LOOKED_AT },
  feedback: { most: MAX_REPORT_BYTES, kept: LOOKED_AT },
};

/** The start of the mail, as far as it is to be looked at. */
async function read(stream: SMTPServerDataStream, { most, kept }: { most: number; kept: number }): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    if (bytes < kept) chunks.push(chunk);
    bytes += chunk.length;
  }
  // smtp-server announces SIZE and does not enforce it.
  if (bytes > most) throw smtpError(552, 'message too large');
  return Buffer.concat(chunks).subarray(0, kept);
}

async function unsubscribe(ctx: Context, target: Target): Promise<void> {
  if (target.kind !== 'unsubscribe') return;
  const found = await consentByRef(ctx, 'mailto_ref', target.ref);
  if (found) await withdraw(ctx, found.consent.id, 'mail');
}

function smtpError(responseCode: number, message: string): Error {
  return Object.assign(new Error(message), { responseCode });
}

function isAnswer(error: unknown): error is Error {
  return error instanceof Error && 'responseCode' in error;
}
