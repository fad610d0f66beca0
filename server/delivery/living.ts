import type { Context } from '../context.js';

/** Whoever said nothing for so long does not send any more. */
const SILENT_MS = 30_000;

/** Says that this sender lives; returns how many do. */
export async function sayAlive(ctx: Context, worker: string): Promise<number> {
  const now = ctx.now();
  const [row] = await ctx.db.query<{ n: number }>(
    `with me as (insert into sender (id, seen_at) values ($1, $2) on conflict (id) do update set seen_at = $2),
       gone as (delete from sender where seen_at < $2::timestamptz - interval '1 day')
     select count(*)::int + 1 as n from sender where seen_at > $3 and id <> $1`,
    [worker, now, new Date(now.getTime() - SILENT_MS)],
  );
  return row?.n ?? 1;
}

/** Leaves its share to the others. */
export async function sayGoodbye(ctx: Context, worker: string): Promise<void> {
  await ctx.db.query('delete from sender where id = $1', [worker]);
}
