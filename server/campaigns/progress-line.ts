import { secondsLeft, type Progress } from './progress.js';
import type { SlowedBy } from './slowed-by.js';

const BAR = 30;

/** How a campaign goes, on one line of a terminal. */
export function progressLine(now: Progress, slowed: SlowedBy | null): string {
  // Put off is not done.
  const done = now.queued - now.waiting - now.sending - now.deferred;
  const share = now.queued === 0 ? 0 : done / now.queued;
  const full = Math.round(share * BAR);
  const left = secondsLeft(now);
  const parts = [
    `[${'#'.repeat(full)}${'.'.repeat(BAR - full)}] ${Math.floor(share * 100)}%`,
    `${done} of ${now.queued}${now.isFannedOut ? '' : '+'}`,
    `${Math.round(now.rate)}/s`,
    left === null ? '' : `${duration(left)} left`,
    now.deferred > 0 ? `${now.deferred} put off, tried again later` : '',
    now.state === 'scheduled' ? `starts at ${now.startedAt?.toISOString() ?? ''}` : '',
    now.state === 'paused' ? 'paused' : '',
    now.state === 'sending' && now.waiting > 0 && now.rate === 0 && now.sending === 0 ? 'waiting for the sender' : '',
    slowedPart(slowed),
  ];
  return parts.filter((part) => part !== '').join('  ');
}

function slowedPart(slowed: SlowedBy | null): string {
  if (slowed?.kind === 'own-server') return `our mail server does not answer: ${oneLine(slowed.reply)}`;
  return slowed?.kind === 'domain' ? `slowed by ${slowed.name}: ${oneLine(slowed.reply)}` : '';
}

/** What a server says goes to a terminal: no control characters, and little of it. */
function oneLine(text: string): string {
  return text.replace(/[\p{C}\s]+/gu, ' ').slice(0, 60);
}

function duration(seconds: number): string {
  if (seconds < 120) return `${seconds} s`;
  return seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
}
