import type { Context } from '../context.js';
import { refusalSql } from '../delivery/mailable.js';

/** Who would get a campaign now, in numbers. */
export interface Audience {
  readonly reached: number;
  /** By reason, as the claim would give it. */
  readonly left: Readonly<Record<string, number>>;
}

/** Counts the consents of a list as the claim judges them (promise 1); the judgement that counts is made right before sending. */
export async function audienceOf(ctx: Context, listId: string): Promise<Audience> {
  const rows = await ctx.db.query<{ refusal: string | null; n: number }>(
    `select ${refusalSql(2)} as refusal, count(*)::int as n
     from consent c join subscriber s on s.id = c.subscriber_id join list l on l.id = c.purpose_id
     where c.purpose_id = $1 group by 1 order by 1`,
    [listId, ctx.now()],
  );
  return {
    reached: rows.find((row) => row.refusal === null)?.n ?? 0,
    left: Object.fromEntries(rows.flatMap((row) => (row.refusal === null ? [] : [[row.refusal, row.n]]))),
  };
}
