import { createPrivateKey, generateKeyPair, randomUUID, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import type { DkimAlgorithm } from '../../entities/dkim-key.js';
import type { Context } from '../context.js';
import { unwrapKey, wrapKey } from '../keys/subject-key.js';
import type { SigningKey } from '../mail/dkim.js';

/** A key of a domain, with where it stands in its life. */
export interface DkimKeyFacts extends SigningKey {
  readonly id: string;
  readonly algorithm: DkimAlgorithm;
  /** `waiting` for the DNS, `used` for each mail, or `former`: mail on its way is still verified with it. */
  readonly state: 'waiting' | 'used' | 'former';
  readonly retiredAt: Date | null;
}

/** Whose keys: an organisation's, for one of its domains (A-labels, lower case). */
export interface KeyOwner {
  readonly organisationId: string;
  readonly domain: string;
}

const BITS = 2048;
const ATTEMPTS = 5;
const ALGORITHMS = ['rsa', 'ed25519'] as const;

/**
 * All keys for a domain that are not destroyed, newest first, RSA before Ed25519. Where there are none a first pair is made, which signs at once: a mail without a signature would be
 * worse than one whose key the DNS does not show yet. A lone RSA key, from before there were pairs, gets its second, which waits.
 */
export async function dkimKeysOf(ctx: Context, owner: KeyOwner): Promise<DkimKeyFacts[]> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const rows = await find(ctx, owner);
    if (rows.length === 0) await addKeys(ctx, owner, { algorithms: ALGORITHMS, usedFrom: ctx.now() });
    else if (!rows.some((row) => row.algorithm === 'ed25519'))
      await addKeys(ctx, owner, { algorithms: ['ed25519'], usedFrom: null });
    else return rows.map((row) => open(ctx, owner, row));
  }
  throw new Error(`no selector is free for ${owner.domain}`);
}

/** Adds a pair that waits until the DNS shows it. */
export async function addWaitingPair(ctx: Context, owner: KeyOwner): Promise<void> {
  await addKeys(ctx, owner, { algorithms: ALGORITHMS, usedFrom: null });
}

interface Row {
  id: string;
  selector: string;
  algorithm: DkimAlgorithm;
  private_key: Buffer;
  used_from: Date | null;
  retired_at: Date | null;
}

async function find(ctx: Context, { organisationId, domain }: KeyOwner): Promise<Row[]> {
  return ctx.db.query<Row>(
    `select id, selector, algorithm, private_key, used_from, retired_at from dkim_key
     where organisation_id = $1 and domain = $2 and private_key is not null order by created_at desc, algorithm desc, id`,
    [organisationId, domain],
  );
}

function open(ctx: Context, { domain }: KeyOwner, row: Row): DkimKeyFacts {
  const der = unwrapKey(ctx.keyring, place(row.id), row.private_key);
  return {
    id: row.id,
    domain,
    selector: row.selector,
    algorithm: row.algorithm,
    key: createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }),
    state: row.retired_at ? 'former' : row.used_from ? 'used' : 'waiting',
    retiredAt: row.retired_at,
  };
}

/** In one statement, so that a pair has one number; nothing is added when another process took that number, which the next look shows. */
async function addKeys(
  ctx: Context,
  { organisationId, domain }: KeyOwner,
  { algorithms, usedFrom }: { algorithms: readonly DkimAlgorithm[]; usedFrom: Date | null },
): Promise<void> {
  const number = await nextNumber(ctx, domain);
  const made = await Promise.all(
    algorithms.map(async (algorithm) => {
      const { privateKey, publicKey } = await makeKey(algorithm);
      const id = randomUUID();
      const der = privateKey.export({ format: 'der', type: 'pkcs8' });
      const spki = publicKey.export({ format: 'der', type: 'spki' }).toString('base64');
      const wrapped = wrapKey(ctx.keyring, place(id), der);
      return { id, algorithm, selector: selectorOf(number, algorithm), wrapped, spki };
    }),
  );
  await ctx.db.query(
    `insert into dkim_key (id, organisation_id, domain, selector, algorithm, private_key, public_key, created_at, used_from)
     select id, $1, $2, selector, algorithm, private_key, public_key, $3, $4
     from unnest($5::uuid[], $6::text[], $7::text[], $8::bytea[], $9::text[]) as made (id, selector, algorithm, private_key, public_key)
     on conflict (domain, selector) do nothing`,
    [
      ...[organisationId, domain, ctx.now(), usedFrom],
      ...[made.map(({ id }) => id), made.map(({ selector }) => selector), made.map(({ algorithm }) => algorithm)],
      ...[made.map(({ wrapped }) => wrapped), made.map(({ spki }) => spki)],
    ],
  );
}

/** One higher than any that was had for the domain, by whichever organisation: a selector never comes back with another key. */
async function nextNumber(ctx: Context, domain: string): Promise<number> {
  const [row] = await ctx.db.query<{ n: number }>(
    `select coalesce(max(substring(selector from '^zgoda(\\d+)')::int), 0) + 1 as n from dkim_key where domain = $1`,
    [domain],
  );
  return row?.n ?? 1;
}

/** Names of their own, as two keys at one name verify by chance. */
function selectorOf(number: number, algorithm: DkimAlgorithm): string {
  return `zgoda${number}${algorithm === 'rsa' ? '' : 'e'}`;
}

async function makeKey(algorithm: DkimAlgorithm): Promise<{ privateKey: KeyObject; publicKey: KeyObject }> {
  return algorithm === 'rsa'
    ? promisify(generateKeyPair)('rsa', { modulusLength: BITS })
    : promisify(generateKeyPair)('ed25519');
}

function place(id: string): { table: string; column: string; row: string } {
  return { table: 'dkim_key', column: 'private_key', row: id };
}
