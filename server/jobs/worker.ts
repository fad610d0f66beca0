import { setMaxListeners } from 'node:events';
import { journalErasures } from '../rights/journal.js';
import { replayErasures } from '../rights/replay.js';
import { destroyOldProofs, expirePending, purgeUnconfirmed, sweep } from '../rights/retention.js';
import { fanOut, finishCampaigns } from '../campaigns/fan-out.js';
import { sumUpTallies } from '../campaigns/tally.js';
import { forgetVisits } from '../campaigns/visits.js';
import { skipCancelled } from '../campaigns/skip-cancelled.js';
import { campaignBuilder } from '../campaigns/builder.js';
import { replayJournal } from '../consent/replay.js';
import type { Context } from '../context.js';
import { alreadyBuilder, confirmationBuilder } from '../delivery/confirmation.js';
import { forgetDomains, writeDomains } from '../delivery/domains.js';
import { freeLeases } from '../delivery/leases.js';
import { decideSignUps } from '../delivery/decide.js';
import { destroyFormerKeys } from '../delivery/destroy-dkim-keys.js';
import { makeSender } from '../delivery/deliver.js';
import { gatewayBuilder, reportBuilder } from '../gateway/builder.js';
import { emptySpool, sweepGateway } from '../gateway/empty-spool.js';
import { noteAnchorInterval } from '../ledger/anchor-interval.js';
import { checkSlice } from '../ledger/fsck-round.js';
import { integrate } from '../ledger/integrate.js';
import type { MailTemplates } from '../mail/compose.js';
import { makeSmtpRoutes } from '../mail/smtp-routes.js';
import type { SmtpPool } from '../mail/smtp.js';
import { magicBuilder } from '../preferences/magic-mail.js';
import { decideMagicRequests } from '../preferences/magic.js';
import { attestationLoops } from './attestation-loops.js';
import { dnsLoop } from './dns-loop.js';
import { runLoop, type Loop } from './loop.js';

export interface Worker {
  readonly pool: SmtpPool;
  /** Takes no new work; resolves when the mails in flight are settled. */
  readonly stop: () => Promise<void>;
}

const SECOND = 1000;

/** Connections to the servers that take our mail, separated by spaces in `smtpUrl`; only `delivery/deliver.ts` sends over them. */
export function openWayOut(ctx: Context, smtpUrl: string): SmtpPool {
  return makeSmtpRoutes({ urls: smtpUrl.split(' '), logger: ctx.logger });
}

/** Everything that happens behind the pages: leaves for events, decisions, mail, campaigns, retention. */
export async function startWorker(
  ctx: Context,
  options: { smtpUrl: string; templates: MailTemplates },
): Promise<Worker> {
  const replayed = await replayJournal(ctx);
  if (replayed > 0)
    ctx.logger.warn({ withdrawals: replayed }, 'the database was older than the journal: withdrawals were done again');
  const erased = await replayErasures(ctx);
  if (erased > 0)
    ctx.logger.warn(
      { erased },
      'the database was older than the journal: people who were erased since were erased again',
    );
  await noteAnchorInterval(ctx);
  const pool = openWayOut(ctx, options.smtpUrl);
  const sender = makeSender(ctx, pool, {
    confirmation: confirmationBuilder(options.templates),
    already: alreadyBuilder(options.templates),
    magic: magicBuilder(options.templates),
    campaign: campaignBuilder,
    gateway: gatewayBuilder,
    report: reportBuilder,
  });
  const stopping = new AbortController();
  // Each loop listens to it, and each witness and authority has one.
  setMaxListeners(0, stopping.signal);
  const loops = [...loopsOf(ctx), ...attestationLoops(ctx, stopping.signal), dnsLoop(ctx, stopping.signal)].map(
    async (loop) => runLoop(ctx, loop, stopping.signal),
  );
  const sending = sender.run();
  return {
    pool,
    stop: async () => {
      // The integrator runs until the last mail is built: a confirmation waits for its leaf.
      await sender.stop();
      await sending;
      stopping.abort();
      await Promise.all(loops);
      await pool.close();
    },
  };
}

function loopsOf(ctx: Context): Loop[] {
  return [
    {
      name: 'integrate',
      ring: 'event',
      rings: 'checkpoint',
      idle: 500,
      gather: 3,
      rushed: 250,
      work: async () => integrate(ctx),
    },
    {
      name: 'decide sign-ups',
      ring: 'sign-up',
      idle: 500,
      gather: 40,
      rushed: 500,
      work: async () => decideSignUps(ctx),
    },
    {
      name: 'decide magic requests',
      ring: 'sign-up',
      idle: 500,
      gather: 40,
      rushed: 500,
      work: async () => decideMagicRequests(ctx),
    },
    { name: 'fan out', ring: 'mail', idle: SECOND, work: async () => fanOut(ctx) },
    { name: 'skip cancelled', ring: 'campaign', idle: SECOND, work: async () => skipCancelled(ctx) },
    { name: 'finish campaigns', idle: SECOND, work: async () => idle(finishCampaigns(ctx)) },
    { name: 'sum up tallies', idle: 5 * SECOND, work: async () => idle(sumUpTallies(ctx)) },
    { name: 'write domains', idle: 2 * SECOND, work: async () => idle(writeDomains(ctx)) },
    { name: 'forget domains', idle: 600 * SECOND, work: async () => idle(forgetDomains(ctx)) },
    { name: 'forget visits', idle: 60 * SECOND, work: async () => idle(forgetVisits(ctx)) },
    { name: 'empty the spool', idle: SECOND, work: async () => emptySpool(ctx) },
    { name: 'free leases', idle: 5 * SECOND, work: async () => idle(freeLeases(ctx)) },
    { name: 'expire', idle: 60 * SECOND, work: async () => expirePending(ctx) },
    { name: 'purge', idle: 60 * SECOND, work: async () => purgeUnconfirmed(ctx) },
    { name: 'destroy old proofs', idle: 600 * SECOND, work: async () => destroyOldProofs(ctx) },
    { name: 'journal erasures', idle: 60 * SECOND, work: async () => journalErasures(ctx) },
    {
      name: 'check the log',
      idle: 60 * SECOND,
      // While people wait for pages it leaves the machine to them.
      work: async () => (ctx.meter.isRushed ? 0 : idle(checkSlice(ctx))),
    },
    { name: 'destroy former DKIM keys', idle: 600 * SECOND, work: async () => destroyFormerKeys(ctx) },
    { name: 'sweep', idle: 600 * SECOND, work: async () => sweep(ctx) },
    { name: 'sweep the gateway', idle: 600 * SECOND, work: async () => sweepGateway(ctx) },
  ];
}

// What has more to do only later must not run without a pause.
async function idle(work: Promise<unknown>): Promise<number> {
  await work;
  return 0;
}
