import { Resolver } from 'node:dns/promises';

/** TXT records of a name, each in its pieces. Fails with `code`, as node:dns does. */
export type Lookup = (name: string) => Promise<string[][]>;

/** How long one try may take, in ms, and how many there are. */
const TRY = { timeout: 3000, tries: 2 };

/** Asks one resolver (`127.0.0.1:53`), or those of the system; null. */
export function makeLookup(server: string | null): Lookup {
  const resolver = new Resolver(TRY);
  if (server) resolver.setServers([server]);
  return async (name) => resolver.resolveTxt(name);
}
