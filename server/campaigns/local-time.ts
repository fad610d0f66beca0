/** What a time on the clocks of a place means: one moment, or none or two on the day when they change. */
export type LocalTime =
  | { readonly kind: 'once'; readonly at: Date }
  /** The clocks skip it; `at` is as long after the change as was asked for. */
  | { readonly kind: 'skipped'; readonly at: Date }
  /** The clocks show it twice; `at` is the first time. */
  | { readonly kind: 'twice'; readonly at: Date; readonly again: Date };

const LOCAL = /^(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d)$/;
const HOUR_MS = 3_600_000;

/** Reads `2026-12-01T09:00` by the clocks of a time zone; null: it is no such time. */
export function readLocalTime(text: string, zone: string): LocalTime | null {
  const [, ...parts] = LOCAL.exec(text.trim()) ?? [];
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0] = parts.map(Number);
  const wall = Date.UTC(year, month - 1, day, hour, minute);
  if (parts.length !== 5 || year < 1970 || new Date(wall).toISOString().slice(0, 16) !== text.trim().replace(' ', 'T'))
    return null;
  // The offsets before and after whatever change is near: a zone has at most one within a day.
  const offsets = [offsetAt(zone, wall - 26 * HOUR_MS), offsetAt(zone, wall + 26 * HOUR_MS)];
  const moments = [...new Set(offsets.map((offset) => wall - offset))].filter(
    (moment) => moment + offsetAt(zone, moment) === wall,
  );
  const [first, second] = moments.sort((a, b) => a - b);
  if (first === undefined) return { kind: 'skipped', at: new Date(wall - (offsets[0] ?? 0)) };
  if (second === undefined) return { kind: 'once', at: new Date(first) };
  return { kind: 'twice', at: new Date(first), again: new Date(second) };
}

/** A moment as the clocks of a time zone show it: `2026-12-01T09:00`. */
export function toLocalTime(at: Date, zone: string): string {
  return new Date(at.getTime() + offsetAt(zone, at.getTime())).toISOString().slice(0, 16);
}

/** How far the clocks of a zone are ahead of UTC, in ms. */
function offsetAt(zone: string, moment: number): number {
  const format = new Intl.DateTimeFormat('en', {
    ...{ timeZone: zone, hourCycle: 'h23', year: 'numeric', month: '2-digit', day: '2-digit' },
    ...{ hour: '2-digit', minute: '2-digit', second: '2-digit' },
  });
  const part = Object.fromEntries(format.formatToParts(moment).map(({ type, value }) => [type, Number(value)]));
  const { year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0 } = part;
  return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(moment / 1000) * 1000;
}
