import type { Context } from '../context.js';
import type { SmtpOutcome } from '../mail/smtp.js';
import { makeBreaker, refusesUs, type Breaker, type Verdict } from './breaker.js';
import type { Claimed } from './claim.js';

/** May mails of a campaign leave that were claimed already? */
export interface Gate {
  /** Makes sure that it is known how the campaigns of these mails stand: one query for all, and none when that was read just now. */
  know(mails: readonly Claimed[]): Promise<void>;
  isOpen(delivery: Claimed): boolean;
  /** What an answer says of us: enough refusals halt the campaign, for all workers. */
  judge(delivery: Claimed, outcome: SmtpOutcome): Promise<Verdict>;
  /** Looks again and again until the signal. */
  run(signal: AbortSignal): Promise<void>;
}

interface Standing {
  id: string;
  isOpen: boolean;
  /** One mail tries whether we are taken again. */
  isProbing: boolean;
}

/** A pause is noticed within this time, in ms. */
const FRESH_MS = 400;
/** Campaigns of which no mail came for so long are not asked for. */
const FORGET_MS = 15 * 60_000;

export function makeGate(ctx: Context): Gate {
  const standings = new Map<string, Standing>();
  const breakers = new Map<string, Breaker>();
  /** When a mail of it was last claimed here. */
  const used = new Map<string, number>();
  let readAt = 0;
  // What was asked for earlier and answered later is no news.
  let asked = 0;
  let known = 0;

  const read = async (): Promise<void> => {
    const now = performance.now();
    for (const [id, at] of used) {
      if (now - at < FORGET_MS) continue;
      for (const map of [used, standings, breakers]) map.delete(id);
    }
    if (used.size === 0) return;
    readAt = now;
    asked += 1;
    const question = asked;
    const rows = await ctx.db.query<Standing>(
      `select c.id, c.state = 'sending' and (coalesce(p.halts, 0) = 0 or p.is_probing) as "isOpen",
         coalesce(p.is_probing, false) as "isProbing"
       from campaign c left join campaign_pace p on p.campaign_id = c.id where c.id = any($1::uuid[])`,
      [[...used.keys()]],
    );
    if (question < known) return;
    known = question;
    for (const row of rows) standings.set(row.id, row);
  };

  return {
    know: async (mails) => {
      const ids = new Set(mails.filter(({ kind }) => kind === 'campaign').map(({ messageId }) => messageId));
      if (ids.size === 0) return;
      const isNew = [...ids].some((id) => standings.get(id)?.isOpen !== true);
      for (const id of ids) used.set(id, performance.now());
      if (isNew || performance.now() - readAt > FRESH_MS) await read();
    },
    isOpen: ({ messageId }) => standings.get(messageId)?.isOpen !== false,
    judge: async ({ kind, messageId }, outcome) => {
      const isRefused = kind === 'campaign' ? refusesUs(outcome) : null;
      if (isRefused === null) return 'go';
      const standing = standings.get(messageId);
      const breaker = breakers.get(messageId) ?? makeBreaker();
      breakers.set(messageId, breaker);
      if (standing?.isProbing && !isRefused) await goOn(ctx, messageId);
      const verdict = breaker.note(isRefused);
      if (!isRefused || (verdict !== 'halt' && !standing?.isProbing))
        return standing?.isOpen === false ? 'doubt' : verdict;
      asked += 1;
      known = asked;
      standings.set(messageId, { id: messageId, isOpen: false, isProbing: false });
      await halt(ctx, messageId, 'reply' in outcome ? outcome.reply : '');
      return 'halt';
    },
    run: async (signal) => {
      while (!signal.aborted) {
        await read().catch((error: unknown) => ctx.logger.warn({ err: error }, 'campaigns could not be looked at'));
        await ctx.bell.wait('campaign', FRESH_MS, signal);
      }
    },
  };
}

/** For a minute, then twice as long each time, up to an hour. In flight are others: only the first to notice counts. */
async function halt(ctx: Context, campaign: string, reply: string): Promise<void> {
  const halted = await ctx.db.query(
    `insert into campaign_pace (campaign_id, started_at, filled_at, halts, halted_until, halt_reason)
     select c.id, $2, $2, 1, $2::timestamptz + interval '1 minute', $3 from campaign c where c.id = $1
     on conflict (campaign_id) do update set halts = least(campaign_pace.halts + 1, 20), halt_reason = $3, is_probing = false,
       halted_until = $2::timestamptz + interval '1 minute' * least(60, power(2, campaign_pace.halts))
     where campaign_pace.halts = 0 or campaign_pace.is_probing returning 1`,
    [campaign, ctx.now(), reply],
  );
  if (halted.length > 0)
    ctx.logger.error({ campaign, reply }, 'a campaign halts: our mail is refused. It tries again by itself');
}

async function goOn(ctx: Context, campaign: string): Promise<void> {
  const going = await ctx.db.query(
    `update campaign_pace set halts = 0, halted_until = null, halt_reason = null, is_probing = false where campaign_id = $1 and is_probing returning 1`,
    [campaign],
  );
  if (going.length > 0) ctx.logger.info({ campaign }, 'a campaign goes on: our mail is taken again');
  ctx.bell.ring('mail');
}
