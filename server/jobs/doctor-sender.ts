import type { Resolver } from 'node:dns/promises';
import { isIP } from 'node:net';
import { spf } from 'mailauth/lib/spf/index.js';
import type { Context } from '../context.js';
import { askDns } from '../delivery/dns.js';
import type { Judged } from '../mail/dns-verdicts.js';
import { readSmtpUrl } from '../mail/smtp-server-url.js';
import { isAllowed } from '../public-address.js';

/** Addresses from which mail leaves, as far as SMTP_URL tells: public ones of the server in it. A provider may send from others. */
export async function sendingAddresses(ctx: Context, resolver: Resolver): Promise<string[]> {
  if (!ctx.config.smtpUrl) return [];
  const { host, isLoopback } = readSmtpUrl(ctx.config.smtpUrl);
  if (isLoopback) return [];
  if (isIP(host) !== 0) return isAllowed(host, true) ? [host] : [];
  const found = [await askDns(resolver.resolve4(host)), await askDns(resolver.resolve6(host))];
  return found.flatMap((ips) => ips ?? []).filter((ip) => isAllowed(ip, true));
}

/** Does the SPF record of a domain let these addresses send? Evaluated as receivers do, with their limit of ten look-ups. */
export async function judgeSpfOf(
  { resolver, ips }: { readonly resolver: Resolver; readonly ips: readonly string[] },
  domain: string,
): Promise<Judged> {
  if (ips.length === 0)
    return {
      verdict: 'ok',
      words: 'There is one SPF record. Whether it lets your server send can be told with --sending-ip.',
    };
  for (const ip of ips) {
    const { status } = await spf({
      ...{ ip, sender: `postmaster@${domain}`, helo: domain },
      resolver: async (name: string, type: string) => resolver.resolve(name, type) as Promise<string[][]>,
    });
    if (status.result === 'temperror')
      return { verdict: 'unknown', words: 'The DNS did not answer for all of the record.' };
    if (status.result === 'permerror')
      return {
        verdict: 'wrong',
        words: 'Receivers cannot evaluate it: a name in it does not exist, or it needs more than ten look-ups.',
      };
    if (status.result !== 'pass')
      return {
        verdict: 'wrong',
        words: `It does not let ${ip} send (${status.result}): add ip${isIP(ip)}:${ip}, or the include of your provider.`,
      };
  }
  return { verdict: 'ok', words: `It lets ${ips.join(', ')} send.` };
}

/** An address must have a name, and the name must lead back to it: large providers refuse mail otherwise. */
export async function judgePtr(resolver: Resolver, ip: string): Promise<Judged> {
  const names = await askDns(resolver.resolvePtr(reverseName(ip)));
  if (names === null) return { verdict: 'unknown', words: 'The DNS did not answer.' };
  if (names.length === 0)
    return { verdict: 'missing', words: `${ip} has no name: whoever gave you the address can enter one.` };
  for (const name of names) {
    const back = await askDns(isIP(ip) === 4 ? resolver.resolve4(name) : resolver.resolve6(name));
    if (back?.some((one) => isSame(one, ip)))
      return { verdict: 'ok', words: `${ip} is ${name}, which leads back to it.` };
  }
  return {
    verdict: 'wrong',
    words: `${ip} is ${names[0] ?? ''}, which does not lead back: give that name the address.`,
  };
}

/** `25.2.0.192.in-addr.arpa`; for IPv6 a label for each of 32 digits. RFC 1035 3.5, RFC 3596 2.5. */
function reverseName(ip: string): string {
  if (isIP(ip) === 4) return `${ip.split('.').reverse().join('.')}.in-addr.arpa`;
  const [head = '', tail] = plainAddress(ip).split('::');
  const groups = (part: string): string[] => part.split(':').filter(Boolean);
  const [before, after] = [groups(head), groups(tail ?? '')];
  const all = [...before, ...Array<string>(8 - before.length - after.length).fill('0'), ...after];
  const digits = all.map((group) => group.padStart(4, '0')).join('');
  return `${Array.from(digits).reverse().join('.')}.ip6.arpa`;
}

/** The same address, however it is written. */
function isSame(one: string, other: string): boolean {
  return plainAddress(one) === plainAddress(other);
}

/** The one way to write an IPv6 address, without its brackets. */
function plainAddress(ip: string): string {
  return isIP(ip) === 6 ? new URL(`http://[${ip}]`).hostname.slice(1, -1) : ip;
}
