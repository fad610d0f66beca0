import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { InvalidArgumentError, Option } from 'commander';
import { Refusal } from '../errors.js';

/** `--resolver HOST:PORT`, for commands that look into the DNS. */
export function resolverOption(): Option {
  return new Option('--resolver <host:port>', 'whom to ask (default: DNS_SERVER, or those of the system)').argParser(
    (text: string): string => {
      const { host, port } = splitResolver(text);
      if (host === '' || !/^\d{1,5}$/.test(port) || Number(port) < 1 || Number(port) > 65_535)
        throw new InvalidArgumentError('It must be a host and a port, such as 127.0.0.1:53.');
      return text;
    },
  );
}

/** As a resolver is set: with an address instead of a name. Throws `body-invalid`. */
export async function resolverAddress(text: string | undefined): Promise<string | null> {
  if (text === undefined) return null;
  const { host, port } = splitResolver(text);
  const address = isIP(host) === 0 ? await addressOf(host) : host;
  return isIP(address) === 6 ? `[${address}]:${port}` : `${address}:${port}`;
}

function splitResolver(text: string): { host: string; port: string } {
  const [, v6, name = '', port = '53'] = /^(?:\[([0-9a-f:]+)\]|([^:[\]\s]+))(?::(\d+))?$/i.exec(text) ?? [];
  return { host: v6 ?? name, port };
}

async function addressOf(host: string): Promise<string> {
  try {
    return (await lookup(host)).address;
  } catch (error) {
    throw new Refusal('body-invalid', `The resolver ${host} has no address.`, {}, { cause: error });
  }
}
