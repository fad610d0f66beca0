import type { DomainState } from '../delivery/domains.js';
import type { Progress } from './progress.js';

/** What holds a campaign up, where something does. */
export interface SlowedBy {
  /** No sender takes mails; our own mail server does not answer; a domain puts mails off. */
  readonly kind: 'no-sender' | 'own-server' | 'domain';
  readonly name: string;
  readonly reply: string;
}

const RECENT_MS = 60_000;

/** Says what holds a campaign up; null: nothing but the time that signing takes. */
export function slowedBy(now: Progress, domains: readonly DomainState[], at: Date): SlowedBy | null {
  if (now.state !== 'sending') return null;
  const recent = domains.filter((domain) => at.getTime() - domain.at.getTime() < RECENT_MS);
  const own = recent.find(({ name }) => name === null);
  if (own && now.waiting > 0) return { kind: 'own-server', name: '', reply: own.reply ?? '' };
  const worst = recent.find(({ name, deferred, sent }) => name !== null && deferred > 0 && deferred * 2 > sent);
  if (worst?.name && now.deferred > 0) return { kind: 'domain', name: worst.name, reply: worst.reply ?? '' };
  const isIdle = now.isFannedOut && now.waiting > 0 && now.rate === 0 && now.sending === 0;
  return isIdle ? { kind: 'no-sender', name: '', reply: '' } : null;
}
