/**
 * One large mail at a time lies in memory whole, however many come or go: whoever works on one waits for the turn. Small ones do not wait.
 */
export function makeTurns(): <T>(work: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return async (work) => {
    const turn = last.then(work, work);
    last = turn.catch(() => undefined);
    return turn;
  };
}
