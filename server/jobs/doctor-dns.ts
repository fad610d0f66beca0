import type { Resolver } from 'node:dns/promises';
import { catalogue, linkAddress, type OrganisationFacts } from '../consent/catalogue.js';
import type { Context } from '../context.js';
import { dkimKeysOf, type DkimKeyFacts } from '../delivery/dkim-keys.js';
import { askDns, makeResolver } from '../delivery/dns.js';
import { OVERLAP_DAYS } from '../delivery/rotate-dkim.js';
import { allDomains, type SendingDomain } from '../delivery/sending-domains.js';
import { dkimRecord } from '../mail/dkim-record.js';
import {
  dmarcRecords,
  judgeDmarcTexts,
  judgeKeyTexts,
  judgeSpfTexts,
  type Judged,
  type Verdict,
} from '../mail/dns-verdicts.js';
import { judgePtr, judgeSpfOf, sendingAddresses } from './doctor-sender.js';

/** A record that should stand in the DNS, and what does. */
export interface DnsFinding extends Judged {
  readonly organisation: string;
  readonly name: string;
  readonly type: 'TXT' | 'MX' | 'PTR';
  /** What to publish; what stands in angle brackets is to be filled in. */
  readonly text: string;
}

/** Whom the doctor asks, and about which addresses. */
export interface DnsQuestions {
  /** `127.0.0.1:53`; null: DNS_SERVER, or the system's. */
  readonly resolver: string | null;
  /** From which mail leaves to the world; none: those of the server in SMTP_URL, where they are public. */
  readonly sendingIps: readonly string[];
}

/** Checked, and not as it should be. */
export const BAD: readonly Verdict[] = ['missing', 'wrong', 'unknown'];

/** What a finding rests on. */
interface Visit {
  readonly ctx: Context;
  readonly organisation: OrganisationFacts;
  readonly resolver: Resolver;
  readonly ips: readonly string[];
  /** Was a resolver named? Then names that are reserved for examples are asked for, too. */
  readonly asksAll: boolean;
}

type Expected = Omit<DnsFinding, 'organisation' | keyof Judged>;

/** All records that the organisations need, each checked against the DNS now (M-40). */
export async function dnsFindings(ctx: Context, { resolver, sendingIps }: DnsQuestions): Promise<DnsFinding[]> {
  const { organisations } = await catalogue(ctx);
  const server = resolver ?? ctx.config.dnsServer;
  const asked = makeResolver(server);
  const ips = sendingIps.length > 0 ? sendingIps : await sendingAddresses(ctx, asked);
  const all: DnsFinding[] = [];
  for (const organisation of organisations)
    all.push(...(await findingsOf({ ctx, organisation, ips, resolver: asked, asksAll: server !== null })));
  return all;
}

async function findingsOf(visit: Visit): Promise<DnsFinding[]> {
  const { ctx, organisation } = visit;
  const domains = await allDomains(ctx, organisation);
  const found: Promise<DnsFinding>[] = [];
  for (const domain of domains) {
    const keys = await dkimKeysOf(ctx, { organisationId: organisation.id, domain: domain.domain });
    found.push(...keys.filter((key) => isNeeded(ctx, key)).map(async (key) => keyFinding(visit, domain, key)));
    found.push(spfFinding(visit, domain.domain), dmarcFinding(visit, domain.domain));
  }
  const { inboundDomain } = organisation;
  if (inboundDomain !== null) {
    // The envelope's domain: bounces come back to it, and SPF is looked up there.
    if (!domains.some(({ domain }) => domain === inboundDomain)) found.push(spfFinding(visit, inboundDomain));
    found.push(mxFinding(visit, inboundDomain));
  }
  return Promise.all([...found, ...ptrFindings(visit)]);
}

/** A former key is needed while mail that it signed may be on its way; later it is told only as long as somebody might ask. */
function isNeeded(ctx: Context, key: DkimKeyFacts): boolean {
  return key.retiredAt === null || key.retiredAt.getTime() + OVERLAP_DAYS * 86_400_000 > ctx.now().getTime();
}

async function keyFinding(visit: Visit, { isVerified }: SendingDomain, key: DkimKeyFacts): Promise<DnsFinding> {
  const { name, text } = dkimRecord(key);
  const judge = (texts: readonly string[]): Judged => {
    const judged = judgeKeyTexts(texts, key);
    if (key.state === 'former' && judged.verdict === 'ok')
      return { verdict: 'ok', words: 'A former key: leave it while mail that it signed is on its way.' };
    if (key.state === 'waiting' || !isVerified) return { ...judged, ...whileWaiting(judged, isVerified) };
    return judged;
  };
  return checkTexts(visit, { name, type: 'TXT', text }, judge);
}

function whileWaiting({ verdict }: Judged, isVerified: boolean): Partial<Judged> {
  const next = isVerified ? '"zgoda dkim use" takes it into use' : '"zgoda domain check" lets the domain send';
  if (verdict === 'ok') return { words: `The DNS shows this key: ${next}, or a worker within the hour.` };
  return verdict === 'missing'
    ? { verdict: 'waiting', words: `Publish it. Then ${next}, or a worker within the hour.` }
    : {};
}

async function spfFinding(visit: Visit, domain: string): Promise<DnsFinding> {
  const senders = visit.ips.map((ip) => `ip${ip.includes(':') ? 6 : 4}:${ip}`).join(' ');
  const text = `v=spf1 ${senders || 'include:<your sending server>'} -all`;
  return checkTexts(visit, { name: domain, type: 'TXT', text }, async (texts) => {
    const judged = judgeSpfTexts(texts);
    return judged.verdict === 'ok' ? judgeSpfOf(visit, domain) : judged;
  });
}

async function dmarcFinding(visit: Visit, domain: string): Promise<DnsFinding> {
  const text = `v=DMARC1; p=quarantine; rua=mailto:${visit.organisation.privacyContact}`;
  return checkTexts(visit, { name: `_dmarc.${domain}`, type: 'TXT', text }, async (own) => {
    if (dmarcRecords(own).length > 0) return judgeDmarcTexts(own, false);
    // RFC 9989: the tree is walked upwards to the first record.
    for (let above = parentOf(domain); above.includes('.'); above = parentOf(above)) {
      const texts = await textsAt(visit.resolver, `_dmarc.${above}`);
      if (texts === null) return UNKNOWN;
      if (dmarcRecords(texts).length > 0) return judgeDmarcTexts(texts, true);
    }
    return judgeDmarcTexts([], false);
  });
}

async function mxFinding(visit: Visit, domain: string): Promise<DnsFinding> {
  const { ctx, organisation, resolver } = visit;
  const host = new URL(linkAddress(ctx, organisation)).hostname;
  return check(visit, { name: domain, type: 'MX', text: `10 ${host}` }, async () => {
    const records = await askDns(resolver.resolveMx(domain));
    if (records === null) return UNKNOWN;
    const hosts = records.map(({ exchange }) => exchange).filter(Boolean);
    if (records.length === 0)
      return {
        verdict: 'missing',
        words:
          'No MX record: bounces, complaints and mails to unsubscribe addresses cannot come back. It names the host whose port 25 leads to INBOUND_PORT.',
      };
    if (hosts.length === 0)
      return {
        verdict: 'wrong',
        words: 'The record says that the domain takes no mail: name the host whose port 25 leads to INBOUND_PORT.',
      };
    for (const each of hosts) {
      const ips = [await askDns(resolver.resolve4(each)), await askDns(resolver.resolve6(each))];
      if (ips.includes(null)) return UNKNOWN;
      if (ips.flat().length === 0)
        return { verdict: 'wrong', words: `${each} has no address: give it one, or name another host.` };
    }
    return { verdict: 'ok', words: `Mail comes back by ${hosts.join(', ')}; its port 25 must lead to INBOUND_PORT.` };
  });
}

function ptrFindings(visit: Visit): Promise<DnsFinding>[] {
  const text = '<name of the sending server, with which it greets>';
  if (visit.ips.length === 0) {
    const expected = { name: '<address of the sending server>', type: 'PTR' as const, text };
    const words = 'From which address mail leaves cannot be told from here: say so with --sending-ip.';
    return [Promise.resolve(finding(visit, expected, { verdict: 'unchecked', words }))];
  }
  return visit.ips.map(async (ip) =>
    finding(visit, { name: ip, type: 'PTR', text }, await judgePtr(visit.resolver, ip)),
  );
}

export const UNKNOWN: Judged = {
  verdict: 'unknown',
  words: 'The DNS did not answer: try again, or name a resolver (--resolver).',
};
const RESERVED: Judged = {
  verdict: 'unchecked',
  words: 'The name is reserved for examples: it is asked for only where --resolver or DNS_SERVER says whom.',
};

async function checkTexts(
  visit: Visit,
  expected: Expected,
  judge: (texts: readonly string[]) => Judged | Promise<Judged>,
): Promise<DnsFinding> {
  return check(visit, expected, async () => {
    const texts = await textsAt(visit.resolver, expected.name);
    return texts === null ? UNKNOWN : judge(texts);
  });
}

async function check(visit: Visit, expected: Expected, judge: () => Promise<Judged>): Promise<DnsFinding> {
  return finding(visit, expected, visit.asksAll || !isReserved(expected.name) ? await judge() : RESERVED);
}

function finding({ organisation }: Visit, expected: Expected, judged: Judged): DnsFinding {
  return { organisation: organisation.slug, ...expected, ...judged };
}

async function textsAt(resolver: Resolver, name: string): Promise<string[] | null> {
  return (await askDns(resolver.resolveTxt(name)))?.map((pieces) => pieces.join('')) ?? null;
}

function parentOf(domain: string): string {
  return domain.slice(domain.indexOf('.') + 1);
}

/** RFC 2606, RFC 6761. */
function isReserved(name: string): boolean {
  return /(?:^|\.)(?:example|test|invalid|localhost|example\.(?:com|net|org))$/i.test(name);
}
