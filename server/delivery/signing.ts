import { createPrivateKey, generateKeyPair, randomUUID, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import type { OrganisationFacts } from '../consent/catalogue.js';
import type { Context } from '../context.js';
import { unwrapKey, wrapKey } from '../keys/subject-key.js';

/** What an organisation's mail is signed with. */
export interface Signer {
  readonly domain: string;
  readonly selector: string;
  readonly key: KeyObject;
  /** For DNS: base64 of the public key. */
  readonly publicKey: string;
}

const BITS = 2048;
const signers = new WeakMap<Context, Map<string, Promise<Signer>>>();

/** The DKIM key of an organisation's From domain; made on first use and kept encrypted (M-31). */
export async function signerOf(ctx: Context, organisation: OrganisationFacts): Promise<Signer> {
  const known = signers.get(ctx) ?? new Map<string, Promise<Signer>>();
  signers.set(ctx, known);
  const domain = organisation.fromAddress.slice(organisation.fromAddress.lastIndexOf('@') + 1);
  const key = `${organisation.id} ${domain}`;
  const signer = known.get(key) ?? load(ctx, organisation.id, domain);
  known.set(key, signer);
  signer.catch(() => known.delete(key));
  return signer;
}

/** The DNS record that publishes a key: name and text. RFC 6376 3.6.1. */
export function dkimRecord(signer: Signer): { name: string; text: string } {
  return { name: `${signer.selector}._domainkey.${signer.domain}`, text: `v=DKIM1; k=rsa; p=${signer.publicKey}` };
}

interface Row {
  id: string;
  selector: string;
  private_key: Buffer;
  public_key: string;
}

async function load(ctx: Context, organisationId: string, domain: string): Promise<Signer> {
  const row = (await find(ctx, organisationId, domain)) ?? (await make(ctx, organisationId, domain));
  const der = unwrapKey(ctx.keyring, place(row.id), row.private_key);
  return {
    domain,
    selector: row.selector,
    key: createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }),
    publicKey: row.public_key,
  };
}

async function find(ctx: Context, organisationId: string, domain: string): Promise<Row | undefined> {
  const [row] = await ctx.db.query<Row>(
    'select id, selector, private_key, public_key from dkim_key where organisation_id = $1 and domain = $2 order by created_at desc limit 1',
    [organisationId, domain],
  );
  return row;
}

async function make(ctx: Context, organisationId: string, domain: string): Promise<Row> {
  const pair = await promisify(generateKeyPair)('rsa', { modulusLength: BITS });
  const id = randomUUID();
  const der = pair.privateKey.export({ format: 'der', type: 'pkcs8' });
  const publicKey = pair.publicKey.export({ format: 'der', type: 'spki' }).toString('base64');
  await ctx.db.query(
    `insert into dkim_key (id, organisation_id, domain, selector, private_key, public_key, created_at) values ($1, $2, $3, $4, $5, $6, $7)
     on conflict (domain, selector) do nothing`,
    [id, organisationId, domain, 'zgoda1', wrapKey(ctx.keyring, place(id), der), publicKey, ctx.now()],
  );
  const row = await find(ctx, organisationId, domain);
  if (!row) throw new Error(`another organisation signs for ${domain} already`);
  return row;
}

function place(id: string): { table: string; column: string; row: string } {
  return { table: 'dkim_key', column: 'private_key', row: id };
}
