import { setTimeout } from 'node:timers/promises';
import type { OrganisationFacts } from '../consent/catalogue.js';
import type { Context } from '../context.js';
import { dkimRecord } from '../mail/dkim-record.js';
import { judgeKeyTexts, type Verdict } from '../mail/dns-verdicts.js';
import { askDns, makeLookup, type Lookup } from './dns.js';
import { fromDomain, signersOf } from './signing.js';

/** What the DNS said is believed so long; what it did not say is asked again sooner. In ms. */
const KEPT_MS = 10 * 60_000;
const UNKNOWN_MS = 60_000;
/** A page waits so long for the first answer, and shows it the next time otherwise. */
const PATIENCE_MS = 1_500;

const kept = new WeakMap<Context, Map<string, { at: number; verdict: Promise<Verdict>; known: Verdict | null }>>();

/**
 * What the DNS shows of the keys that sign for an organisation: the worst of them. One look in ten minutes, however often it is asked for; null while there is no
 * answer yet.
 */
export async function keysInDns(
  ctx: Context,
  organisation: OrganisationFacts,
  lookup: Lookup = makeLookup(ctx.config.dnsServer),
): Promise<Verdict | null> {
  const domain = fromDomain(organisation);
  // Names for examples are nobody's: they are asked for only where somebody says whom.
  if (ctx.config.dnsServer === null && RESERVED.test(domain)) return 'unchecked';
  const looks = kept.get(ctx) ?? new Map<string, { at: number; verdict: Promise<Verdict>; known: Verdict | null }>();
  kept.set(ctx, looks);
  const before = looks.get(organisation.id);
  const age = before?.known === 'unknown' ? UNKNOWN_MS : KEPT_MS;
  if (before && Date.now() - before.at < age) return before.known ?? patiently(before.verdict);
  const look = { at: Date.now(), verdict: worst(ctx, organisation, lookup), known: null as Verdict | null };
  looks.set(organisation.id, look);
  void look.verdict.then((verdict) => {
    look.known = verdict;
  });
  return patiently(look.verdict);
}

/** RFC 2606, RFC 6761. */
const RESERVED = /(?:^|\.)(?:example|test|invalid|localhost|example\.(?:com|net|org))$/i;

async function patiently(verdict: Promise<Verdict>): Promise<Verdict | null> {
  const timer = new AbortController();
  const late = setTimeout(PATIENCE_MS, null, { signal: timer.signal }).catch(() => null);
  return Promise.race([verdict, late]).finally(() => timer.abort());
}

async function worst(ctx: Context, organisation: OrganisationFacts, lookup: Lookup): Promise<Verdict> {
  const verdicts: Verdict[] = [];
  for (const key of await signersOf(ctx, organisation)) {
    const texts = await askDns(lookup(dkimRecord(key).name));
    verdicts.push(
      texts === null
        ? 'unknown'
        : judgeKeyTexts(
            texts.map((pieces) => pieces.join('')),
            key,
          ).verdict,
    );
  }
  return (['wrong', 'missing', 'unknown'] as const).find((one) => verdicts.includes(one)) ?? 'ok';
}
