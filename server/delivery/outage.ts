import type { Context } from '../context.js';
import type { Queryable } from '../database/connect.js';
import type { SmtpOutcome } from '../mail/smtp.js';

/** No server takes our mail. */
export interface Outage {
  readonly since: Date;
  /** What the connection said last. */
  readonly reply: string;
}

/** Where nothing was tried for so long, nobody knows: an outage that ends so is over, and the next one begins anew. */
const SILENT = `interval '10 minutes'`;
/** Written down at most so often, in ms: many mails fail at once. */
const WRITE_MS = 5_000;

/** Does any server take our mail? Since when none does, as far as mails were tried lately; null: one does. */
export async function outageOf(on: Queryable, now: Date): Promise<Outage | null> {
  const [row] = await on.query<Outage>(`select since, reply from outage where tried_at > $1::timestamptz - ${SILENT}`, [
    now,
  ]);
  return row ?? null;
}

/** Sees from the answers of one sender whether any server takes our mail, and tells all. */
export interface OutageWatch {
  /** Since when none does; null: this one was an answer, or nothing is known. */
  note(outcome: SmtpOutcome): Promise<Date | null>;
}

export function makeOutageWatch(ctx: Context): OutageWatch {
  // Whoever starts does not know yet: another one may have written it down and ended.
  let isUp: boolean | null = null;
  let answeredAt = -Infinity;
  let since: Date | null = null;
  let writtenAt = -Infinity;
  let written: Promise<unknown> = Promise.resolve();
  // Many mails are on their way at once: what was seen last is what is written last.
  const inTurn = async (sql: string, values: readonly unknown[] = []): Promise<Date | null> => {
    const work = async () => ctx.db.query<{ since: Date }>(sql, values);
    const turn = written.then(work, work);
    written = turn;
    return (await turn)[0]?.since ?? null;
  };

  const down = async (reply: string): Promise<Date | null> => {
    const now = ctx.now();
    // One connection of many that failed is no outage.
    if (isUp && Math.abs(now.getTime() - answeredAt) < WRITE_MS) return null;
    if (isUp !== false)
      ctx.logger.error({ reply }, 'no server takes our mail: all of it waits, and is tried again and again');
    isUp = false;
    if (since && Math.abs(now.getTime() - writtenAt) < WRITE_MS) return since;
    writtenAt = now.getTime();
    const from = (since ??= now);
    const found = await inTurn(
      `insert into outage as o (id, since, tried_at, reply) values (1, $1, $2, $3)
       on conflict (id) do update set tried_at = $2, reply = $3,
         since = case when o.tried_at < $2::timestamptz - ${SILENT} then $2 else least(o.since, $1) end
       returning since`,
      [from, now, reply.slice(0, 300)],
    );
    // It may be over by now.
    if (since === from) since = found;
    return since;
  };

  const up = async (): Promise<void> => {
    answeredAt = ctx.now().getTime();
    if (isUp === true) return;
    isUp = true;
    since = null;
    writtenAt = -Infinity;
    const over = await inTurn('delete from outage returning since');
    if (over) ctx.logger.warn({ since: over }, 'our mail is taken again, after nobody took it');
  };

  return {
    note: async (outcome) => {
      // Where the answer was lost there was a server; whether it takes mail is not known.
      if (outcome.kind === 'unknown') return null;
      try {
        if (outcome.kind === 'deferred' && outcome.code === undefined) return await down(outcome.reply);
        await up();
      } catch (error) {
        ctx.logger.warn({ err: error }, 'whether mail is taken could not be written down');
      }
      return null;
    },
  };
}
