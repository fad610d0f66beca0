import { isIP } from 'node:net';
import type { z } from 'zod';

/** What TRUST_PROXY says, for express: nobody, a number of hops, or address ranges. Never everybody (T15). */
export function parseTrustProxy(text: string, ctx: z.RefinementCtx): false | number | string[] {
  if (text === '' || text === '0' || text === 'false') return false;
  if (/^\d{1,2}$/.test(text)) return Number(text);
  const ranges = text.split(',').map((word) => word.trim());
  if (ranges.every(isRange)) return ranges;
  ctx.addIssue({
    code: 'custom',
    message: 'must be a number of proxies or address ranges, never "all" (anybody could forge an IP)',
  });
  return false;
}

// The widest ranges that one owner has are 10/8 and fc00::/7; wider ones, and two halves of everything, are "all" in other words.
function isRange(text: string): boolean {
  if (['loopback', 'linklocal', 'uniquelocal'].includes(text)) return true;
  const [address = '', prefix, ...rest] = text.split('/');
  const kind = /^[0-9a-fA-F.:]+$/.test(address) ? isIP(address) : 0;
  if (kind === 0 || rest.length > 0 || /^::ffff:/i.test(address)) return false;
  if (prefix === undefined) return true;
  const [widest, narrowest] = kind === 4 ? [8, 32] : [7, 128];
  return /^\d{1,3}$/.test(prefix) && Number(prefix) >= widest && Number(prefix) <= narrowest;
}
