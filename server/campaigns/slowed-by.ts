import type { DomainState } from '../delivery/domains.js';
import type { Outage } from '../delivery/outage.js';
import type { Progress } from './progress.js';

/** What holds a campaign up, where something does. */
export interface SlowedBy {
  /** No sender takes mails; our own mail server does not answer; a domain puts mails off. */
  readonly kind: 'no-sender' | 'own-server' | 'domain';
  readonly name: string;
  readonly reply: string;
  /** Of our own server: since when it does not answer; null: that is not known. */
  readonly since: Date | null;
}

const RECENT_MS = 60_000;

/** Says what holds a campaign up; null: nothing but the time that signing takes. */
export function slowedBy(
  now: Progress,
  domains: readonly DomainState[],
  at: Date,
  outage: Outage | null = null,
): SlowedBy | null {
  if (now.state !== 'sending') return null;
  const recent = domains.filter((domain) => at.getTime() - domain.at.getTime() < RECENT_MS);
  // What a recipient's server said later came by way of ours.
  const own = recent.find(({ name, at: said }) => name === null && recent.every((other) => other.at <= said));
  if (outage && now.waiting > 0) return { kind: 'own-server', name: '', ...outage };
  if (own && now.waiting > 0) return { kind: 'own-server', name: '', reply: own.reply ?? '', since: null };
  const worst = recent.find(({ name, deferred, sent }) => name !== null && deferred > 0 && deferred * 2 > sent);
  if (worst?.name && now.deferred > 0)
    return { kind: 'domain', name: worst.name, reply: worst.reply ?? '', since: null };
  const isIdle = now.isFannedOut && now.waiting > 0 && now.rate === 0 && now.sending === 0;
  return isIdle ? { kind: 'no-sender', name: '', reply: '', since: null } : null;
}
