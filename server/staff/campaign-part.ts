import { isAnswered, secondsLeft, skippedCount, type Progress } from '../campaigns/progress.js';
import { reasonName } from './audience-part.js';
import type { LivePart } from './live-part.js';
import type { ProgressPart } from './views.js';

/** Numbers of a campaign as the screen shows them. */
export function progressPart(
  now: Progress,
  language: string,
  zone: string,
  live: LivePart | null = null,
): ProgressPart {
  const answered = now.queued - now.waiting - now.sending;
  const rows = [
    { name: 'waiting', count: now.waiting },
    { name: 'sending', count: now.sending },
    { name: 'sent', count: now.sent },
    { name: 'failed', count: now.failed },
    { name: 'skipped', count: skippedCount(now) },
    { name: 'deferred', count: now.deferred },
    { name: 'unknown', count: now.unknown },
  ];
  // Put off is not done.
  const done = answered - now.deferred;
  // Where nothing leaves at all, no rate says when it ends.
  const isStill =
    live !== null && (live.halted !== null || ['own-server', 'no-sender'].includes(live.slowedBy?.kind ?? ''));
  const isBusy = now.state === 'sending' && !isAnswered(now);
  return {
    language,
    zone,
    state: now.state,
    isCounting: now.state === 'sending' && !now.isFannedOut,
    isMoving: now.state === 'sending' || (now.state === 'cancelled' && now.finishedAt === null),
    isBusy,
    queued: now.queued,
    answered,
    percent: now.queued === 0 ? 0 : Math.floor((done / now.queued) * 100),
    rate: isStill ? 0 : Math.round(now.rate),
    left: isBusy && !isStill ? inUnits(secondsLeft(now)) : null,
    startedAt: hasStarted(now) ? now.startedAt : null,
    finishedAt: now.finishedAt,
    rows,
    reasons: reasonRows(now.skipped),
    live,
  };
}

/** Not while it waits for its time, and never where it was cancelled before that. */
function hasStarted({ state, startedAt, finishedAt }: Progress): boolean {
  return state !== 'scheduled' && !(startedAt && finishedAt && finishedAt < startedAt);
}

function reasonRows(counts: Readonly<Record<string, number>>): { name: string; count: number }[] {
  return Object.entries(counts).map(([name, count]) => ({ name: reasonName(name), count }));
}

function inUnits(seconds: number | null): ProgressPart['left'] {
  if (seconds === null) return null;
  if (seconds < 120) return { unit: 'seconds', count: seconds };
  return seconds < 7_200
    ? { unit: 'minutes', count: Math.round(seconds / 60) }
    : { unit: 'hours', count: Math.round(seconds / 3_600) };
}
