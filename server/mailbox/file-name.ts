import { randomBytes } from 'node:crypto';

/** True for what may be an id: nothing else comes near a path. */
export function isMailId(text: string): boolean {
  return /^[0-9a-f]{22}$/.test(text);
}

/** A mail as its file name tells it. */
export interface StoredMail {
  readonly id: string;
  readonly name: string;
  readonly envelopeFrom: string;
  /** Empty when it was too long for a file name. */
  readonly to: string;
}

/** When a mail arrived. */
export function arrivalOf(id: string): Date {
  return new Date(parseInt(id.slice(0, 12), 16));
}

/** 12 hex digits of milliseconds, 4 of a counter, 6 of chance (two processes); always above the last, even when the clock steps back. */
export function nextId(last: string, now: number): string {
  const [lastTime, lastCount] = [parseInt(last.slice(0, 12) || '0', 16), parseInt(last.slice(12, 16) || '0', 16)];
  const isLater = now > lastTime;
  const count = isLater ? 0 : lastCount + 1;
  const [time, counter] = isLater ? [now, 0] : count > 0xffff ? [lastTime + 1, 0] : [lastTime, count];
  return time.toString(16).padStart(12, '0') + counter.toString(16).padStart(4, '0') + randomBytes(3).toString('hex');
}

/** Id, sender and recipient, so that the list can be searched without opening a file. */
export function fileName(id: string, from: string, to: string): string {
  const name = `${id},${encodeURIComponent(from)},${encodeURIComponent(to)}.eml`;
  return name.length <= 240 ? name : `${id},,.eml`;
}

/** What a file name says; null for files that are none of ours. */
export function readFileName(name: string): StoredMail | null {
  const [, id, from, to] = /^([0-9a-f]{22}),([^,/]*),([^,/]*)\.eml$/.exec(name) ?? [];
  if (!id || from === undefined || to === undefined) return null;
  try {
    return { id, name, envelopeFrom: decodeURIComponent(from), to: decodeURIComponent(to) };
  } catch {
    return null;
  }
}
