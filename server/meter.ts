/** How much this process has to do for people who wait for a page. */
export interface Meter {
  /** A page was asked for. */
  count(): void;
  /** More than a hundred pages a second: what nobody waits for should leave them room. */
  readonly isRushed: boolean;
}

const SPAN_MS = 250;
const RUSH = 25;

/** Counts in spans of a quarter of a second; the last whole span decides, or the one that runs. `now`: a clock in ms. */
export function makeMeter(now: () => number = () => performance.now()): Meter {
  let [start, count, last] = [0, 0, 0];
  const turn = (): void => {
    const passed = now() - start;
    if (passed < SPAN_MS) return;
    last = passed < 2 * SPAN_MS ? count : 0;
    count = 0;
    start = now();
  };
  return {
    count: () => {
      turn();
      count += 1;
    },
    get isRushed() {
      turn();
      return Math.max(last, count) > RUSH;
    },
  };
}
