import { Refusal } from '../errors.js';

/** When something was said to staff. */
export interface SaidAt {
  /** For the record: `YYYY-MM-DDTHH:MM:SS.sssZ`, or `YYYY-MM-DD` where only the day is known. */
  readonly text: string;
  readonly isDay: boolean;
  /** A moment of it: of a day, its noon in the organisation's zone. */
  readonly at: Date;
}

const DAY_MS = 86_400_000;
/** Clocks differ. */
const AHEAD_MS = 5 * 60_000;

/**
 * Reads a day, or a day and a time: `2026-11-03`, `2026-11-03 14:05` (in the organisation's zone), `2026-11-03T14:05:00Z`, `...+01:00`. What lies ahead, and what
 * is older than a year, is refused: a consent that waited for so long is asked for anew. Throws `body-invalid`.
 */
export function readSaidAt(text: string, zone: string, now: Date): SaidAt {
  const [, day = '', time, seconds = ':00', offset] =
    /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2})(:\d{2}(?:\.\d{1,3})?)?(Z|[+-]\d{2}:\d{2})?)?$/.exec(text.trim()) ?? [];
  const clock = `${time ?? '12:00'}${seconds}`;
  const at = offset ? new Date(`${day}T${clock}${offset}`) : inZone(`${day}T${clock}`, zone);
  if (Number.isNaN(at.getTime()) || !isDayOfCalendar(day))
    throw refused('is no day and time, such as 2026-11-03 14:05');
  // A day is not over before its end.
  const ahead = time === undefined ? DAY_MS / 2 : AHEAD_MS;
  if (at.getTime() > now.getTime() + ahead) throw refused('lies ahead');
  if (at.getTime() < now.getTime() - 366 * DAY_MS) throw refused('is more than a year ago: ask anew');
  return { text: time === undefined ? day : at.toISOString(), isDay: time === undefined, at };
}

/** The moment at which a clock in that zone shows this: `YYYY-MM-DDTHH:MM:SS`. An hour that summer time leaves out counts as the next. */
function inZone(clock: string, zone: string): Date {
  const wanted = Date.parse(`${clock}Z`);
  if (Number.isNaN(wanted)) return new Date(NaN);
  // The first guess may lie on the other side of a change of the clocks.
  const guess = wanted - offsetAt(wanted, zone);
  const found = wanted - offsetAt(guess, zone);
  const isShown = found + offsetAt(found, zone) === wanted;
  return new Date(isShown ? found : Math.max(guess, found));
}

/** By how many ms a zone's clocks are ahead of UTC. */
function offsetAt(moment: number, zone: string): number {
  const format = new Intl.DateTimeFormat('en-GB', {
    ...{ timeZone: zone, hourCycle: 'h23', year: 'numeric', month: '2-digit', day: '2-digit' },
    ...{ hour: '2-digit', minute: '2-digit', second: '2-digit' },
  });
  const parts = new Map(format.formatToParts(moment).map(({ type, value }) => [type, Number(value)]));
  const part = (name: Intl.DateTimeFormatPartTypes): number => parts.get(name) ?? 0;
  const shown = Date.UTC(part('year'), part('month') - 1, part('day'), part('hour'), part('minute'), part('second'));
  return shown - Math.floor(moment / 1000) * 1000;
}

function isDayOfCalendar(day: string): boolean {
  const date = new Date(`${day}T00:00:00.000Z`);
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(day);
}

function refused(why: string): Refusal {
  return new Refusal('body-invalid', `The time at which it was said ${why}.`);
}
