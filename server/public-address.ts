import { BlockList, isIP } from 'node:net';

/** Whether something may be sent to this address: the public internet, and outside production loopback. */
export function isAllowed(address: string, production: boolean): boolean {
  const version = isIP(address);
  if (version === 0 || address.includes('%')) return false;
  const family = version === 4 ? 'ipv4' : 'ipv6';
  if (!isMapped(address) && LOOPBACK.check(address, family)) return !production;
  if (version === 4) return !REFUSED_V4.check(address);
  return ALLOWED_V6.check(address, 'ipv6') && !REFUSED_V6.check(address, 'ipv6');
}

const LOOPBACK = rangesOf(['127.0.0.0/8'], ['::1/128']);
/** All that is not on the public internet: IANA's special-purpose registries, multicast and what is reserved. */
const REFUSED_V4 = rangesOf(
  [
    ...['0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12', '192.0.0.0/24'],
    ...['192.0.2.0/24', '192.88.99.0/24', '192.168.0.0/16', '198.18.0.0/15', '198.51.100.0/24', '203.0.113.0/24'],
    ...['224.0.0.0/4', '240.0.0.0/4'],
  ],
  [],
);
/** Of IPv6 only global unicast is public, and of that not what carries an IPv4 address or is for examples. */
const ALLOWED_V6 = rangesOf([], ['2000::/3']);
const REFUSED_V6 = rangesOf([], ['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20']);

// Node compares ::ffff:127.0.0.1 with ranges of IPv4 too; here a mapped address is never what it pretends to be.
function isMapped(address: string): boolean {
  return isIP(address) === 6 && new URL(`http://[${address}]`).hostname.startsWith('[::ffff:');
}

function rangesOf(v4: readonly string[], v6: readonly string[]): BlockList {
  const list = new BlockList();
  const add = (ranges: readonly string[], family: 'ipv4' | 'ipv6'): void => {
    for (const range of ranges) {
      const [net = '', prefix = ''] = range.split('/');
      list.addSubnet(net, Number(prefix), family);
    }
  };
  add(v4, 'ipv4');
  add(v6, 'ipv6');
  return list;
}
