import type { LogPage } from '../web/pages.js';
import type { DaySize } from './growth.js';

/** Size of the drawing, and where its plot lies in it; in units of its own. */
const WIDTH = 320;
const PLOT = { left: 66, right: 312, top: 24, bottom: 156 };

/** The plot of the log's growth: a line from day to day over an axis that begins at nothing. Null while there is no second day. */
export function growthPlot(days: readonly DaySize[]): LogPage['growth'] {
  const [first, last] = [days[0], days.at(-1)];
  if (!first || !last || days.length < 2) return null;
  const top = roundUp(last.size);
  const x = (place: number): number => PLOT.left + (place * (PLOT.right - PLOT.left)) / (days.length - 1);
  const y = (size: number): number => PLOT.bottom - (size * (PLOT.bottom - PLOT.top)) / top;
  return {
    added: last.size - first.size,
    days: days.length - 1,
    size: last.size,
    from: first.day,
    to: last.day,
    width: WIDTH,
    ...PLOT,
    line: days.map(({ size }, place) => `${place === 0 ? 'M' : 'L'}${short(x(place))} ${short(y(size))}`).join(''),
    ticks: [0, top / 2, top].map((value) => ({ value, y: short(y(value)), textY: short(y(value) + 4) })),
    table: days,
  };
}

/** The next 2, 5 or 10 of any power of ten, and never odd. */
function roundUp(size: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(size, 1)));
  return Math.max(2, [1, 2, 5, 10].map((step) => step * power).find((value) => value >= size) ?? size);
}

function short(value: number): number {
  return Math.round(value * 10) / 10;
}
