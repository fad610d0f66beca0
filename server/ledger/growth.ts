import type { Queryable } from '../database/connect.js';
import { PUBLIC_TICK_MS } from './store.js';

/** How many leaves the public log had at the end of a day, or has so far. */
export interface DaySize {
  /** 00:00 UTC. */
  readonly day: Date;
  readonly size: number;
}

const DAY_MS = 86_400_000;
const DAYS = 30;

/**
 * The growth of the public log by days, oldest first, at most thirty: no finer than a day, and up to the last public tick, so that it tells no more than the
 * checkpoints do (T2).
 */
export async function dailySizes(on: Queryable, now: Date): Promise<DaySize[]> {
  const tick = new Date(Math.floor(now.getTime() / PUBLIC_TICK_MS) * PUBLIC_TICK_MS);
  const today = Math.floor(tick.getTime() / DAY_MS);
  const days = Array.from({ length: DAYS }, (_, place) => today - DAYS + 1 + place);
  const ends = days.map((day) => new Date(Math.min((day + 1) * DAY_MS - 1, tick.getTime())));
  const rows = await on.query<{ size: string | null }>(
    `select (select size from log_checkpoint where signed_at <= row.at order by signed_at desc, size desc limit 1) as size
     from unnest($1::timestamptz[]) with ordinality as row (at, place) order by place`,
    [ends],
  );
  return rows.flatMap(({ size }, place) =>
    size === null ? [] : [{ day: new Date((days[place] ?? 0) * DAY_MS), size: Number(size) }],
  );
}
