import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Router } from 'express';
import { boot, type BootOptions } from './boot.js';
import { ROOT, type Config } from './config.js';
import { catalogue } from './consent/catalogue.js';
import { setup } from './consent/setup.js';
import { keepTerms } from './consent/shown-text.js';
import type { Context } from './context.js';
import { makeLookup } from './delivery/dns.js';
import { startInbound, type Inbound } from './delivery/inbound.js';
import { Refusal } from './errors.js';
import { startGateway, type Gateway } from './gateway/listen.js';
import { openWayOut, startWorker, type Worker } from './jobs/worker.js';
import { hostOf } from './links/urls.js';
import type { Logger } from './logger.js';
import { readMailTemplates } from './mail/compose.js';
import { startMailbox } from './mailbox/listen.js';
import { mailboxRoutes } from './mailbox/routes.js';
import { openMailbox, type Mailbox } from './mailbox/store.js';
import { makeOutbound, type Outbound } from './outbound.js';
import { sendRecord } from './staff/access-log.js';
import { firstRunLink } from './staff/first-run.js';
import { staffRoutes } from './staff/screens.js';
import { DEMO } from './tour/demo.js';
import { tourRoutes } from './tour/routes.js';
import type { Probes } from './web/health.js';
import { makeApp } from './web/app.js';
import { answerBroken } from './web/client-error.js';
import type { Site } from './web/http.js';
import { loadCatalogs, translate } from './web/i18n.js';
import { makeRenderer } from './web/render.js';
import { webhookRoutes } from './webhooks/routes.js';

export interface Service {
  readonly ctx: Context;
  readonly port: number;
  /** Where mail to our own addresses comes in; null without the gateway role. */
  readonly inboundPort: number | null;
  /** Where other systems hand mail in; null without the gateway role. */
  readonly gateway: Pick<Gateway, 'port' | 'tlsPort'> | null;
  readonly worker: Worker | null;
  /** What a person who started it should read. */
  readonly greeting: string;
  readonly databaseEnded: Promise<void>;
  /** Drains: no new requests and mails; those in flight finish. */
  stop(): Promise<void>;
}

/** Starts the roles that the settings name, and what they need, in order. */
export async function serve(config: Config, logger: Logger, options: BootOptions = {}): Promise<Service> {
  const booted = await boot(config, logger, options);
  const closers: (() => Promise<void>)[] = [async () => booted.close()];
  const stop = async (): Promise<void> => {
    for (const close of closers.reverse()) await close();
  };
  try {
    return await start(booted.ctx, closers, stop, {
      databaseEnded: booted.databaseEnded,
      outbound: options.outbound ?? makeOutbound({ production: config.production }),
    });
  } catch (error) {
    await stop().catch(() => undefined);
    throw error;
  }
}

async function start(
  booted: Context,
  closers: (() => Promise<void>)[],
  stop: () => Promise<void>,
  { databaseEnded, outbound }: { databaseEnded: Promise<void>; outbound: Outbound },
): Promise<Service> {
  const { config, logger } = booted;
  const has = (role: (typeof config.roles)[number]): boolean => config.roles.includes(role);
  const catalogs = loadCatalogs(ROOT);
  let app: ReturnType<typeof makeApp> | null = null;
  const stopping = new AbortController();
  let ctx = booted;
  let port = config.port;
  if (has('web')) {
    // The port first: links must name the one that was really had (PORT=0).
    const server = await listen(config, (req, res) => {
      if (app) app(req, res);
      else res.writeHead(503, { 'Retry-After': '2' }).end('starting');
    });
    port = (server.address() as AddressInfo).port;
    ctx = withRealPort(booted, port);
    closers.push(async () => {
      stopping.abort();
      await closeServer(server);
    });
  }
  if (!config.production) await seed(ctx);
  await keepTerms(ctx.db, await catalogue(ctx), ctx.now());
  const mailbox = config.smtpUrl ? null : await openMailbox(join(config.dataDir, 'mailbox'));
  const smtpUrl = mailbox && has('worker') ? await startBuiltInMailbox(mailbox, logger, closers) : config.smtpUrl;
  const worker =
    has('worker') && smtpUrl
      ? await startWorker(ctx, {
          smtpUrl,
          templates: readMailTemplates(ROOT, catalogs),
        })
      : null;
  if (worker) closers.push(worker.stop);
  // Where another process sends: staff's tests to themselves leave from here all the same.
  const pool = worker?.pool ?? (has('web') && smtpUrl ? openWayOut(ctx, smtpUrl) : null);
  if (pool && !worker) closers.push(async () => pool.close());
  const wordOf = (language: string): string => translate(catalogs, language, 'mail.confirmation.replyWord');
  const inbound = has('gateway') ? await startInbound(ctx, { lookup: makeLookup(config.dnsServer), wordOf }) : null;
  if (inbound) closers.push(inbound.stop);
  const gateway = has('gateway') ? await startGateway(ctx, sendRecord) : null;
  if (gateway) closers.push(gateway.stop);
  if (has('web')) {
    const renderer = makeRenderer({ root: ROOT, catalogs });
    const site: Site = {
      ctx,
      renderer,
      catalogs,
      languages: [...catalogs.keys()],
      hasMailbox: mailbox !== null && !config.production,
    };
    app = makeApp(site, { isStopping: () => stopping.signal.aborted, ...(worker ? mailProbes(worker) : {}) }, [
      webhookRoutes(site, outbound),
      ...extraRoutes(site, mailbox, pool, stopping.signal),
    ]);
  }
  const greeting = await greet(ctx, port, { inbound, gateway }, mailbox !== null);
  return { ctx, port, inboundPort: inbound?.port ?? null, gateway, worker, databaseEnded, stop, greeting };
}

function mailProbes({ pool }: Worker): Pick<Probes, 'sender' | 'routes'> {
  return { sender: async () => pool.verify(), routes: async () => pool.verifyEach() };
}

// Tests and trials ask for any free port (PORT=0): links must name the one that was had.
function withRealPort(ctx: Context, port: number): Context {
  if (!ctx.publicUrl.endsWith(':0')) return ctx;
  const publicUrl = ctx.publicUrl.replace(/:0$/, `:${port}`);
  return { ...ctx, publicUrl, audiences: [hostOf(publicUrl), ...ctx.audiences] };
}

function extraRoutes(site: Site, mailbox: Mailbox | null, pool: Worker['pool'] | null, signal: AbortSignal): Router[] {
  return [
    ...(mailbox && site.hasMailbox ? [mailboxRoutes(site, mailbox)] : []),
    staffRoutes(site, { pool, signal }),
    tourRoutes(site, mailbox),
  ];
}

async function listen(config: Config, handler: Parameters<typeof createServer>[1]): Promise<Server> {
  // An idle connection is kept longer than reverse proxies keep theirs (60 s as a rule), so that none sends into one that we are closing.
  const server = createServer(
    { requestTimeout: 30_000, headersTimeout: 15_000, keepAliveTimeout: 75_000, maxHeaderSize: 16_384 },
    handler,
  );
  return new Promise((resolve, reject) => {
    server.on('clientError', answerBroken);
    server.once('error', (error: NodeJS.ErrnoException) => {
      const why = error.code === 'EADDRINUSE' ? `Port ${config.port} is taken. Set PORT to a free one.` : error.message;
      reject(new Refusal('config-invalid', why, {}, { cause: error }));
    });
    server.listen(config.port, config.host, () => resolve(server));
  });
}

async function closeServer(server: Server): Promise<void> {
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    server.closeIdleConnections();
    // Open event streams and idle keep-alives must not hold the process.
    setTimeout(() => server.closeAllConnections(), 3000).unref();
  });
}

async function seed(ctx: Context): Promise<void> {
  if ((await catalogue(ctx)).organisations.length === 0) await setup(ctx, DEMO);
}

async function startBuiltInMailbox(
  mailbox: Mailbox,
  logger: Logger,
  closers: (() => Promise<void>)[],
): Promise<string> {
  const listening = await startMailbox({ mailbox, logger });
  closers.push(async () => listening.stop());
  return listening.url;
}

async function greet(
  ctx: Context,
  port: number,
  { inbound, gateway }: { inbound: Inbound | null; gateway: Gateway | null },
  hasMailbox: boolean,
): Promise<string> {
  const { config } = ctx;
  const first = config.roles.includes('web') ? await firstRunLink(ctx) : null;
  const lines = [
    `Zgoda is running (${config.roles.join(', ')})${config.roles.includes('web') ? ` at ${ctx.publicUrl}` : ''}`,
    ...(config.roles.includes('web') ? [`  The tour:    ${ctx.publicUrl}/`] : []),
    ...(hasMailbox && !config.production ? [`  The mailbox: ${ctx.publicUrl}/mailbox`] : []),
    ...(first ? [`  Staff:       ${first}  (make the owner's account; this link works for 30 minutes)`] : []),
    ...(!first && config.roles.includes('web') ? [`  Staff:       ${ctx.publicUrl}/admin`] : []),
    ...(inbound ? [`  Mail in:     port ${inbound.port}`] : []),
    ...(gateway ? [`  Gateway:     ${describeGateway(gateway, config.gatewayTls !== null)}`] : []),
    ...(ctx.db.isEmbedded ? ['  Database:    embedded: for trying out. Set DATABASE_URL for PostgreSQL.'] : []),
  ];
  ctx.logger.info({ port, roles: config.roles, embedded: ctx.db.isEmbedded }, 'started');
  return lines.join('\n');
}

function describeGateway({ port, tlsPort }: Gateway, hasTls: boolean): string {
  if (!hasTls) return `port ${port}  (log in from this machine only: there is no GATEWAY_TLS_CERT)`;
  return `port ${port} (STARTTLS)${tlsPort === null ? '' : `, port ${tlsPort} (TLS)`}`;
}
