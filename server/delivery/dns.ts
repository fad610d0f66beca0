import { Resolver } from 'node:dns/promises';

/** TXT records of a name, each in its pieces. Fails with `code`, as node:dns does. */
export type Lookup = (name: string) => Promise<string[][]>;

/** How long one try may take, in ms, and how many there are. */
const TRY = { timeout: 3000, tries: 2 };

/** Asks one resolver (`127.0.0.1:53`), or those of the system; null. */
export function makeLookup(server: string | null): Lookup {
  const resolver = makeResolver(server);
  return async (name) => resolver.resolveTxt(name);
}

/** The same for all kinds of records. */
export function makeResolver(server: string | null): Resolver {
  const resolver = new Resolver(TRY);
  if (server) resolver.setServers([server]);
  return resolver;
}

/** The records, none where there are none; null: the DNS did not answer. */
export async function askDns<T>(asked: Promise<T[]>): Promise<T[] | null> {
  try {
    return await asked;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : '';
    return code === 'ENOTFOUND' || code === 'ENODATA' || code === 'EBADNAME' ? [] : null;
  }
}
