import { hostname } from 'node:os';

/** How we introduce ourselves. RFC 5321 4.1.3: without a full name an address literal stands in. */
export function ownName(name = hostname()): string {
  return /^[a-z0-9-]+(\.[a-z0-9-]+)+$|^\[[a-z0-9.:]+\]$/i.test(name) ? name : '[127.0.0.1]';
}
