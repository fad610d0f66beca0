import { BlockList, isIP } from 'node:net';

/** Where mail is handed over, from SMTP_URL. */
export interface SmtpServerAddress {
  readonly host: string;
  readonly port: number;
  /** TLS from the first byte (smtps). */
  readonly implicitTls: boolean;
  /** A server on this machine: its certificate is not checked and a password may go in clear. */
  readonly isLoopback: boolean;
  readonly login: { readonly user: string; readonly password: string } | null;
}

/** Reads `smtp://user:password@host:port`. Ports by default: smtps 465, with a login 587, else 25. Throws TypeError. */
export function readSmtpUrl(text: string): SmtpServerAddress {
  const url = new URL(text);
  if (url.protocol !== 'smtp:' && url.protocol !== 'smtps:') throw new TypeError('not an smtp or smtps URL');
  const host = decodeURIComponent(url.hostname).replace(/^\[(.*)\]$/, '$1');
  const implicitTls = url.protocol === 'smtps:';
  const login = url.username
    ? { user: decodeURIComponent(url.username), password: decodeURIComponent(url.password) }
    : null;
  const port = Number(url.port) || (implicitTls ? 465 : login ? 587 : 25);
  return { host, port, implicitTls, isLoopback: isLoopbackHost(host), login };
}

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

/** True for this machine itself: localhost, 127.0.0.0/8, ::1, and their IPv4-mapped forms. */
export function isLoopbackHost(host: string): boolean {
  const family = isIP(host);
  if (family === 0) return host.toLowerCase() === 'localhost';
  return loopback.check(host, family === 4 ? 'ipv4' : 'ipv6');
}
