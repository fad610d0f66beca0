/** How long and how often a mail is tried. */
export interface Persistence {
  /** Absent: as the service does. */
  readonly tryForHours?: number | undefined;
  /** It stays unknown whether it arrived: once more with the same Message-ID (as when absent), or left at that. */
  readonly onUnknown?: 'again' | 'leave' | undefined;
}

const MINUTE = 60_000;
const PAUSES = [1, 5, 15, 60, 120, 240, 480];

/** How long a deferred mail waits after its nth try, in ms; null when the next one would come after so many hours. */
export function retryPause(attempts: number, hours: number): number | null {
  const pauseAfter = (n: number): number => PAUSES[Math.min(n, PAUSES.length) - 1] ?? 1;
  let minutes = 0;
  for (let n = 1; n <= attempts; n += 1) minutes += pauseAfter(n);
  return minutes > hours * 60 ? null : pauseAfter(Math.max(1, attempts)) * MINUTE;
}
