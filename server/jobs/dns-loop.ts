import type { Context } from '../context.js';
import { makeResolver } from '../delivery/dns.js';
import { lookForAll } from '../delivery/look-for-keys.js';
import type { Loop } from './loop.js';

const HOUR_MS = 3_600_000;

/** Takes new keys and domains into use once the DNS shows them. It asks nothing while nothing is waited for. */
export function dnsLoop(ctx: Context, signal: AbortSignal): Loop {
  const resolver = makeResolver(ctx.config.dnsServer);
  signal.addEventListener('abort', () => resolver.cancel(), { once: true });
  return {
    name: 'look into the DNS',
    idle: HOUR_MS,
    work: async () => {
      await lookForAll(ctx, async (name) => resolver.resolveTxt(name));
      // What is not shown yet is looked for in an hour.
      return 0;
    },
  };
}
