/** How fast mail goes to each recipient domain. */
export interface DomainPace {
  /** 0: a mail to this domain may go now; else how long it waits for its turn, in ms. `share`: which part of the limit is ours. */
  ask(domain: string, now: number, share: number): number;
}

export interface DomainLimits {
  /** Mails a second to any domain that is not named; null: as fast as it goes. */
  readonly usual: number | null;
  readonly named: ReadonlyMap<string, number>;
}

/** Mails that may go at once after a rest, in seconds' worth. */
const BURST_MS = 1_000;
/** Nobody is sent further away, so that a limit that is raised counts soon. */
const LONGEST_MS = 15 * 60_000;
const MANY = 10_000;

interface Domain {
  /** When the next mail may go. */
  next: number;
  /** The last turn that was given away. */
  tail: number;
}

/**
 * Turns within the limits. Whoever must wait is given a turn of their own after all who wait already: mails of a slow domain come back when it is their time
 * and do not stand in the way of others meanwhile.
 */
export function makeDomainPace({ usual, named }: DomainLimits): DomainPace {
  const domains = new Map<string, Domain>();
  return {
    ask: (domain, now, share) => {
      const limit = named.get(domain) ?? usual;
      if (limit === null) return 0;
      if (domains.size >= MANY) forget(domains, now);
      const known = domains.get(domain) ?? { next: 0, tail: 0 };
      domains.set(domain, known);
      const gap = 1_000 / (limit * share);
      // One mail at least may always go after a rest.
      const earliest = now - Math.max(0, BURST_MS - gap);
      if (known.next <= now) {
        known.next = Math.max(known.next, earliest) + gap;
        return 0;
      }
      known.tail = Math.max(known.tail, known.next, now) + gap;
      if (known.tail > now + LONGEST_MS) known.tail = known.next + gap;
      return Math.ceil(known.tail - now);
    },
  };
}

function forget(domains: Map<string, Domain>, now: number): void {
  for (const [name, { next, tail }] of domains) if (Math.max(next, tail) < now) domains.delete(name);
}
