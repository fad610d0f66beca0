import { randomBytes } from 'node:crypto';

/** 12 hex digits of milliseconds, 4 of a counter, 6 of chance (two processes); always above the last, even when the clock steps back. */
export function nextId(last: string, now: number): string {
  const [lastTime, lastCount] = [parseInt(last.slice(0, 12) || '0', 16), parseInt(last.slice(12, 16) || '0', 16)];
  const isLater = now > lastTime;
  const count = isLater ? 0 : lastCount + 1;
  const [time, counter] = isLater ? [now, 0] : count > 0xffff ? [lastTime + 1, 0] : [lastTime, count];
  return time.toString(16).padStart(12, '0') + counter.toString(16).padStart(4, '0') + randomBytes(3).toString('hex');
}
