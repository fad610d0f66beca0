import type { Resolver } from 'node:dns/promises';
import { isIP } from 'node:net';
import { spf } from 'mailauth/lib/spf/index.js';
import type { Context } from '../context.js';
import { askDns } from '../delivery/dns.js';
import type { Judged } from '../mail/dns-verdicts.js';
import { SmtpConnection, SmtpTrouble } from '../mail/smtp-connection.js';
import { readSmtpUrl, type SmtpServerAddress } from '../mail/smtp-server-url.js';
import { ownName } from '../mail/smtp-name.js';
import { isAllowed } from '../public-address.js';
import type { Finding } from './doctor-attestors.js';

/** Each step of the way to the server that takes our mail, in ms. */
const TIMES = { connect: 10_000, greeting: 10_000, answer: 10_000, dataEnd: 10_000 };

/** Does each server behind SMTP_URL answer, and is the way to it encrypted? On this machine it need not be. */
export async function senderFindings(ctx: Context): Promise<Finding[]> {
  const { smtpUrl } = ctx.config;
  if (!smtpUrl) return [{ name: 'mail', ok: true, words: 'no SMTP_URL: the built-in mailbox takes all mail' }];
  const [first = '', ...others] = smtpUrl.split(' ');
  if (others.length === 0) return [await senderFinding('mail', first)];
  return Promise.all(
    [first, ...others].map(async (url) => {
      const { host, port } = readSmtpUrl(url);
      return senderFinding(`mail: ${host}:${port}`, url);
    }),
  );
}

async function senderFinding(name: string, url: string): Promise<Finding> {
  const server = readSmtpUrl(url);
  try {
    const connection = await SmtpConnection.open(server, ownName(), TIMES);
    const secured = connection.peer.split(' ').at(-1) ?? '';
    connection.end();
    const ok = secured !== 'unencrypted' || server.isLoopback;
    const way = ok
      ? 'on this machine'
      : 'not encrypted: everybody on the way can read and change mail, so let it offer STARTTLS';
    return {
      name,
      ok,
      words: `the server behind SMTP_URL answers, ${secured === 'unencrypted' ? way : secured}`,
    };
  } catch (error) {
    if (!(error instanceof SmtpTrouble)) throw error;
    return {
      name,
      ok: false,
      words: `the server behind SMTP_URL cannot be used, and mail waits: ${error.message}`,
    };
  }
}

/** Addresses from which mail leaves, as far as SMTP_URL tells: public ones of the server in it. A provider may send from others. */
export async function sendingAddresses(ctx: Context, resolver: Resolver): Promise<string[]> {
  const urls = ctx.config.smtpUrl?.split(' ') ?? [];
  const each = await Promise.all(urls.map(async (url) => addressesOf(readSmtpUrl(url), resolver)));
  return [...new Set(each.flat())];
}

async function addressesOf({ host, isLoopback }: SmtpServerAddress, resolver: Resolver): Promise<string[]> {
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
