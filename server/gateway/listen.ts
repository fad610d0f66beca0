import type { AddressInfo } from 'node:net';
import { SMTPServer, type SMTPServerDataStream, type SMTPServerOptions, type SMTPServerSession } from 'smtp-server';
import type { Context } from '../context.js';
import { Refusal } from '../errors.js';
import { readCertificate, type Certificate } from './certificate.js';
import { authenticate, begin, end, leave, name, SmtpError, type Desk, type Visit } from './commands.js';
import { LIMITS, makeDoorkeeper, type Limits } from './limits.js';
import { MAX_BYTES } from './read-in.js';
import { watchCertificate } from './renew-certificate.js';
import type { SendRecord } from './take-transactional.js';

export interface Gateway {
  readonly port: number;
  /** Where TLS begins at once; null: nowhere. */
  readonly tlsPort: number | null;
  readonly stop: () => Promise<void>;
}

/** smtp-server knows these from older days, and from proxies. */
const NEVER = ['WIZ', 'SHELL', 'KILL', 'XCLIENT', 'XFORWARD', 'VRFY', 'HELP'];

/** Takes mail of other systems, each recipient checked (T12): who has no credential gets nowhere, and learns nothing. */
export async function startGateway(ctx: Context, record: SendRecord, limits: Limits = LIMITS): Promise<Gateway> {
  const { gatewayTls: tls, gatewayPort } = ctx.config;
  const certificate = tls ? await readCertificate(tls) : null;
  const desk: Desk = { ctx, limits, door: makeDoorkeeper(ctx, limits), record };
  const plain = makeServer(desk, certificate, false);
  const port = await listen(ctx, plain, gatewayPort, 'GATEWAY_PORT');
  const servers = [plain];
  let tlsPort: number | null = null;
  if (certificate && tls && tls.port !== null) {
    const secure = makeServer(desk, certificate, true);
    servers.push(secure);
    tlsPort = await listen(ctx, secure, tls.port, 'GATEWAY_TLS_PORT');
  }
  const unwatch = certificate && tls ? watchCertificate(ctx, limits, { tls, first: certificate, servers }) : null;
  return {
    ...{ port, tlsPort },
    stop: async () => {
      unwatch?.();
      await Promise.all(servers.map(stopServer));
    },
  };
}

function makeServer(desk: Desk, certificate: Certificate | null, isImplicit: boolean): SMTPServer {
  const { ctx, limits } = desk;
  const off = [...NEVER, ...(certificate ? [] : ['STARTTLS'])];
  const visits = new WeakMap<SMTPServerSession, Visit>();
  const answer = answerWith(ctx, visits);
  const options: SMTPServerOptions = {
    ...(certificate ? { ...certificate, minVersion: 'TLSv1.2' } : {}),
    ...{ secure: isImplicit, name: new URL(ctx.publicUrl).hostname, banner: 'zgoda gateway', logger: false },
    ...{ authMethods: ['PLAIN', 'LOGIN'], authRequiredMessage: '5.7.0 log in first', allowInsecureAuth: true },
    ...{ disabledCommands: off, disableReverseLookup: true, maxCommandLength: 8_192 },
    ...{ size: MAX_BYTES, maxRecipients: limits.recipients, socketTimeout: limits.idleMs, closeTimeout: 2_000 },
    onConnect: (session, reply) => {
      const full = desk.door.enter(session.id, session.remoteAddress);
      if (full !== null) {
        reply(new SmtpError(421, `4.7.0 ${full}`));
        return;
      }
      visits.set(session, openVisit(server, session, limits));
      // A password never goes over a network in the clear.
      session.disabledCommands = session.secure || isLoopback(session.remoteAddress) ? off : [...off, 'AUTH'];
      reply();
    },
    onSecure: (_socket, session, reply) => {
      session.disabledCommands = off;
      const visit = visits.get(session);
      // Nothing counts that was said before (RFC 3207 4.2).
      if (visit) Object.assign(visit, { credential: null, transaction: null });
      reply();
    },
    onAuth: (auth, session, reply) =>
      answer(
        session,
        async (visit) => authenticate(desk, visit, auth),
        (error, credential) => reply(error, credential ? { user: credential.userName } : {}),
      ),
    onMailFrom: ({ address }, session, reply) => answer(session, async (visit) => begin(desk, visit, address), reply),
    onRcptTo: ({ address }, session, reply) => answer(session, async (visit) => name(desk, visit, address), reply),
    onData: (stream, session, reply) => {
      const { envelope, transmissionType: protocol } = session;
      const recipients = envelope.rcptTo.map(({ address }) => address);
      const watch = watchSpeed(stream, limits, (why) => visits.get(session)?.hangUp(why));
      const data = { recipients, protocol, stream: stream as AsyncIterable<Buffer> };
      answer(
        session,
        async (visit) => end(desk, visit, data).finally(() => clearInterval(watch)),
        (error, said) => reply(error, said),
      );
    },
    onClose: (session) => {
      desk.door.leave(session.id);
      clearTimeout(visits.get(session)?.timer);
      answer(
        session,
        async (visit) => leave(desk, visit),
        () => undefined,
      );
    },
  };
  const server = new SMTPServer(options);
  server.on('error', (error) => ctx.logger.debug({ err: error }, 'a connection to the gateway failed'));
  return server;
}

function openVisit(server: SMTPServer, session: SMTPServerSession, limits: Limits): Visit {
  const hangUp = (why: string): void => {
    for (const connection of server.connections) if (connection.id === session.id) connection.send(421, why);
  };
  const timer = setTimeout(() => hangUp('4.4.2 nobody logged in'), limits.strangerMs);
  return { address: session.remoteAddress, hangUp, credential: null, transaction: null, tries: 0, timer };
}

/** The client went away in the middle of a mail. */
const GONE = ['ECONNECTION', 'ERR_STREAM_PREMATURE_CLOSE', 'ECONNRESET', 'ABORT_ERR'];

/** Says yes with what comes of it, or no in the words of an SmtpError; whatever else goes wrong may go better later. */
function answerWith(ctx: Context, visits: WeakMap<SMTPServerSession, Visit>) {
  return <T>(
    session: SMTPServerSession,
    work: (visit: Visit) => Promise<T>,
    reply: (error: Error | null, result?: T) => void,
  ): void => {
    const visit = visits.get(session);
    if (!visit) {
      reply(new SmtpError(421, '4.3.0 please try later'));
      return;
    }
    work(visit).then(
      (result) => reply(null, result),
      (error: unknown) => {
        const isGone = error instanceof Error && 'code' in error && GONE.includes(String(error.code));
        if (!(error instanceof SmtpError) && !isGone)
          ctx.logger.warn({ err: error }, 'the gateway could not answer yes');
        reply(error instanceof SmtpError ? error : new SmtpError(451, '4.3.0 please try later'));
      },
    );
  };
}

/** Ends connections that trickle, and those that send without end. */
function watchSpeed(stream: SMTPServerDataStream, limits: Limits, hangUp: (why: string) => void): NodeJS.Timeout {
  const from = performance.now();
  const look = (): void => {
    const ms = performance.now() - from;
    if (stream.byteLength > 2 * MAX_BYTES) hangUp('5.3.4 too large');
    else if (ms > limits.slowMs && stream.byteLength < (limits.bytesASecond * ms) / 1_000) hangUp('4.4.2 too slow');
  };
  const watch = setInterval(look, Math.min(1_000, limits.slowMs));
  for (const over of ['end', 'close']) stream.once(over, () => clearInterval(watch));
  return watch;
}

async function listen(ctx: Context, server: SMTPServer, port: number, setting: string): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.server.once('error', (error: NodeJS.ErrnoException) =>
      reject(new Refusal('config-invalid', `${setting} ${port}: ${error.code ?? error.message}`)),
    );
    server.listen(port, ctx.config.host, resolve);
  });
  return (server.server.address() as AddressInfo).port;
}

async function stopServer(server: SMTPServer): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}

function isLoopback(address: string): boolean {
  return address === '::1' || /^127\.\d+\.\d+\.\d+$/.test(address);
}
