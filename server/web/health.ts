import { statfs } from 'node:fs/promises';
import { timingSafeEqual } from 'node:crypto';
import { Router, type Request } from 'express';
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { Context } from '../context.js';
import { outageOf } from '../delivery/outage.js';
import { Refusal } from '../errors.js';
import { readRound } from '../ledger/fsck-round.js';
import { standingOf } from '../ledger/standing.js';
import { handle } from './http.js';

const DAY_MS = 86_400_000;
/** Below this the disk counts as full, in bytes. */
const MIN_FREE = 100 * 1024 * 1024;

/** What readiness depends on beyond the database. */
export interface Probes {
  /** Can mail be handed over? Absent without the worker role. */
  readonly sender?: () => Promise<boolean>;
  /** The same of each server in SMTP_URL. */
  readonly routes?: () => Promise<readonly boolean[]>;
  readonly isStopping: () => boolean;
}

/** `/healthz`: the process lives. `/readyz`: it can do its work. `/metrics`: counts, for loopback or with the token (T2). */
export function healthRoutes(ctx: Context, probes: Probes): Router {
  const registry = makeRegistry(ctx);
  const routes = Router();
  routes.get('/healthz', (_req, res) => void res.json({ status: 'ok' }));
  routes.get(
    '/readyz',
    handle(async (_req, res) => {
      const checks = { ...(await check(ctx, probes)), embedded: ctx.db.isEmbedded, roles: ctx.config.roles };
      // A log that refuses to sign takes no pages away: people must be able to leave.
      const isReady = checks.database && checks.keys && checks.disk && !probes.isStopping();
      res.status(isReady ? 200 : 503);
      if (!isReady) res.setHeader('Retry-After', '5');
      res.json({
        status: isReady ? 'ready' : 'not ready',
        ...checks,
        ...(ctx.db.isEmbedded ? { note: 'embedded database: for trying out' } : {}),
      });
    }),
  );
  routes.get(
    '/metrics',
    handle(async (req, res) => {
      if (!mayRead(ctx, req)) throw new Refusal('not-found', 'There is no such page.');
      res.type(registry.contentType).send(await registry.metrics());
    }),
  );
  return routes;
}

async function check(
  ctx: Context,
  probes: Probes,
): Promise<{
  database: boolean;
  keys: boolean;
  disk: boolean;
  sender: boolean | null;
  routes?: readonly boolean[];
  log: string;
  noMailSince: Date | null;
}> {
  const [database, disk, sender, routes, log, noMailSince] = await Promise.all([
    hasDatabase(ctx),
    statfs(ctx.config.dataDir).then(
      (disk) => disk.bavail * disk.bsize > MIN_FREE,
      () => false,
    ),
    // Mail waits while the next hop is away: worth telling, no reason to take the pages away.
    probes.sender ? probes.sender() : Promise.resolve(null),
    probes.routes ? probes.routes() : Promise.resolve([]),
    logState(ctx),
    noMail(ctx),
  ]);
  return { ...database, disk, sender, ...(routes.length > 1 ? { routes } : {}), log, noMailSince };
}

/** Since when mails are tried in vain; why stands in the log and on the page for staff. */
async function noMail(ctx: Context): Promise<Date | null> {
  return outageOf(ctx.db, ctx.now()).then(
    (outage) => outage?.since ?? null,
    () => null,
  );
}

/** `ok`, or why nothing is signed: with what to do. */
async function logState(ctx: Context): Promise<string> {
  return standingOf(ctx, ctx.db).then(
    ({ fault }) => fault?.words ?? 'ok',
    () => 'unknown',
  );
}

async function hasDatabase(ctx: Context): Promise<{ database: boolean; keys: boolean }> {
  try {
    const [row] = await ctx.db.query<{ key_check: Buffer }>('select key_check from installation');
    return { database: true, keys: row?.key_check.equals(ctx.keyring.check) ?? false };
  } catch {
    return { database: false, keys: true };
  }
}

function makeRegistry(ctx: Context): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  new Gauge({
    name: 'zgoda_deliveries_open',
    help: 'Mails that wait or are in flight',
    labelNames: ['state'],
    registers: [registry],
    async collect() {
      const rows = await ctx.db.query<{ state: string; n: number }>(
        `select state, count(*)::int as n from delivery where state in ('queued', 'deferred', 'sending', 'unknown') group by state`,
      );
      this.reset();
      for (const row of rows) this.set({ state: row.state }, row.n);
    },
  });
  new Gauge({
    name: 'zgoda_bounces',
    help: 'Mails that came back within a day: hard, soft, policy (we are refused) and complaints',
    labelNames: ['action'],
    registers: [registry],
    async collect() {
      const rows = await ctx.db.query<{ bounce: string; n: number }>(
        'select bounce, count(*)::int as n from delivery where bounce is not null and bounced_at > $1 group by bounce',
        [new Date(ctx.now().getTime() - DAY_MS)],
      );
      for (const action of ['hard', 'soft', 'policy', 'complaint'])
        this.set({ action }, rows.find(({ bounce }) => bounce === action)?.n ?? 0);
    },
  });
  new Gauge({
    name: 'zgoda_campaigns_halted',
    help: 'Campaigns that halted by themselves, since our mail is refused',
    registers: [registry],
    async collect() {
      const [row] = await ctx.db.query<{ n: number }>(
        `select count(*)::int as n from campaign_pace p join campaign c on c.id = p.campaign_id where p.halts > 0 and c.state = 'sending'`,
      );
      this.set(row?.n ?? 0);
    },
  });
  new Gauge({
    name: 'zgoda_outage_seconds',
    help: 'For how long no server takes our mail; 0: one does',
    registers: [registry],
    async collect() {
      const outage = await outageOf(ctx.db, ctx.now());
      this.set(outage ? Math.max(1, (ctx.now().getTime() - outage.since.getTime()) / 1_000) : 0);
    },
  });
  new Gauge({
    name: 'zgoda_log_queue',
    help: 'Events that wait for their leaf',
    registers: [registry],
    async collect() {
      const [row] = await ctx.db.query<{ n: number }>('select count(*)::int as n from log_queue');
      this.set(row?.n ?? 0);
    },
  });
  new Gauge({
    name: 'zgoda_log_faults',
    help: 'What the check of the proof log in the background found wrong, in this round and the one before',
    registers: [registry],
    async collect() {
      const round = await readRound(ctx.db, ctx.keyring);
      this.set((round?.faults.length ?? 0) + (round?.last?.faults.length ?? 0));
    },
  });
  new Gauge({
    name: 'zgoda_log_refuses',
    help: '1 while the proof log refuses to sign, since its history is not one',
    registers: [registry],
    async collect() {
      this.set((await standingOf(ctx, ctx.db)).fault ? 1 : 0);
    },
  });
  return registry;
}

function mayRead(ctx: Context, req: Request): boolean {
  const token = ctx.config.metricsToken;
  const given = req.get('authorization')?.replace(/^Bearer /, '') ?? '';
  if (token)
    return (
      given.length === token.length &&
      Buffer.byteLength(given) === Buffer.byteLength(token) &&
      timingSafeEqual(Buffer.from(given), Buffer.from(token))
    );
  const isForwarded = req.get('x-forwarded-for') !== undefined || req.get('forwarded') !== undefined;
  return !isForwarded && /^(::1|(::ffff:)?127\.)/.test(req.socket.remoteAddress ?? '');
}
